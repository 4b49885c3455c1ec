"""Caches and conversations that live as long as the process."""

from __future__ import annotations

import threading
from collections.abc import Callable

from attrs import evolve
from cachetools import TTLCache
from returns.result import Failure, Success

from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache, Value
from llm_manager.services.conversation_storage import ConversationStorage


def memory_cache(settings: CacheSettings, now: Callable[[], float]) -> Cache[Value]:
    """Remember up to ``settings.max_size`` values for ``settings.ttl_seconds`` on the clock ``now``; safe from threads."""
    kept: TTLCache[str, Value] = TTLCache(settings.max_size, settings.ttl_seconds, timer=now)
    lock = threading.Lock()

    async def get(key: str) -> Settled[Value | None, LLMError]:
        with lock:
            try:
                return Success(kept[key])
            except KeyError:  # `get` looks twice
                return Success(None)

    async def put(key: str, value: Value) -> Settled[None, LLMError]:
        if settings.max_size > 0:
            with lock:
                kept[key] = value
        return Success(None)

    async def clear() -> Settled[None, LLMError]:
        with lock:
            kept.clear()
        return Success(None)

    return Cache(get=get, put=put, clear=clear)


def memory_conversations() -> ConversationStorage:
    """Keep conversations in this process; safe from threads."""
    kept: dict[str, Conversation] = {}
    lock = threading.Lock()

    async def load(conversation_id: str) -> Settled[Conversation, LLMError]:
        return Success(kept.get(conversation_id) or Conversation(id=conversation_id))

    async def append(conversation_id: str, turn: Turn, version: int) -> Settled[Conversation, LLMError]:
        with lock:
            found = kept.get(conversation_id) or Conversation(id=conversation_id)
            if found.version != version:
                return Failure(
                    StorageFailed(
                        message=f"conversation {conversation_id} has {found.version} turns, not {version}: "
                        "somebody else wrote to it; load it again",
                        reason="conflict",
                    )
                )
            grown = kept[conversation_id] = evolve(found, turns=(*found.turns, turn), version=version + 1)
            return Success(grown)

    async def delete(conversation_id: str) -> Settled[None, LLMError]:
        with lock:
            kept.pop(conversation_id, None)
        return Success(None)

    async def list_ids() -> Settled[tuple[str, ...], LLMError]:
        with lock:
            return Success(tuple(sorted(kept)))

    return ConversationStorage(load=publish(load), append=publish(append), delete=publish(delete), list_ids=publish(list_ids))
