"""End an attempt at its deadline: our own deadline becomes a value, anyone else's cancellation passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from math import inf

from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.deadlines import late
from llm_manager.services.steps import Events, Layer, Reply, Step, with_rest


def bounding(now: Callable[[], float]) -> Layer:
    """Give an attempt until its deadline to reply, and an open stream until the call's to end."""
    clocks = PerLoop(_AlarmClock)

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def bounded(attempt: Attempt) -> Settled[Reply, LLMError]:
            clock, given = clocks.get(), attempt.deadline - now()
            alarm = clock.set(given, asyncio.current_task(clock.loop))
            try:
                outcome = await step(attempt)
            except asyncio.CancelledError:
                if not alarm.woke_us():
                    raise
                return Failure(late(attempt, given=given))
            finally:
                clock.turn_off(alarm)
            if isinstance(outcome, Success) and isinstance(outcome.unwrap(), LLMResponse):
                return outcome
            return with_rest(outcome, lambda events: _until_deadline(attempt, events, clock, now))

        return bounded

    return wrap


async def _until_deadline(attempt: Attempt, events: Events, clock: _AlarmClock, now: Callable[[], float]) -> Events:
    """Pass events on until the call's deadline; one alarm for the whole stream, none per event.

    It cancels the task that waits for the next event, as `asyncio.timeout` does, and nobody when none waits.
    """
    given = attempt.call_deadline - now()
    alarm = clock.set(given, None)
    try:
        async with aclosing(events):
            while not alarm.rung:
                alarm.wakes(asyncio.current_task(clock.loop))
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
            yield Failure(late(attempt, total=True, given=given))
    finally:
        clock.turn_off(alarm)


class _Alarm:
    """Cancels the task that waits when it rings, and knows its own cancellation from anyone else's."""

    __slots__ = ("_cancelling", "_waiting", "_woken", "rung")

    def __init__(self, task: asyncio.Task[object] | None) -> None:
        self.rung = False
        self._waiting = task
        self._woken: asyncio.Task[object] | None = None
        self._cancelling = 0 if task is None else task.cancelling()

    def wakes(self, task: asyncio.Task[object] | None) -> None:
        self._waiting = task
        if task is not None:
            self._cancelling = task.cancelling()

    def woke_us(self) -> bool:
        woken, self._woken = self._woken, None
        return woken is not None and woken.uncancel() <= self._cancelling

    def ring(self) -> None:
        self.rung = True
        if self._waiting is not None:
            self._woken = self._waiting
            self._waiting.cancel()

    def forgive(self) -> None:
        """Take back a cancellation of ours that somebody below swallowed."""
        if self._woken is not None:
            self._woken.uncancel()


class _AlarmClock:
    """The alarms of one event loop behind one timer: a timer for each attempt costs several times what an entry here does.

    The timer is set for the earliest deadline known when it was set; when it finds nothing due it is set again. One that
    an earlier deadline takes the place of is cancelled: it would stay until its own time, and there may be many of them.
    """

    __slots__ = ("_due", "_rings_at", "_timer", "loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._due: dict[_Alarm, float] = {}
        self._rings_at = inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float, task: asyncio.Task[object] | None) -> _Alarm:
        """An alarm that cancels a task, if it is not turned off before."""
        alarm = _Alarm(task)
        at = self._due[alarm] = self.loop.time() + seconds
        if at < self._rings_at:
            self._wind(at)
        return alarm

    def turn_off(self, alarm: _Alarm) -> None:
        self._due.pop(alarm, None)
        alarm.forgive()

    def _wind(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        self._timer = self.loop.call_at(at, self._look, at)

    def _look(self, at: float) -> None:
        self._timer = None
        for alarm in [alarm for alarm, due in self._due.items() if due <= at]:
            del self._due[alarm]
            alarm.ring()
        self._rings_at = inf
        if self._due:
            self._wind(min(self._due.values()))
