"""A URL becomes a store; the database itself is opened at its first use."""

from pathlib import Path

from returns.result import Failure, Result, Success
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from llm_manager.domain.configuration import StoreSettings
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.store import Store
from llm_manager.services.world import World
from llm_manager.stores.audit import kept_audit
from llm_manager.stores.database import Database, Open
from llm_manager.stores.engines import Engines, postgres_engines, sqlite_engines
from llm_manager.stores.memory import memory_conversations
from llm_manager.stores.tables import SCHEMA
from llm_manager.stores.usage import usage_log


def open_store(settings: StoreSettings, world: World) -> Result[Store, LLMError]:
    """The store at ``settings.url``: sqlite:///path, :memory:, or postgresql://user@host/name."""
    return open_database(settings.url or ":memory:").map(lambda database: store_of(database, settings, world))


def open_database(url: str) -> Result[Database, LLMError]:
    """The database at ``url``; nothing is opened before its first use."""
    place = _read(url)
    if isinstance(place, Failure):
        return place
    return Success(Database(place.unwrap().render_as_string(hide_password=True), _opening(place.unwrap())))


def store_of(database: Database, settings: StoreSettings, world: World) -> Store:
    """All that is kept in one database."""
    anchors = None if settings.audit_anchors is None else Path(settings.audit_anchors).expanduser()
    audit = None if settings.audit_key is None else kept_audit(database, settings.audit_key, world.wall, anchors)

    usage = usage_log(database, world.wall, settings.usage_days)

    async def close() -> None:
        await usage.flush()
        if audit is not None:
            await settle(audit.flush())
        await database.close()

    return Store(place=database.place, conversations=memory_conversations(), usage=usage, audit=audit, close=close)


def _read(url: str) -> Settled[URL, LLMError]:
    try:
        read = make_url("sqlite://" if url == ":memory:" else url)
    except ArgumentError:
        return _unfit("it is no URL")
    if read.get_backend_name() not in ("sqlite", "postgresql"):
        return _unfit(f"{read.get_backend_name()} is no database that is known")
    return Success(read)


def _unfit(problem: str) -> Settled[URL, LLMError]:
    return Failure(ConfigurationError(message=f"store.url: {problem}; give sqlite:///path, :memory: or postgresql://user@host/name"))


def _opening(url: URL) -> Open:
    def opened() -> Settled[Engines, LLMError]:
        engines = sqlite_engines(url) if url.get_backend_name() == "sqlite" else postgres_engines(url)
        preparing = engines.writer()
        try:
            preparing.transact(SCHEMA.create_all)
        finally:
            if not engines.alone:
                preparing.close()
        return Success(engines)

    return opened
