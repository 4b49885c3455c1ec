"""Remember complete answers, and let equal calls under way share one flight.

A flight is a task of its own with its leader's deadline; it is cancelled when its last waiter leaves, and a follower that
has more time left than a late flight had, or may cost more than one that was refused for that, flies again. Only complete answers
are stored. A stream is stored when it ends complete and replayed as events; two open streams are never joined.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from attrs import define, evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.caching import Provenance, Remembered
from llm_manager.domain.errors import BudgetExceeded, LLMError, RequestTimeout
from llm_manager.domain.requests import CachePolicy, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Priced
from llm_manager.outcomes import Settled
from llm_manager.policies.cache_key import cache_key
from llm_manager.policies.call_cost import NAME
from llm_manager.policies.deadlines import late
from llm_manager.policies.pricing import NOTHING_PAID, Pricing, price
from llm_manager.services.attempt_events import hit
from llm_manager.services.cache import Cache
from llm_manager.services.journal import Journal
from llm_manager.services.steps import Events, OpenStream, Step, on_answer


@define
class Flight:
    """A call under way, how long it was given, what it may cost, on whose behalf, and how many wait for it."""

    task: "asyncio.Task[Settled[LLMResponse, LLMError]]"
    seconds: float
    left_usd: Decimal | None
    metadata: RequestMetadata
    waiters: int = 0


@frozen(kw_only=True)
class Memory:
    """The state that caching decides on: the cache, the flights of each event loop, and whom to tell of hits."""

    cache: Cache[LLMResponse]
    journal: Journal
    now: Callable[[], float]
    pricing: Pricing = price
    flights: PerLoop[dict[str, Flight]] = field(factory=lambda: PerLoop(dict))

    async def holds(self, key: str, policy: CachePolicy) -> bool:
        """Say whether an answer is remembered under a key, or asked for right now, for a request of this policy."""
        if policy == "off":
            return False
        if key in self.flights.get():
            return True
        found = await self.cache.holds(key) if policy == "use" else None
        return isinstance(found, Success) and found.unwrap()


def caching(memory: Memory) -> Callable[[Step[Attempt, LLMResponse]], Step[Attempt, LLMResponse]]:
    """Answer from memory, else join an equal call under way, else ask and store."""

    def wrap(step: "Step[Attempt, LLMResponse]") -> "Step[Attempt, LLMResponse]":
        async def cached(attempt: Attempt) -> "Settled[LLMResponse, LLMError]":
            if attempt.request.cache == "off":
                return await step(attempt)
            key = cache_key(attempt)
            found = await _recall(memory, key, attempt)
            if found is not None:
                return Success(found)
            return await _share(memory, key, attempt, step)

        return cached

    return wrap


def caching_streams(memory: Memory) -> Callable[[Step[Attempt, OpenStream]], Step[Attempt, OpenStream]]:
    """Replay a remembered answer as events, else open a stream and store the answer it ends with."""

    def wrap(step: "Step[Attempt, OpenStream]") -> "Step[Attempt, OpenStream]":
        async def cached(attempt: Attempt) -> "Settled[OpenStream, LLMError]":
            if attempt.request.cache == "off":
                return await step(attempt)
            key = cache_key(attempt)
            found = await _recall(memory, key, attempt)
            if found is not None:
                return Success(replayed(found))
            return await on_answer(await step(attempt), lambda answer: _store(memory, key, attempt, answer))

        return cached

    return wrap


def replayed(answer: LLMResponse) -> OpenStream:
    """Tell a whole answer as the events of a stream."""
    events: list[StreamEvent] = [ReasoningDelta(text=answer.reasoning)] if answer.reasoning else []
    events += [TextDelta(text=answer.content)] if answer.content else []
    events.extend(
        ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments) for index, call in enumerate(answer.tool_calls)
    )
    events.append(StreamFinished(response=answer))

    async def rest() -> Events:
        for event in events[1:]:
            yield Success(event)

    return OpenStream(first=events[0], rest=rest())


async def _recall(memory: Memory, key: str, attempt: Attempt) -> LLMResponse | None:
    """The remembered answer; a cache that fails remembers nothing."""
    if attempt.request.cache != "use":
        return None
    found = await memory.cache.get(key)
    if not isinstance(found, Success) or (remembered := found.unwrap()) is None:
        return None
    answer = evolve(remembered.value, age_seconds=remembered.age_seconds)
    memory.journal.emit(hit(attempt, answer, memory.pricing, memory.now(), shared=False))
    return answer


async def _store(memory: Memory, key: str, attempt: Attempt, answer: LLMResponse) -> None:
    """Remember a complete answer, marked as one that will have come from memory."""
    if answer.finish != "stop" or (answer.cached and not answer.shared):  # what stood in for an answer is not one
        return
    cost = memory.pricing(answer.usage, attempt.model.price)
    provenance = Provenance(
        provider=attempt.endpoint.provider,
        model=attempt.model.name,
        tenant=attempt.metadata.tenant,
        tags=attempt.metadata.tags,
        private=attempt.private,
        cost_usd=cost.usd if isinstance(cost, Priced) else None,
    )
    await memory.cache.put(key, Remembered(value=evolve(answer, cached=True, shared=False, cost=NOTHING_PAID), provenance=provenance))


async def _share(memory: Memory, key: str, attempt: Attempt, step: Step[Attempt, LLMResponse]) -> Settled[LLMResponse, LLMError]:
    flights = memory.flights.get()
    while True:
        left = attempt.deadline - memory.now()
        flight = flights.get(key)
        if flight is not None and left >= flight.seconds:  # it bounds itself, but for what it waits to be let through
            left = attempt.call_deadline - memory.now()
        if flight is None:
            task = asyncio.create_task(_fly(memory, flights, key, attempt, step))
            flight = flights[key] = Flight(task, left, attempt.left_usd, attempt.metadata, waiters=1)
            return await _wait(flights, key, flight)
        flight.waiters += 1
        attempt.whereabouts.shared = True
        scope = asyncio.timeout(left)
        try:
            async with scope:
                outcome = await _wait(flights, key, flight)
        except TimeoutError:
            if not scope.expired():
                raise
            return Failure(late(attempt))
        if isinstance(outcome, Success):
            memory.journal.emit(hit(attempt, outcome.unwrap(), memory.pricing, memory.now(), shared=True))
            return Success(evolve(outcome.unwrap(), shared=True, cost=NOTHING_PAID))
        error = outcome.failure()
        if isinstance(error, BudgetExceeded):
            again = key in flights or _has_more(attempt, flight, error)
        else:
            again = isinstance(error, RequestTimeout) and attempt.deadline - memory.now() > flight.seconds
        if not again:
            return outcome


def _has_more(attempt: Attempt, flight: Flight, error: BudgetExceeded) -> bool:
    """Say whether what was too dear for a flight may not be for one who joined it: his own call may cost more, or another pays."""
    if error.budget == NAME:
        return flight.left_usd is not None and (attempt.left_usd is None or attempt.left_usd > flight.left_usd)
    return attempt.metadata != flight.metadata


async def _wait(flights: dict[str, Flight], key: str, flight: Flight) -> Settled[LLMResponse, LLMError]:
    try:
        return await asyncio.shield(flight.task)
    finally:
        flight.waiters -= 1
        if flight.waiters == 0 and not flight.task.done():
            if flights.get(key) is flight:
                del flights[key]
            flight.task.cancel()


async def _fly(
    memory: Memory, flights: dict[str, Flight], key: str, attempt: Attempt, step: Step[Attempt, LLMResponse]
) -> Settled[LLMResponse, LLMError]:
    try:
        return await on_answer(await step(attempt), lambda answer: _store(memory, key, attempt, answer))
    finally:
        landed = flights.get(key)
        if landed is not None and landed.task is asyncio.current_task():
            del flights[key]
