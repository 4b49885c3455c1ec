"""Rows that are written soon, in batches, off the path of whoever tells them."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from returns.result import Failure, Success
from sqlalchemy import Connection

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.misfortunes import told_by
from llm_manager.stores.sql.promising import promised

_Item = TypeVar("_Item")

_WAITING_AT_MOST: Final = 100_000
_AT_ONCE: Final = 5_000


class Queueing(Generic[_Item]):
    """Takes items from any thread at once, and writes them in the order they came, a batch in one transaction.

    When so many wait that memory is at stake, or the database fails for good, the newest are dropped and counted: ``write`` is told how
    many were lost before its batch, so that the loss is kept where the rows would be. ``written`` hears of each batch once it is durable.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[Connection, Sequence[_Item], int], None],
        *,
        written: Callable[[int], None] = lambda _: None,
        most: int = _WAITING_AT_MOST,
    ) -> None:
        self._database = database
        self._write = write
        self._written = written
        self._most = most
        self._waiting: deque[_Item] = deque()
        self._lock = threading.Lock()
        self._lost = 0
        self._under_way: Future[Settled[None, LLMError]] | None = None

    def put(self, item: _Item) -> None:
        """Take an item; never waits for the database."""
        with self._lock:
            if len(self._waiting) >= self._most:
                self._lost += 1
                return
            self._waiting.append(item)
            begin = self._under_way is None
            if begin:
                self._under_way = promised()
        if begin:
            self._begin()

    async def flush(self) -> Settled[None, LLMError]:
        """Wait until all that was taken so far is written; a failure says that it could not be."""
        while True:
            with self._lock:
                waiting, under_way = bool(self._waiting), self._under_way
                begin = under_way is None and waiting
                if begin:
                    under_way = self._under_way = promised()
            if under_way is None:
                return Success(None)
            if begin:
                self._begin()
            outcome = await asyncio.wrap_future(under_way)
            if isinstance(outcome, Failure) or not waiting:
                return outcome

    def _begin(self) -> None:
        taken: list[_Item] = []
        lost = 0

        def work(connection: Connection) -> Settled[None, LLMError]:
            nonlocal lost
            if not taken:  # it may be run again, and writes the same then
                with self._lock:
                    taken.extend(self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE)))
                    lost, self._lost = self._lost, 0
            self._write(connection, taken, lost)
            return Success(None)

        def ended(written: "Future[Settled[None, LLMError]]") -> None:
            outcome = told_by(written, self._database.place)
            with self._lock:
                if isinstance(outcome, Failure):  # they are tried again with what comes next
                    self._waiting.extendleft(reversed(taken))
                    self._lost += lost
                told, self._under_way = self._under_way, None
                again = bool(self._waiting) and not isinstance(outcome, Failure)
                if again:
                    self._under_way = promised()
            if not isinstance(outcome, Failure):
                self._written(len(taken))
            if told is not None:
                told.set_result(outcome)
            if again:
                self._begin()

        self._database.write_soon(work).add_done_callback(ended)
