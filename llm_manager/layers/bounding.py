"""End an attempt at its deadline: our own deadline becomes a value, anyone else's cancellation passes."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from returns.result import Failure

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.deadlines import late
from llm_manager.services.steps import Events, Layer, Reply, Step, with_rest


def bounding(now: Callable[[], float]) -> Layer:
    """Give an attempt until its deadline to reply, and an open stream until the call's to end."""

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def bounded(attempt: Attempt) -> Settled[Reply, LLMError]:
            loop = asyncio.get_running_loop()
            alarm = _Alarm(loop, attempt.deadline - now())
            alarm.wakes(asyncio.current_task(loop))
            try:
                outcome = await step(attempt)
            except asyncio.CancelledError:
                if not alarm.woke_us():
                    raise
                return Failure(late(attempt))
            finally:
                alarm.off()
            return with_rest(outcome, lambda events: _until_deadline(attempt, events, now))

        return bounded

    return wrap


async def _until_deadline(attempt: Attempt, events: Events, now: Callable[[], float]) -> Events:
    """Pass events on until the call's deadline; one timer for the whole stream, none per event.

    The timer cancels the task that waits for the next event, as `asyncio.timeout` does, and nobody when none waits.
    """
    loop = asyncio.get_running_loop()
    alarm = _Alarm(loop, attempt.call_deadline - now())
    try:
        async with aclosing(events):
            while not alarm.rung:
                alarm.wakes(asyncio.current_task(loop))
                try:
                    event = await anext(events, None)
                except asyncio.CancelledError:
                    if not alarm.woke_us():
                        raise
                    break
                finally:
                    alarm.wakes(None)
                if event is None:
                    return
                yield event
            yield Failure(late(attempt, total=True))
    finally:
        alarm.off()


class _Alarm:
    """Cancels the task that waits when it rings, and knows its own cancellation from anyone else's.

    What `asyncio.timeout` does, at half its price, and for a wait that is resumed by many small ones.
    """

    __slots__ = ("_cancelling", "_timer", "_waiting", "_woken", "rung")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.rung = False
        self._waiting: asyncio.Task[object] | None = None
        self._woken: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._timer = loop.call_later(seconds, self._ring)

    def wakes(self, task: "asyncio.Task[object] | None") -> None:
        self._waiting = task
        if task is not None:
            self._cancelling = task.cancelling()

    def woke_us(self) -> bool:
        woken, self._woken = self._woken, None
        return woken is not None and woken.uncancel() <= self._cancelling

    def off(self) -> None:
        """Ring no more; a cancellation of ours that somebody below swallowed is taken back."""
        self._timer.cancel()
        if self._woken is not None:
            self._woken.uncancel()

    def _ring(self) -> None:
        self.rung = True
        if self._waiting is not None:
            self._woken = self._waiting
            self._waiting.cancel()
