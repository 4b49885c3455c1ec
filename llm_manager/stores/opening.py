"""A URL becomes a store; the database itself is opened at its first use."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from returns.result import Result

from llm_manager.domain.configuration import CacheSettings, StoreSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.similar import SimilarSettings
from llm_manager.effects import settle
from llm_manager.services.similar import SimilarPrompts
from llm_manager.services.store import Store
from llm_manager.services.world import World
from llm_manager.stores.answers.forms import ANSWER, VECTOR
from llm_manager.stores.answers.keeping import kept_cache
from llm_manager.stores.audit.keeping import kept_audit
from llm_manager.stores.conversations.keeping import kept_conversations
from llm_manager.stores.layering import never_private
from llm_manager.stores.runs.keeping import kept_runs
from llm_manager.stores.runs.locks import run_locks
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Database
from llm_manager.stores.usage.keeping import usage_log

_CACHE: Final = CacheSettings()


def open_store(settings: StoreSettings, world: World, cache: CacheSettings = _CACHE) -> Result[Store, LLMError]:
    """The store at ``settings.url``: a path, sqlite:///path, :memory:, or postgresql://user@host/name."""
    return open_database(settings.url or ":memory:").map(lambda database: store_of(database, settings, world, cache))


def open_scratch(folder: Path, world: World) -> Result[Store, LLMError]:
    """A store in a folder that no other process opens."""
    return open_database(str(folder / "scratch.db")).map(lambda database: store_of(database, StoreSettings(url=":memory:"), world))


def store_of(database: Database, settings: StoreSettings, world: World, cache: CacheSettings = _CACHE) -> Store:
    """All that is kept in one database."""
    anchors = None if settings.audit_anchors is None else Path(settings.audit_anchors).expanduser()
    audit = None if settings.audit_key is None else kept_audit(database, settings.audit_key, world.wall, anchors)
    usage = usage_log(database, world.wall, settings.usage_days)
    answers, vectors = kept_cache(database, ANSWER, cache, world.wall), kept_cache(database, VECTOR, cache, world.wall)
    if not settings.private_answers:
        answers, vectors = never_private(answers), never_private(vectors)

    flushing: list[Callable[[], Coroutine[Any, Any, object]]] = [answers.flush, vectors.flush, usage.flush]

    def similar(wanted: SimilarSettings) -> SimilarPrompts:
        from llm_manager.stores.similar.finding import similar_prompts
        from llm_manager.stores.similar.rows import KeptPrompts

        kept = KeptPrompts(database, wanted.max_prompts, cache.ttl_seconds, world.wall)
        flushing.append(kept.flush)
        return similar_prompts(wanted.max_prompts, kept, keep_private=settings.private_answers, aside=world.run_blocking)

    async def close() -> None:
        for flush in flushing:
            await flush()
        if audit is not None:
            await settle(audit.flush())
        await database.close()

    return Store(
        place=database.place,
        runs=kept_runs(database, run_locks(settings.url or ":memory:", database), world),
        conversations=kept_conversations(database, world.wall),
        answers=answers,
        vectors=vectors,
        similar=similar,
        usage=usage,
        audit=audit,
        close=close,
    )
