"""End an attempt at its deadline: our own deadline becomes a value, anyone else's cancellation passes."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError, Origin, RequestTimeout
from llm_manager.outcomes import Settled
from llm_manager.services.steps import Events, Layer, Reply, Step, with_rest


def bounding(now: Callable[[], float]) -> Layer:
    """Give an attempt until its deadline to reply, and an open stream until the call's to end."""

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def bounded(attempt: Attempt) -> Settled[Reply, LLMError]:
            scope = asyncio.timeout(attempt.deadline - now())
            try:
                async with scope:
                    outcome = await step(attempt)
            except TimeoutError:
                if not scope.expired():
                    raise
                return Failure(_late(attempt, total=attempt.deadline >= attempt.call_deadline))
            if isinstance(outcome, Failure):
                return outcome
            return Success(with_rest(outcome.unwrap(), lambda events: _until_deadline(attempt, events, now)))

        return bounded

    return wrap


def _late(attempt: Attempt, *, total: bool) -> RequestTimeout:
    seconds = attempt.total_seconds if total else attempt.limits.attempt_seconds
    return RequestTimeout(
        model=attempt.model.name,
        timeout_ms=round(seconds * 1000),
        phase="total" if total else "attempt",
        origin=Origin(provider=attempt.endpoint.provider, endpoint=attempt.endpoint.base_url, charge="possible"),
    )


async def _until_deadline(attempt: Attempt, events: Events, now: Callable[[], float]) -> Events:
    """Pass events on until the call's deadline; one timer for the whole stream, none per event.

    The timer cancels the task that waits for the next event, as `asyncio.timeout` does, and nobody when none waits.
    """
    alarm = _Alarm()
    timer = asyncio.get_running_loop().call_later(attempt.call_deadline - now(), alarm.ring)
    try:
        async with aclosing(events):
            while not alarm.rung:
                alarm.wakes(asyncio.current_task())
                try:
                    event = await anext(events, None)
                except asyncio.CancelledError:
                    if not alarm.woke_us():
                        raise
                    break
                finally:
                    alarm.waiting = None
                if event is None:
                    return
                yield event
            yield Failure(_late(attempt, total=True))
    finally:
        timer.cancel()


class _Alarm:
    """Cancels the task that waits when it rings, and knows its own cancellation from anyone else's."""

    __slots__ = ("_cancelling", "_woken", "rung", "waiting")

    def __init__(self) -> None:
        self.rung = False
        self.waiting: asyncio.Task[object] | None = None
        self._woken: asyncio.Task[object] | None = None
        self._cancelling = 0

    def wakes(self, task: "asyncio.Task[object] | None") -> None:
        self.waiting = task
        if task is not None:
            self._cancelling = task.cancelling()

    def ring(self) -> None:
        self.rung = True
        if self.waiting is not None:
            self._woken = self.waiting
            self.waiting.cancel()

    def woke_us(self) -> bool:
        return self._woken is not None and self._woken.uncancel() <= self._cancelling
