"""The one idea: a service is a function value, and everything around a call is a layer.

Step    asks one thing and waits for one settled reply
Layer   Step -> Step, the same for whole answers and for opened streams
publish makes a step a `FutureResult` service on the seam (see `effects`)
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Any, Protocol, TypeAlias, TypeVar, final

from attrs import evolve, field, frozen
from returns.future import FutureResult
from returns.result import Result, Success

from llm_manager.domain.attempts import Attempt, Call
from llm_manager.domain.errors import LLMError
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished
from llm_manager.outcomes import Settled
from llm_manager.services.rests import Rest

Events: TypeAlias = AsyncGenerator[Settled[StreamEvent, LLMError], None]


@final
@frozen(kw_only=True)
class OpenStream:
    """A stream whose first event has arrived; whoever takes it closes ``rest``."""

    first: StreamEvent
    rest: Events = field(repr=False)
    rate_limits: RateLimits | None = field(default=None, repr=False)


Asked = TypeVar("Asked")
Reply = TypeVar("Reply", LLMResponse, OpenStream)
_AnyReply = TypeVar("_AnyReply")

Step: TypeAlias = Callable[[Asked], Coroutine[Any, Any, Settled[_AnyReply, LLMError]]]


Around: TypeAlias = Callable[[Step[Asked, _AnyReply]], Step[Asked, _AnyReply]]
"""A layer seen from one kind of step and reply."""


class Layer(Protocol):
    """A decorator of steps, whichever of the two they reply."""

    def __call__(self, step: Step[Attempt, Reply], /) -> Step[Attempt, Reply]: ...


class CallLayer(Protocol):
    """A decorator of whole calls, whichever of the two they reply."""

    def __call__(self, step: Step[Call, Reply], /) -> Step[Call, Reply]: ...


Generate: TypeAlias = Callable[[LLMRequest], FutureResult[LLMResponse, LLMError]]
Stream: TypeAlias = Callable[[LLMRequest], AsyncGenerator[Result[StreamEvent, LLMError], None]]

Ending: TypeAlias = Settled[LLMResponse, LLMError]


def stacked(layers: Iterable[Around[Asked, _AnyReply]], step: Step[Asked, _AnyReply]) -> Step[Asked, _AnyReply]:
    """Put layers around a step, the first one outermost."""
    for layer in reversed(tuple(layers)):
        step = layer(step)
    return step


def at_end(
    outcome: Settled[Reply, LLMError], tell: Callable[[Ending], Ending], left: Callable[[], None] = lambda: None
) -> Settled[Reply, LLMError]:
    """Tell how a step ends, once: now for a failure or a whole answer, on its last event for a stream.

    What ``tell`` makes of an answer, or of a stream's failure, takes its place. ``left`` is called instead when a stream is
    closed before its end.
    """
    if not isinstance(outcome, Success):
        tell(outcome)
        return outcome
    reply = outcome.unwrap()
    if isinstance(reply, LLMResponse):
        return tell(outcome)
    if isinstance(reply.first, StreamFinished):
        ended = tell(Success(reply.first.response))
        if not isinstance(ended, Success):
            return ended
        return Success(evolve(reply, first=StreamFinished(response=ended.unwrap())))
    rest = reply.rest

    async def unread() -> None:
        await rest.aclose()
        left()

    return Success(evolve(reply, rest=Rest(_telling(rest, tell, left), unread)))


def with_rest(outcome: Settled[Reply, LLMError], change: Callable[[Events], Events]) -> Settled[Reply, LLMError]:
    """Put something around the rest of a stream; a failure and a whole answer stay as they are."""
    if not isinstance(outcome, Success):
        return outcome
    reply = outcome.unwrap()
    if isinstance(reply, LLMResponse):
        return outcome
    return Success(evolve(reply, rest=Rest(change(reply.rest), reply.rest.aclose)))


async def on_answer(
    outcome: Settled[Reply, LLMError], tell: Callable[[LLMResponse], Coroutine[Any, Any, None]]
) -> Settled[Reply, LLMError]:
    """Tell of a whole answer now, of a stream's when it has come to its end; nobody has that end before ``tell`` is done."""
    if not isinstance(outcome, Success):
        return outcome
    reply = outcome.unwrap()
    if isinstance(reply, LLMResponse):
        await tell(reply)
        return outcome
    if isinstance(reply.first, StreamFinished):
        await tell(reply.first.response)
        return outcome
    return with_rest(outcome, lambda events: _telling_first(events, tell))


async def _telling_first(events: Events, tell: Callable[[LLMResponse], Coroutine[Any, Any, None]]) -> Events:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Success) and isinstance(finished := event.unwrap(), StreamFinished):
                await tell(finished.response)
            yield event


async def _telling(events: Events, tell: Callable[[Ending], Ending], left: Callable[[], None]) -> Events:
    told = False
    try:
        async with aclosing(events):
            async for event in events:
                if not isinstance(event, Success):
                    told = True
                    ended = tell(event)
                    yield event if isinstance(ended, Success) else ended
                    return
                if isinstance(happened := event.unwrap(), StreamFinished):
                    told = True
                    ended = tell(Success(happened.response))
                    yield Success(StreamFinished(response=ended.unwrap())) if isinstance(ended, Success) else ended
                    return
                yield event
    finally:
        if not told:
            left()
