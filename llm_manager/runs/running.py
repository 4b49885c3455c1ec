"""The loop: ask what is left, write each answer down as it comes, and stop only for what every row would meet.

A run that stops for an answer asks nothing more and waits for what is under way: it may be answered, and then it is paid.
One that gives up on a server does not wait for it.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import partial

from returns.result import Failure, Result

from llm_manager.cells import Cell
from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.runs.committing import Committer
from llm_manager.runs.jobs import Job
from llm_manager.runs.outcomes import Finished, finished
from llm_manager.runs.stopping import PATIENCE, in_vain, stops
from llm_manager.runs.surveying import Standing, Survey
from llm_manager.runs.tallies import Tally, with_given_up, with_in_vain, with_left
from llm_manager.services.manager import GenerateAll
from llm_manager.services.run_log import RunLog
from llm_manager.services.world import RunBlocking


async def run_rows(
    job: Job,
    found: Survey,
    log: RunLog,
    *,
    generate_all: GenerateAll,
    run_blocking: RunBlocking,
    tally: Cell[Tally],
    concurrency: int | None = None,
    tell: Callable[[Tally], None] = lambda _: None,
    offline: Callable[[], bool] = lambda: False,
    leaving: Callable[[], None] = lambda: None,
    key_left: Callable[[LLMError], bool] = lambda _: False,
) -> LLMError | None:
    """Ask every row that is to be asked; gives what stopped the run early, or None.

    A row is counted in ``tally`` once it is durable. Cancelled, it leaves what is under way and writes down the rest. The last
    rows of a run that ends ``offline`` and got nowhere for it count as not asked: the same run goes on with them later. So does a row
    whose key was refused while there is a ``key_left`` for the others, which are asked. ``leaving`` is called before it gives up on
    what is under way.
    """
    asking = _Asking(job, found)
    committer = Committer(log, run_blocking, tally, tell)
    writing = asyncio.create_task(committer.work())
    vain: list[tuple[Finished, int]] = []
    stopped: LLMError | None = None
    try:
        async with aclosing(generate_all(asking.requests(), concurrency=concurrency)) as answers:
            async for number, outcome in answers:
                ended, rows = asking.finished(number, outcome)
                error = ended.error
                if error is not None and stops(error):
                    stopped = stopped or error
                    tally.swap(partial(with_left, ended=ended))
                    if not key_left(error):
                        asking.stop()
                    continue
                if error is not None and in_vain(error):
                    vain.append((ended, rows))
                    tally.swap(partial(with_in_vain, count=len(vain)))
                    if len(vain) < PATIENCE:
                        continue
                    tally.swap(partial(with_given_up, vain=tuple(each for each, _ in vain)))
                    stopped, vain = stopped or error, []
                    leaving()
                    break
                for waiting in (*vain, (ended, rows)):
                    await committer.put(*waiting)
                vain = []
                tally.swap(partial(with_in_vain, count=0))
                if committer.failed is not None:
                    leaving()
                    break
        if vain and offline():
            tally.swap(partial(with_given_up, vain=tuple(each for each, _ in vain)))
            stopped, vain = stopped or vain[-1][0].error, []
        for waiting in vain:
            await committer.put(*waiting)
        if vain:
            tally.swap(partial(with_in_vain, count=0))
    finally:
        committer.close()
        await writing
        committer.rescue()
    return stopped or committer.failed or asking.broken


class _Asking:
    """Numbers the requests that go out and knows which row each one is; holds only those under way."""

    def __init__(self, job: Job, found: Survey) -> None:
        self._job = job
        self._found = found
        self._under_way: dict[int, tuple[int, str]] = {}
        self._stopped = False
        self.broken: LLMError | None = None

    def requests(self) -> Iterator[LLMRequest]:
        """The requests to send, made as they are taken. A file that changed under the run ends them."""
        number = 0
        for ordinal, outcome in enumerate(self._job.table.rows()):
            if self._stopped:
                return
            if isinstance(outcome, Failure):
                self.broken = outcome.failure()
                return
            if self._found.standings[ordinal] != Standing.TO_ASK:
                continue
            words = self._job.words(outcome.unwrap())
            if isinstance(words, Failure):
                self.broken = words.failure()
                return
            self._under_way[number] = (ordinal, self._job.key_of(words.unwrap()))
            number += 1
            yield self._job.request_of(words.unwrap())

    def stop(self) -> None:
        """Let no more requests be taken."""
        self._stopped = True

    def finished(self, number: int, outcome: Result[LLMResponse, LLMError]) -> tuple[Finished, int]:
        """What became of a request, and how many rows of the file it settles."""
        ordinal, key = self._under_way.pop(number)
        return finished(key, self._job.columns, outcome), 1 + self._found.twins.get(ordinal, 0)
