"""Many requests with bounded concurrency and flat memory: a few workers over an iterator, never a task per row."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from itertools import chain, islice
from typing import Any, TypeAlias

from returns.result import Failure, Result

from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.orchestration.generating import AnswerRow
from llm_manager.orchestration.patience import Patience
from llm_manager.policies.value_faults import is_whole, kind
from llm_manager.services.manager import Before, GenerateAll

Numbered: TypeAlias = tuple[int, Result[LLMResponse, LLMError]]
Concurrency: TypeAlias = Callable[[LLMRequest], Coroutine[Any, Any, int]]

_AHEAD = 4
"""Answers per worker that may wait for the reader, or behind the oldest one under way."""


def batching(answer: AnswerRow, fitting: Concurrency, longest_seconds: float, now: Callable[[], float]) -> GenerateAll:
    """Answer requests side by side; who reads slowly slows the workers down, who leaves cancels them.

    ``fitting`` says how many calls at once suit the model that the first request would get; ``longest_seconds`` how long rows
    wait for endpoints that go down. While they do, a row beyond that number is begun now and then, when of those who wait none may
    be sent once more just to see whether there is an answer again.
    """

    async def generate_all(
        requests: Iterable[LLMRequest], *, concurrency: int | None = None, in_order: bool = False, before: Before | None = None
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
            tasks.append(asyncio.create_task(_work(answer, desk, patience, before)))

        patience = Patience(workers, longest_seconds, now, begin)
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


async def _work(answer: AnswerRow, desk: _Desk, patience: Patience, before: Before | None) -> None:
    outages = patience.outages()
    try:
        while (row := await desk.take()) is not None:
            position, request = row
            ready = None if before is None else await before(position, request)
            if isinstance(ready, Failure):
                desk.leave((position, ready))
                continue
            outcome = await answer(request, outages)
            patience.heed(outcome)
            desk.leave((position, outcome))
            if patience.dismissed():
                return
    finally:
        asyncio.get_running_loop().call_soon(desk.wake)
