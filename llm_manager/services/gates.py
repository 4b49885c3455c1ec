"""A gate lets a request through or refuses it, and is told how it ended, once: budgets, breakers, admission, keys.

Whole answers, streams and what is no chat pass the same gates.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from returns.result import Failure, Success

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.usage import Cost, Usage
from llm_manager.outcomes import Settled

Emit: TypeAlias = Callable[[Event], None]


class Replied(msgspec.Struct, frozen=True, kw_only=True):
    """A request was answered: what it took, what it cost, and what its provider told of its limits."""

    usage: Usage | None
    cost: Cost
    rate_limits: RateLimits | None = None


End: TypeAlias = Replied | LLMError | None
"""How a request ended; None for one that its caller left."""


def _nothing(_: RateLimits | None) -> None: ...


class Pass(msgspec.Struct, frozen=True):
    """What a gate gives to whom it lets through, to be told exactly once that it ``ended``, however it did.

    ``opened`` is told before that, when a stream has begun to answer. ``unsent`` is told instead of it where a gate wants to know
    that the request never left: a later gate refused it, or its caller left while it waited there.
    """

    ended: Callable[[End], None]
    opened: Callable[[RateLimits | None], None] = _nothing
    unsent: Callable[[], None] | None = None


Entered: TypeAlias = Settled[Pass, LLMError]

WaitingGate: TypeAlias = Callable[[AnyAttempt, Emit], Coroutine[Any, Any, Entered]]
"""Waits until the request may go on, or refuses it. A cancelled wait leaves nothing behind."""

Gate: TypeAlias = Callable[[AnyAttempt, Emit], Entered | Coroutine[Any, Any, Entered]]
"""The same for one that may decide at once: a plain function, which gives something to wait for where it must wait."""


def _unheard(_: End) -> None: ...


LET_THROUGH: Final[Entered] = Success(Pass(ended=_unheard))
"""From a gate that does not want to know how the request ended: it is not told."""


async def pass_all(gates: Sequence[Gate], attempt: AnyAttempt, emit: Emit) -> list[Pass] | Failure[LLMError]:
    """Go through gates in their order; one that refuses ends those that were passed before it."""
    passed: list[Pass] = []
    try:
        for gate in gates:
            told = gate(attempt, emit)
            if told is LET_THROUGH:
                continue
            entered = told if type(told) is Success or type(told) is Failure else await told
            if not isinstance(entered, Success):
                break
            passed.append(entered.unwrap())
        else:
            return passed
    except BaseException:
        _end_unsent(passed, None)
        raise
    _end_unsent(passed, entered.failure())
    return entered


async def enter(gate: Gate, attempt: AnyAttempt, emit: Emit) -> Entered:
    """Go through one gate alone, whether it waits or not."""
    told = gate(attempt, emit)
    return told if isinstance(told, Success | Failure) else await told


def end_all(passed: Sequence[Pass], how: End) -> None:
    """Tell every gate, the last one passed first, how the request ended."""
    for each in reversed(passed):
        each.ended(how)


def _end_unsent(passed: Sequence[Pass], how: LLMError | None) -> None:
    for each in reversed(passed):
        if each.unsent is None:
            each.ended(how)
        else:
            each.unsent()


def open_all(passed: Sequence[Pass], told: RateLimits | None) -> None:
    """Tell every gate that a stream has begun to answer."""
    for each in passed:
        each.opened(told)
