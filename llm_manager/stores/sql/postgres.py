"""PostgreSQL, by asyncpg on an event loop of the connection's own. Its tables are in a schema of their own, so that they meet no others."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from llm_manager.stores.sql.engines import Engines

_Value = TypeVar("_Value")

SCHEMA_NAME: Final = "llm_manager"
_ONE_VIEW: Final[Mapping[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""What is read in one transaction was committed at one moment, as in SQLite."""
_CONNECT_SECONDS: Final = 10
_STATEMENT_SECONDS: Final = 300


def postgres_engines(url: URL) -> Engines:
    """The writer's connection apart from the readers', so that a long read holds up no write."""
    return Engines(writer=lambda: PostgresLine(url), reader=lambda: PostgresLine(url, _ONE_VIEW))


class PostgresLine:
    """A connection; one that broke is made again, and what it was doing is done again."""

    def __init__(self, url: URL, options: Mapping[str, Any] | None = None) -> None:
        self._options = dict(options or {})
        self._url = url.set(drivername="postgresql+asyncpg")
        self._runner: asyncio.Runner | None = None
        self._connection: Any = None

    def transact(self, work: Callable[[Connection], _Value], /) -> _Value:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self._transacted(work))

    def close(self) -> None:
        if self._runner is not None:
            self._runner.run(self._forget())
            self._runner.close()
            self._runner = None

    async def _transacted(self, work: Callable[[Connection], _Value]) -> _Value:
        used = self._connection is not None
        try:
            return await self._once(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            await self._forget()
            if not used:
                raise
        return await self._once(work)

    async def _once(self, work: Callable[[Connection], _Value]) -> _Value:
        if self._connection is None:
            self._connection = await self._connected()
        async with self._connection.begin():
            done: _Value = await self._connection.run_sync(work)
        return done

    async def _connected(self) -> Any:
        from sqlalchemy.ext.asyncio import create_async_engine

        how = {
            "timeout": _CONNECT_SECONDS,
            "command_timeout": _STATEMENT_SECONDS,
            "server_settings": {"search_path": SCHEMA_NAME, "application_name": "llm-manager"},
        }
        engine = create_async_engine(self._url, connect_args=how, poolclass=NullPool)
        return await engine.execution_options(**self._options).connect()

    async def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # a server that is gone needs no farewell
                await connection.close()
