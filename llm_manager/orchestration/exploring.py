"""Exploring, where settings want it: never for what the cache has already."""

from collections.abc import Callable, Coroutine, Mapping
from random import Random
from typing import Any, TypeAlias

from returns.result import Failure

from llm_manager.domain.plans import Plan, RoutingPolicy
from llm_manager.domain.requests import CachePolicy, LLMRequest
from llm_manager.outcomes import sealed
from llm_manager.policies.cache_key import answer_key
from llm_manager.policies.exploring import exploring_plan, may_explore
from llm_manager.services.model_client import ModelClient

Explore: TypeAlias = Callable[[LLMRequest, Plan], Coroutine[Any, Any, Plan]]
Holds: TypeAlias = Callable[[str, CachePolicy], Coroutine[Any, Any, bool]]
"""Says whether an answer is remembered under a key, or asked for right now."""


def exploring(policy: RoutingPolicy, rng: Random, clients: Callable[[], Mapping[str, ModelClient]], holds: Holds) -> Explore | None:
    """Plans that now and then ask another model first; None where settings want none, so that nothing is drawn."""
    if policy.explore <= 0:
        return None

    async def explore(request: LLMRequest, plan: Plan) -> Plan:
        if not may_explore(plan, policy, rng.random()) or await remembers(request, plan):
            return plan
        return exploring_plan(plan, rng.random())

    async def remembers(request: LLMRequest, plan: Plan) -> bool:
        step = plan.steps[0]
        encoded = sealed(clients()[step.profile.provider].encode(request, step.profile))
        if isinstance(encoded, Failure):
            return False
        return await holds(answer_key(encoded.unwrap(), step.endpoint, step.profile.name, request.metadata.tenant), request.cache)

    return explore
