"""Trying the steps of a plan until one answers: the loop that obeys `next_move`, with one ledger for all attempts.

Nothing is re-sent anywhere else: whole answers, streams, embeddings and the rest are all asked from here.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias, TypeVar

from returns.result import Failure, Success

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.errors import AttemptRecord, LLMError
from llm_manager.domain.events import MovedOn
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import Plan
from llm_manager.domain.usage import Cost
from llm_manager.outcomes import Settled
from llm_manager.policies.recovery import GiveUp, Move, next_move
from llm_manager.policies.routing import retirement
from llm_manager.services.journal import Journal
from llm_manager.services.world import World

_Answer = TypeVar("_Answer")

Ask: TypeAlias = Callable[[int, Ledger, float], Coroutine[Any, Any, Settled[_Answer, LLMError]]]
"""Asks one step of the plan, by its index, once; the float is when that begins, on the world's monotonic clock."""


class Decide(Protocol):
    """What follows a failed attempt: see `next_move`."""

    def __call__(self, plan: Plan, ledger: Ledger, error: LLMError, *, now: float, jitter: float) -> Move: ...


async def try_steps(
    ask: Ask[_Answer], plan: Plan, ledger: Ledger, *, call_id: str, world: World, journal: Journal, decide: Decide = next_move
) -> Settled[_Answer, LLMError]:
    """Ask the first step, then whatever ``decide`` says, until there is an answer or it gives up."""
    began = world.now()
    outcome = await ask(0, ledger, began)
    if isinstance(outcome, Success):
        return outcome
    return await try_on(outcome.failure(), began, ask, plan, ledger, call_id=call_id, world=world, journal=journal, decide=decide)


async def try_on(
    error: LLMError,
    began: float,
    ask: Ask[_Answer],
    plan: Plan,
    ledger: Ledger,
    *,
    call_id: str,
    world: World,
    journal: Journal,
    decide: Decide = next_move,
) -> Settled[_Answer, LLMError]:
    """Go on after the first step, asked at ``began``, met an error."""
    now = world.now
    index = 0
    while True:
        failed = now()
        ledger = ledger.entered(record(plan, ledger, index, began, failed, error=error))
        move = decide(plan, ledger, error, now=failed, jitter=world.rng.random())
        if isinstance(move, GiveUp):
            return Failure(move.error)
        journal.emit(
            MovedOn(
                at=failed,
                call_id=call_id,
                from_model=plan.steps[index].profile.name,
                to_model=plan.steps[move.step].profile.name,
                after_seconds=move.after_seconds,
                error_tag=error.tag,
            )
        )
        if move.after_seconds > 0.0:
            await world.sleep(move.after_seconds)
        index, began = move.step, now()
        outcome = await ask(index, ledger, began)
        if isinstance(outcome, Success):
            return outcome
        error = outcome.failure()


def record(
    plan: Plan, ledger: Ledger, index: int, began: float, ended: float, *, error: LLMError | None = None, cost: Cost | None = None
) -> AttemptRecord:
    """The next line of a ledger, for an attempt at step ``index`` that lasted from ``began`` to ``ended``."""
    profile = plan.steps[index].profile
    return AttemptRecord(
        number=len(ledger.attempts) + 1,
        step=index,
        provider=profile.provider,
        model=profile.name,
        after_seconds=began - ledger.started,
        seconds=ended - began,
        error=error,
        cost=cost,
    )


def moves(ledger: Ledger, answered: ModelProfile) -> tuple[str, ...]:
    """Say that the first model asked is not the one that answered, what it met, and whether the other one is retired."""
    if not ledger.attempts:
        return ()
    first = ledger.attempts[0]
    if first.error is None or (first.provider, first.model) == (answered.provider, answered.name):
        return ()
    moved = f"{first.model} of {first.provider} failed ({first.error.tag}); {answered.name} of {answered.provider} answered"
    return (moved, *retirement(answered))
