"""Keeping conversations."""

from collections.abc import Callable

from attrs import frozen
from returns.future import FutureResult

from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.errors import LLMError


@frozen(kw_only=True)
class ConversationStorage:
    """Conversations by id. ``load`` gives an empty one for an unknown id.

    ``append(id, turn, version)`` adds a turn to the conversation as it was loaded; when another writer came first it
    fails with `StorageFailed` (conflict) and changes nothing.
    """

    load: Callable[[str], FutureResult[Conversation, LLMError]]
    append: Callable[[str, Turn, int], FutureResult[Conversation, LLMError]]
    delete: Callable[[str], FutureResult[None, LLMError]]
    list_ids: Callable[[], FutureResult[tuple[str, ...], LLMError]]
