"""Conversations that live as long as the process."""

from __future__ import annotations

import threading

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.services.conversation_storage import ConversationStorage


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
