"""Vectors of prompts in a database, from which the index in memory is made again."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from returns.result import Success
from sqlalchemy import Connection, bindparam, delete, select

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.queueing import Queueing
from llm_manager.stores.sql.tables.similar import SIMILAR_PROMPTS
from llm_manager.stores.sql.upserting import in_its_place

Row: TypeAlias = tuple[str, bytes]
"""The key of an answer, and the vector of its prompt as numbers of 32 bits."""
_Change: TypeAlias = tuple[str, str, bytes | None, float]
"""Context, key, vector or None for one that goes, and when."""

_S: Final = SIMILAR_PROMPTS.c
_PUT: Final = in_its_place(SIMILAR_PROMPTS, ("context", "key"), ("vector", "added_at"))
_REMOVE: Final = delete(SIMILAR_PROMPTS).where(_S.context == bindparam("of_context"), _S.key == bindparam("of_key"))
_OF_CONTEXT: Final = (
    (select(_S.key, _S.vector).where(_S.context == bindparam("of_context"), _S.added_at > bindparam("after")))
    .order_by(_S.added_at.desc())
    .limit(bindparam("most"))
)
_OLD: Final = delete(SIMILAR_PROMPTS).where(_S.added_at <= bindparam("until"))
_NTH: Final = select(_S.added_at).order_by(_S.added_at.desc()).offset(bindparam("most")).limit(1)
_WAITING: Final = 1000
_TIDIED_EVERY: Final = 256


class KeptPrompts:
    """Rows are written soon; those that are older than ``ttl_seconds`` or beyond ``most`` go now and then."""

    def __init__(self, database: Database, most: int, ttl_seconds: float, wall: Callable[[], float]) -> None:
        self._database, self._most, self._ttl, self._wall = database, most, ttl_seconds, wall
        self._queue: Queueing[_Change] = Queueing(database, self._write, most=_WAITING)
        self._written = 0

    async def of(self, context: str) -> Settled[tuple[Row, ...], LLMError]:
        """The newest rows of a context, oldest first."""
        given = {"of_context": context, "after": self._wall() - self._ttl, "most": self._most}

        def work(connection: Connection) -> Settled[tuple[Row, ...], LLMError]:
            return Success(tuple((row.key, row.vector) for row in reversed(connection.execute(_OF_CONTEXT, given).all())))

        return await self._database.read(work)

    def add(self, context: str, key: str, vector: bytes) -> None:
        """Keep a row."""
        self._queue.put((context, key, vector, self._wall()))

    def drop(self, context: str, key: str) -> None:
        """Keep it no longer."""
        self._queue.put((context, key, None, self._wall()))

    async def flush(self) -> Settled[None, LLMError]:
        """Wait until all is written."""
        return await self._queue.flush()

    def _write(self, connection: Connection, changes: Sequence[_Change], _: int) -> None:
        latest = {(context, key): (vector, at) for context, key, vector, at in changes}
        put = [
            {"context": context, "key": key, "vector": vector, "added_at": at}
            for (context, key), (vector, at) in latest.items()
            if vector is not None
        ]
        gone = [{"of_context": context, "of_key": key} for (context, key), (vector, _) in latest.items() if vector is None]
        if put:
            connection.execute(_PUT[connection.dialect.name], put)
        if gone:
            connection.execute(_REMOVE, gone)
        self._written += len(put)
        if self._written >= _TIDIED_EVERY:
            self._written = 0
            connection.execute(_OLD, {"until": self._wall() - self._ttl})
            beyond = connection.execute(_NTH, {"most": self._most}).scalar()
            if beyond is not None:
                connection.execute(_OLD, {"until": beyond})
