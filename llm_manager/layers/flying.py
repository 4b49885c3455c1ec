"""Ask once for what several processes ask at the same time: one of them leads, the others wait for its answer.

Equal calls of one process have found together before. When what is shared is away, or whoever leads brings no answer, each asks for
itself; a private request is never told of.
"""

from collections.abc import Callable
from typing import Final

from attrs import evolve
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.cache_key import cache_key
from llm_manager.policies.deadlines import late
from llm_manager.policies.pricing import NOTHING_PAID, Pricing, price
from llm_manager.services.attempt_events import hit
from llm_manager.services.journal import Journal
from llm_manager.services.sharing import Follow, Lead, SharedFlights
from llm_manager.services.steps import Step
from llm_manager.services.world import World

_FIRST_LOOK: Final = 0.02
_LONGEST_LOOK: Final = 0.25


def flying(
    flights: SharedFlights, journal: Journal, world: World, pricing: Pricing = price
) -> Callable[[Step[Attempt, LLMResponse]], Step[Attempt, LLMResponse]]:
    """Lead, or follow who leads; it stands behind caching, which stores the answer."""

    def wrap(step: "Step[Attempt, LLMResponse]") -> "Step[Attempt, LLMResponse]":
        async def flown(attempt: Attempt) -> "Settled[LLMResponse, LLMError]":
            if attempt.private or attempt.request.cache == "off":
                return await step(attempt)
            key, began = cache_key(attempt), world.now()
            while True:
                boarded = await flights.board(key, attempt.request.cache == "use")
                if isinstance(boarded, Failure):
                    return await step(_later(attempt, world.now() - began))
                place = boarded.unwrap()
                if isinstance(place, Lead):
                    return await _lead(place, step, _later(attempt, world.now() - began))
                answer = await _followed(flights, key, place, attempt, world) if isinstance(place, Follow) else place
                if isinstance(answer, LLMResponse):
                    journal.emit(hit(attempt, answer, pricing, world.now(), shared=True))
                    return Success(evolve(answer, cached=True, shared=True, cost=NOTHING_PAID))
                if world.now() >= attempt.call_deadline:
                    return Failure(late(attempt))

        return flown

    return wrap


async def _lead(lead: Lead, step: Step[Attempt, LLMResponse], attempt: Attempt) -> Settled[LLMResponse, LLMError]:
    try:
        outcome = await step(attempt)
    except BaseException:
        lead.leave()
        raise
    await lead.land(outcome.unwrap() if isinstance(outcome, Success) else None)
    return outcome


async def _followed(flights: SharedFlights, key: str, follow: Follow, attempt: Attempt, world: World) -> LLMResponse | None:
    """The answer of who leads; None when there will be none, or the call has no time left for it."""
    look = _FIRST_LOOK
    attempt.whereabouts.shared = True
    while (left := attempt.call_deadline - world.now()) > 0:
        await world.sleep(min(look, left))
        look = min(look * 1.5, _LONGEST_LOOK)
        landed = await flights.landed(key, follow.token)
        found = landed.unwrap() if isinstance(landed, Success) else False
        if isinstance(found, LLMResponse):
            return found
        if not found:
            break
    attempt.whereabouts.shared = False
    return None


def _later(attempt: Attempt, seconds: float) -> Attempt:
    """Waiting takes nothing from an attempt's own time; its call's deadline stands."""
    return attempt if seconds < _FIRST_LOOK else replace(attempt, deadline=min(attempt.deadline + seconds, attempt.call_deadline))
