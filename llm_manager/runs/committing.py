"""Writing finished rows down in groups, beside the loop: each group is what came while the last one was being written."""

import asyncio
from collections.abc import Callable
from functools import partial

from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import sealed
from llm_manager.runs.outcomes import Finished
from llm_manager.runs.tallies import Tally, with_finished
from llm_manager.services.run_log import RunLog
from llm_manager.services.world import RunBlocking

_WAITING_AT_MOST = 1024


class Committer:
    """Takes finished rows and counts each once it is durable; after a failure it takes no more."""

    def __init__(self, log: RunLog, run_blocking: RunBlocking, tally: Cell[Tally], tell: Callable[[Tally], None]) -> None:
        self._log = log
        self._run_blocking = run_blocking
        self._tally = tally
        self._tell = tell
        self._waiting: list[tuple[Finished, int]] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False
        self.failed: LLMError | None = None

    async def put(self, ended: Finished, rows: int) -> None:
        """Hand a finished row over; waits only when writing has fallen far behind."""
        self._waiting.append((ended, rows))
        self._news.set()
        while len(self._waiting) > _WAITING_AT_MOST and self.failed is None:
            self._room.clear()
            await self._room.wait()

    async def work(self) -> None:
        """Write groups until `close` is called and nothing waits."""
        while self.failed is None and not (self._closing and not self._waiting):
            if not self._waiting:
                self._news.clear()
                await self._news.wait()
                continue
            group, self._waiting = self._waiting, []
            outcome = sealed(await self._run_blocking(partial(self._settle, group)))
            if isinstance(outcome, Failure):
                self.failed = outcome.failure()
                self._waiting = [*group, *self._waiting]
            else:
                self._count(group)
            self._room.set()

    def close(self) -> None:
        """Let `work` end when all is written."""
        self._closing = True
        self._news.set()

    def rescue(self) -> None:
        """Try once more to write what a failure left: the answers are paid."""
        if self._waiting and isinstance(sealed(self._settle(self._waiting)), Success):
            group, self._waiting = self._waiting, []
            self._count(group)

    def _settle(self, group: list[tuple[Finished, int]]) -> Result[None, LLMError]:
        return self._log.settle([ended.row for ended, _ in group])

    def _count(self, group: list[tuple[Finished, int]]) -> None:
        def counted(tally: Tally) -> Tally:
            for ended, rows in group:
                tally = with_finished(tally, ended, rows)
            return tally

        self._tell(self._tally.swap(counted))
