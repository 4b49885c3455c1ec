"""Steps around a ready model: what loading may take is not given to the answer, and what it took is told with it."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from attrs import evolve
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients.ollama.errors import not_reached
from llm_manager.clients.who import who_answers
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.services.steps import Ending, OpenStream, Step, at_end

Ready: TypeAlias = Callable[[Attempt], Coroutine[Any, Any, Settled[tuple[str, ...], LLMError]]]
"""Makes the model of an attempt ready; gives notices of what that took."""


def readied_answer(step: Step[Attempt, LLMResponse], ready: Ready) -> Step[Attempt, LLMResponse]:
    """Make the model ready, then ask for a whole answer within the limits of one that is loaded."""
    known: tuple[Limits, Limits] | None = None

    async def answer(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        nonlocal known
        made = await ready(attempt)
        if isinstance(made, Failure):
            return made
        limits = attempt.limits
        if known is None or known[0] is not limits:
            known = limits, loaded_limits(limits, attempt.model.load_seconds)
        outcome = await step(attempt if known[1] is limits else _within(attempt, known[1]))
        if isinstance(outcome, Failure):
            return Failure(not_reached(outcome.failure(), who_answers(attempt)))
        notices = made.unwrap()
        return at_end(outcome, _telling(notices)) if notices else outcome

    return answer


def readied_stream(step: Step[Attempt, OpenStream], ready: Ready) -> Step[Attempt, OpenStream]:
    """Make the model ready, then open a stream, which begins within the silence that is allowed."""

    async def open_stream(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        made = await ready(attempt)
        if isinstance(made, Failure):
            return made
        outcome = await step(attempt)
        if isinstance(outcome, Failure):
            return Failure(not_reached(outcome.failure(), who_answers(attempt)))
        notices = made.unwrap()
        return at_end(outcome, _telling(notices)) if notices else outcome

    return open_stream


def loaded_limits(limits: Limits, load_seconds: float) -> Limits:
    """The limits without the time for loading; silence is always allowed as long as it was.

    >>> loaded_limits(Limits(silence_seconds=30.0, attempt_seconds=660.0), 600.0).attempt_seconds
    60.0
    """
    left = max(min(limits.silence_seconds, limits.attempt_seconds), limits.attempt_seconds - load_seconds)
    return limits if left == limits.attempt_seconds else evolve(limits, attempt_seconds=left)


def _within(attempt: Attempt, limits: Limits) -> Attempt:
    """The attempt with other limits."""
    return replace(attempt, limits=limits)


def _telling(notices: tuple[str, ...]) -> Callable[[Ending], Ending]:
    def tell(ending: Ending) -> Ending:
        if isinstance(ending, Failure):
            return ending
        answer = ending.unwrap()
        return Success(evolve(answer, notices=(*notices, *answer.notices)))

    return tell
