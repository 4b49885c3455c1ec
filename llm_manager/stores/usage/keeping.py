"""The usage log in a database: the journal's events become rows, a batch at a time, off the path of whoever tells them."""

from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import Final, TypeAlias

from returns.result import Failure, Success
from sqlalchemy import Connection, bindparam, delete, insert

from llm_manager.domain.configuration import Budget
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.usage_log import PastSpending, UsageQuery, UsageReport
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.usage_entries import LOGGED, entry_of, lost_entry
from llm_manager.services.usage_log import UsageLog
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.queueing import Queueing
from llm_manager.stores.sql.tables.usage import USAGE, USAGE_WRITERS
from llm_manager.stores.sql.upserting import unless_there
from llm_manager.stores.usage.reading import report_of, spent_of

_WAITING_AT_MOST: Final = 100_000
_DAY_SECONDS: Final = 86_400.0
_ADD: Final = unless_there(USAGE)
_NEW_WRITER: Final = insert(USAGE_WRITERS).returning(USAGE_WRITERS.c.number)
_FORGET: Final = delete(USAGE).where(USAGE.c.at < bindparam("before"))

_Told: TypeAlias = tuple[int, float, Event]
"""An event that is waiting: its place, and when it came."""


def usage_log(database: Database, wall: Callable[[], float], keep_days: int, *, most: int = _WAITING_AT_MOST) -> UsageLog:
    """Keep the log in a database, so many days back; ``wall`` is seconds since 1970. At most so many events wait to be written: what
    comes on top is lost, and counted."""
    writing = _Writing(wall, keep_days)
    queue: Queueing[_Told] = Queueing(database, writing.write, written=writing.written, most=most)
    places, put = count(), queue.put

    def subscriber(event: Event) -> None:
        if type(event) in LOGGED:
            put((next(places), wall(), event))

    async def report(query: UsageQuery) -> Settled[UsageReport, LLMError]:
        flushed = await queue.flush()
        if isinstance(flushed, Failure):
            return flushed
        return await database.read(lambda connection: Success(report_of(connection, query)))

    async def spent(
        budgets: Sequence[tuple[Budget, float]], but: Collection[int]
    ) -> Settled[tuple[tuple[PastSpending, ...], ...], LLMError]:
        return await database.read(lambda connection: Success(tuple(spent_of(connection, *each, but) for each in budgets)))

    return UsageLog(subscriber=subscriber, report=publish(report), spent=spent, flush=queue.flush, writer=lambda: writing.number)


class _Writing:
    """Writes batches, one at a time. A row that is written twice, since nobody knows whether it was, is there once."""

    def __init__(self, wall: Callable[[], float], keep_days: int) -> None:
        self._wall = wall
        self._keep_seconds = keep_days * _DAY_SECONDS
        self._tidied_at: float | None = None
        self._tidying_at: float | None = None
        self._registered = 0
        self._losses = count(-1, -1)  # beside the places of events
        self.number: int | None = None
        """Who writes: the database says so with the first batch."""

    def write(self, connection: Connection, told: Sequence[_Told], lost: int) -> None:
        wall = self._wall()
        if self.number is None:
            self._registered = connection.execute(_NEW_WRITER, {"began": wall}).scalar_one()
        who = self._registered if self.number is None else self.number
        rows = [{"writer": who, "place": place, **entry} for place, at, event in told if (entry := entry_of(event, at)) is not None]
        if lost:
            rows.append({"writer": who, "place": next(self._losses), **lost_entry(lost, wall)})
        if rows:
            connection.execute(_ADD[connection.dialect.name], rows)
        self._tidying_at = None
        if self._tidied_at is None or wall - self._tidied_at >= _DAY_SECONDS:
            self._tidying_at = wall
            connection.execute(_FORGET, {"before": wall - self._keep_seconds})

    def written(self, _: int) -> None:
        self.number = self._registered
        if self._tidying_at is not None:
            self._tidied_at = self._tidying_at
