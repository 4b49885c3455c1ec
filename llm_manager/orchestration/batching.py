"""Many requests with bounded concurrency and flat memory: a few workers over an iterator, never a task per row."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from itertools import chain, islice
from math import inf
from typing import Any, Final, TypeAlias

from returns.result import Failure, Result

from llm_manager.domain.attempts import Outages
from llm_manager.domain.error_questions import is_down
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.orchestration.generating import AnswerRow
from llm_manager.policies.value_faults import is_whole, kind
from llm_manager.services.manager import GenerateAll

Numbered: TypeAlias = tuple[int, Result[LLMResponse, LLMError]]
Concurrency: TypeAlias = Callable[[LLMRequest], Coroutine[Any, Any, int]]

_AHEAD = 4
"""Answers per worker that may wait for the reader, or behind the oldest one under way."""

_LOOK_SECONDS: Final = 1.0
_LONGEST_LOOK_SECONDS: Final = 3.0
_SLOWER: Final = 1.25
_MOST_LOOKS: Final = 100
_IN_VAIN: Final = 2
"""So many looks, one at least in vain, make an outage."""
_FEW: Final = 4
"""When no more rows than that can be begun beyond the others, each comes after twice as long as the one before."""
"""An endpoint that is down is looked after each time so much later than the last time, up to the longest."""
_OTHERS_SECONDS: Final = 2.0
"""How long a look that is due is left to those who wait: each of them has thought of it in less."""


def batching(answer: AnswerRow, fitting: Concurrency, longest_seconds: float, now: Callable[[], float]) -> GenerateAll:
    """Answer requests side by side; who reads slowly slows the workers down, who leaves cancels them.

    ``fitting`` says how many calls at once suit the model that the first request would get; ``longest_seconds`` how long rows
    wait for endpoints that go down. While they do, a row beyond that number is begun now and then, when of those who wait none may
    be sent once more just to see whether there is an answer again.
    """

    async def generate_all(
        requests: Iterable[LLMRequest], *, concurrency: int | None = None, in_order: bool = False
    ) -> AsyncGenerator[Numbered, None]:
        wrong = _fault(requests, concurrency)
        if wrong is not None:
            yield 0, Failure(InvalidRequest(message=wrong))
            return
        rows = iter(requests)
        first = tuple(islice(rows, 1))
        if not first:
            return
        workers = max(1, await fitting(*first) if concurrency is None else concurrency)
        desk = _Desk(enumerate(chain(first, rows)), bound=workers * (1 + _AHEAD))
        tasks: list[asyncio.Task[None]] = []

        def begin() -> None:
            tasks.append(asyncio.create_task(_work(answer, desk, patience)))

        patience = _Patience(workers, longest_seconds, now, begin)
        for _ in range(workers):
            begin()
        early: dict[int, Numbered] = {}
        wanted = 0
        try:
            while (finished := await desk.finished(tasks)) is not None:
                if not in_order:
                    desk.deliver()
                    yield finished
                    continue
                early[finished[0]] = finished
                while (due := early.pop(wanted, None)) is not None:
                    wanted += 1
                    desk.deliver()
                    yield due
        finally:
            patience.end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return generate_all


def _fault(requests: object, concurrency: object) -> str | None:
    if isinstance(requests, str | LLMRequest) or not isinstance(requests, Iterable):
        return f"requests: it is of type {kind(requests)}; give several LLMRequests, such as a list of them"
    if concurrency is not None and not is_whole(concurrency):
        return f"concurrency: it is of type {kind(concurrency)}; give a whole number"
    return None


class _Desk:
    """Where workers take rows and leave answers: at most ``bound`` rows are between the iterator and the reader."""

    __slots__ = ("_answers", "_bound", "_delivered", "_news", "_room", "_rows", "_taken")

    def __init__(self, rows: Iterator[tuple[int, LLMRequest]], *, bound: int) -> None:
        self._rows = rows
        self._bound = bound
        self._taken = 0
        self._delivered = 0
        self._answers: deque[Numbered] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def take(self) -> tuple[int, LLMRequest] | None:
        """The next row, once there is room for its answer; None when there are no more."""
        while self._taken - self._delivered >= self._bound:
            self._room.clear()
            await self._room.wait()
        row = next(self._rows, None)
        if row is not None:
            self._taken += 1
        return row

    def leave(self, answer: Numbered) -> None:
        """Put an answer down for the reader."""
        self._answers.append(answer)
        self._news.set()

    def wake(self) -> None:
        """Make the reader look again: a worker has ended."""
        self._news.set()

    def deliver(self) -> None:
        """One answer has gone to the reader."""
        self._delivered += 1
        self._room.set()

    async def finished(self, tasks: "list[asyncio.Task[None]]") -> Numbered | None:
        """The next answer; None when all workers have ended. What a worker raised is raised here."""
        while not self._answers:
            ended = [task for task in tasks if task.done()]
            for task in ended:
                task.result()
            if len(ended) == len(tasks):
                return None
            self._news.clear()
            await self._news.wait()
        return self._answers.popleft()


class _Patience:
    """How long rows wait for what is down: not before any of them was answered, nor once a row for each worker has waited in vain.

    One of those who wait looks now and then whether it answers again. When none of them may, another worker is begun, whose row
    has nothing to lose yet; as many workers end when their rows do.
    """

    __slots__ = ("_answered", "_begin", "_due", "_extra", "_last", "_longest", "_now", "_revived", "_vain", "_workers")

    def __init__(self, workers: int, longest_seconds: float, now: Callable[[], float], begin: Callable[[], None]) -> None:
        self._workers = workers
        self._longest = longest_seconds
        self._now = now
        self._begin = begin
        self._answered = False
        self._vain = 0
        self._extra = 0
        self._last: dict[str, float] = {}
        self._revived: dict[str, float] = {}
        self._due: dict[str, tuple[float, int]] = {}

    def outages(self) -> Outages:
        """What the rows know together."""
        return Outages(
            seconds=self._seconds,
            answered=lambda provider: self._last.get(provider, -inf),
            revived=lambda provider: self._revived.get(provider, -inf),
            due=lambda provider: self._due.get(provider, (-inf, 0))[0],
            look=self._look,
            overdue=self._overdue,
        )

    def heed(self, outcome: Result[LLMResponse, LLMError]) -> None:
        """Learn from a row's end."""
        if isinstance(outcome, Failure):
            self._vain += is_down(outcome.failure())
            return
        self._answered, self._vain = True, 0
        answer = outcome.unwrap()
        if answer.attempts and not answer.cached:
            self._hear(answer.provider)

    def dismissed(self) -> bool:
        """Say whether a worker that has ended its row is one too many."""
        if not self._extra:
            return False
        self._extra -= 1
        return True

    def end(self) -> None:
        """Begin no more workers."""
        self._extra = self._workers * _AHEAD

    def _seconds(self) -> float:
        return self._longest if self._answered and self._vain < self._workers else 0.0

    def _hear(self, provider: str) -> None:
        now = self._now()
        self._last[provider] = now
        due, looks = self._due.get(provider, (0.0, 0))
        if looks:  # who fails next is not looked after sooner for it
            self._due[provider] = min(due, now + _LOOK_SECONDS), 0
        if looks >= _IN_VAIN:
            self._revived[provider] = now

    def _look(self, provider: str, at: float) -> None:
        looks = self._due.get(provider, (0.0, 0))[1]
        self._due[provider] = at + _until_the_next(looks), looks + 1

    def _overdue(self, provider: str) -> None:
        now = self._now()
        due, looks = self._due.setdefault(provider, (now, 0))
        left = self._workers * _AHEAD - self._extra
        if left <= 0 or now - due < max(_OTHERS_SECONDS * 2.0 ** max(0, _FEW - left), _until_the_next(looks)):
            return
        self._due[provider] = now, looks + 1  # it is due still: the new row looks at once where it is refused by a breaker
        self._extra += 1
        self._begin()


def _until_the_next(looks: int) -> float:
    return min(_LONGEST_LOOK_SECONDS, _LOOK_SECONDS * _SLOWER ** min(looks, _MOST_LOOKS))


async def _work(answer: AnswerRow, desk: _Desk, patience: _Patience) -> None:
    outages = patience.outages()
    try:
        while (row := await desk.take()) is not None:
            position, request = row
            outcome = await answer(request, outages)
            patience.heed(outcome)
            desk.leave((position, outcome))
            if patience.dismissed():
                return
    finally:
        asyncio.get_running_loop().call_soon(desk.wake)
