"""Asking another model first, now and then, so that one that is new or has recovered is found again."""

from attrs import evolve

from llm_manager.domain.plans import Plan, RoutingPolicy


def may_explore(plan: Plan, policy: RoutingPolicy, draw: float) -> bool:
    """Say whether this call is one of those that explore, by a ``draw`` from [0, 1)."""
    return draw < policy.explore and policy.strategy != "cost" and any(step.rival for step in plan.steps)


def exploring_plan(plan: Plan, draw: float) -> Plan:
    """The plan with one rival of its first step before all others, chosen by a ``draw`` from [0, 1)."""
    rivals = [place for place, step in enumerate(plan.steps) if step.rival]
    if not rivals:
        return plan
    chosen = rivals[min(int(draw * len(rivals)), len(rivals) - 1)]
    step = plan.steps[chosen]
    first = evolve(step, reasons=("asked first this time, to see how it is now", *step.reasons))
    notice = f"{step.profile.name} of {step.profile.provider} is asked first this time, to see how it is now (routing.explore)"
    return evolve(plan, steps=(first, *plan.steps[:chosen], *plan.steps[chosen + 1 :]), notices=(*plan.notices, notice))
