"""A URL becomes a store; the database itself is opened at its first use."""

from pathlib import Path

from returns.result import Result

from llm_manager.domain.configuration import StoreSettings
from llm_manager.domain.errors import LLMError
from llm_manager.effects import settle
from llm_manager.services.store import Store
from llm_manager.services.world import World
from llm_manager.stores.audit import kept_audit
from llm_manager.stores.connecting import open_database
from llm_manager.stores.database import Database
from llm_manager.stores.memory import memory_conversations
from llm_manager.stores.run_locks import run_locks
from llm_manager.stores.runs import kept_runs
from llm_manager.stores.usage import usage_log


def open_store(settings: StoreSettings, world: World) -> Result[Store, LLMError]:
    """The store at ``settings.url``: a path, sqlite:///path, :memory:, or postgresql://user@host/name."""
    return open_database(settings.url or ":memory:").map(lambda database: store_of(database, settings, world))


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

    return Store(place=database.place, runs=kept_runs(database, run_locks(settings.url or ":memory:"), world), conversations=memory_conversations(), usage=usage, audit=audit, close=close)
