"""Writing finished rows down beside the loop, and counting each once it is durable."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from returns.result import Failure

from llm_manager.cells import Cell
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.runs.outcomes import Finished, outcome_of
from llm_manager.runs.tallies import Tally, with_finished
from llm_manager.services.run_store import RunLog

Durable: TypeAlias = Callable[[], None]

_WAITING_AT_MOST: Final = 1024


def _nothing() -> None: ...


class Committer:
    """Takes finished rows and counts each once it is durable; who asks on after ``failed`` is set asks for nothing."""

    def __init__(self, log: RunLog, tally: Cell[Tally], tell: Callable[[Tally], None]) -> None:
        self._log = log
        self._tally = tally
        self._tell = tell
        self._pending = 0
        self._counted: list[tuple[Finished, int]] = []
        self._unsaved: list[tuple[Finished, int]] = []
        self._room = asyncio.Event()
        self.failed: LLMError | None = None

    async def put(self, ended: Finished, rows: int, durable: Durable = _nothing) -> None:
        """Hand a finished row over; waits only when writing has fallen far behind."""
        self._begin(ended, rows, durable)
        while self._pending > _WAITING_AT_MOST and self.failed is None:
            self._room.clear()
            await self._room.wait()

    def leave(self, ended: Finished, durable: Durable = _nothing) -> None:
        """Write down that a row was asked and is to be asked again; it counts as not asked."""
        self._begin(ended, 0, durable)

    async def drain(self) -> None:
        """Wait until all is written, though it be cancelled meanwhile. What could not be is tried once more: it is paid."""
        draining = asyncio.ensure_future(self._drain())
        cancelled = False
        while not draining.done():
            try:
                await asyncio.shield(draining)
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError

    async def _drain(self) -> None:
        await self._idle()
        unsaved, self._unsaved = self._unsaved, []
        for ended, rows in unsaved:
            self._begin(ended, rows, _nothing)
        await self._idle()

    async def _idle(self) -> None:
        while self._pending:
            self._room.clear()
            await self._room.wait()
        self._count()

    def _begin(self, ended: Finished, rows: int, durable: Durable) -> None:
        self._pending += 1
        told = self._log.settle((outcome_of(ended, left=not rows),))
        told.add_done_callback(lambda done: self._ended(done.result(), ended, rows, durable))

    def _ended(self, outcome: Settled[None, LLMError], ended: Finished, rows: int, durable: Durable) -> None:
        self._pending -= 1
        durable()
        if isinstance(outcome, Failure):
            self.failed = self.failed or outcome.failure()
            self._unsaved.append((ended, rows))
        elif rows:
            if not self._counted:
                asyncio.get_running_loop().call_soon(self._count)
            self._counted.append((ended, rows))
        self._room.set()

    def _count(self) -> None:
        group, self._counted = self._counted, []
        if not group:
            return

        def counted(tally: Tally) -> Tally:
            for ended, rows in group:
                tally = with_finished(tally, ended, rows)
            return tally

        self._tell(self._tally.swap(counted))
