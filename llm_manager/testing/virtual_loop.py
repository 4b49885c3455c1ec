"""An asyncio event loop on virtual time: ``asyncio.sleep(60)`` takes microseconds, and every run is the same run.

When nothing is ready, time jumps to the next timer. Real input and output, threads and processes are refused, because
virtual time cannot wait for them; a program that waits for nothing that can happen ends in `DeadlockError`.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from itertools import count
from random import Random
from typing import Any, Never, TypeVar, TypeVarTuple, Unpack

_Value = TypeVar("_Value")
_Arguments = TypeVarTuple("_Arguments")

_FEW_TIMERS = 128

_REFUSED = (
    "add_reader",
    "add_signal_handler",
    "add_writer",
    "connect_accepted_socket",
    "connect_read_pipe",
    "connect_write_pipe",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "getaddrinfo",
    "getnameinfo",
    "run_in_executor",
    "sendfile",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_sendall",
    "sock_sendfile",
    "sock_sendto",
    "start_tls",
    "subprocess_exec",
    "subprocess_shell",
)


class DeadlockError(RuntimeError):
    """Nothing is ready and no timer is set, so the program would wait for ever; the message names the tasks that wait."""


class RealTimeError(RuntimeError):
    """The program asked for something that happens in real time only."""


class OrderedTask(asyncio.Task[_Value]):
    """A task whose hash is its number, so that sets of tasks are walked in the same order in every run.

    Up to a few dozen tasks that is the order of creation, the order in which a task group cancels them.
    """

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, _Value] | Generator[Any, None, _Value], **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time starts at 0.0 and passes only when everybody waits.

    Timers due at the same moment fire in the order in which they were set; with a ``seed`` other than 0 in an order
    drawn from it, so that many seeds try many interleavings.
    """

    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, float, int, asyncio.TimerHandle]] = []
        self._timer_numbers = count()
        self._cancelled_timers = 0
        self._ties = Random(seed) if seed else None  # noqa: S311 - it orders timers, it guards nothing
        self._task_numbers = count()
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Arguments]], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        tie = 0.0 if self._ties is None else self._ties.random()
        heapq.heappush(self._timers, (when, tie, next(self._timer_numbers), timer))
        return timer

    def _make_task(
        self,
        _: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, _Value] | Generator[Any, None, _Value],
        **options: Any,
    ) -> asyncio.Task[_Value]:
        number = next(self._task_numbers)
        options["name"] = options.get("name") or f"task-{number}"
        return OrderedTask(number, coroutine, loop=self, **options)

    def _timer_handle_cancelled(self, _: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1

    def _forget_cancelled_timers(self) -> None:
        timers = self._timers
        if len(timers) > _FEW_TIMERS and self._cancelled_timers * 2 > len(timers):
            timers[:] = [timer for timer in timers if not timer[3].cancelled()]
            heapq.heapify(timers)
            self._cancelled_timers = 0
        while timers and timers[0][3].cancelled():
            heapq.heappop(timers)
            self._cancelled_timers -= 1

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        self._forget_cancelled_timers()
        if not ready and not self._stopping:
            if not timers:
                raise DeadlockError(self._who_waits())
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[3]
            if not timer.cancelled():
                ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _who_waits(self) -> str:
        waiting = sorted((task for task in asyncio.all_tasks(self)), key=hash)
        lines = [f"{task.get_name()}: {_where(task)}" for task in waiting[:10]]
        more = [f"and {len(waiting) - 10} more"] if len(waiting) > 10 else []
        return "\n  ".join(("nothing is ready and no timer is set; waiting for ever:", *lines, *more))

    def _write_to_self(self) -> None:
        """Needed by ``call_soon_threadsafe`` to wake a loop that sleeps; this one never does."""

    def _process_events(self, event_list: object) -> None:
        """There is no selector, so there are no events."""


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    name = getattr(task.get_coro(), "__qualname__", "?")
    return f"{name} at {frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else name


def _refusing(name: str) -> Callable[..., Never]:
    def refused(*_: object, **__: object) -> Never:
        raise RealTimeError(f"{name} needs real time: under VirtualLoop use a scripted client and World.run_blocking, or a real loop")

    return refused


for _name in _REFUSED:
    setattr(VirtualLoop, _name, _refusing(_name))


def run_virtual(work: Coroutine[Any, Any, _Value], *, seed: int = 0) -> _Value:
    """Run a coroutine to its end on a loop of its own and return its value; what it left running is cancelled.

    ``seed`` draws the order of timers due at the same moment and nothing else; the jitter of waits, ids and every other choice
    come from the manager's world: give ``world=fake_world(seed)`` to draw those too.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed=seed)) as runner:
        return runner.get_loop().run_until_complete(work)  # `runner.run` would set a handler of signals for every example
