"""The conversation that somebody means: by its id, by the beginning of it, or the last one used."""

from typing import Final

from returns.result import Failure

from llm_manager.domain.conversations import Conversation, ConversationHead, ConversationQuery
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.conversation_storage import ConversationStorage

LAST: Final = "last"
SHORT: Final = 8
"""So much of an id is shown where it is one of many."""


async def meant(storage: ConversationStorage, beginning: str) -> Settled[Conversation, LLMError]:
    """The whole conversation. One whose id is empty is meant by an empty word, and by what stands for that in lists."""
    for named in ("", beginning) if beginning == repr("") else (beginning,):
        exact = await settle(storage.load(named))
        if isinstance(exact, Failure) or exact.unwrap().began is not None:
            return exact
    query = ConversationQuery(limit=1) if beginning == LAST else ConversationQuery(id=beginning, limit=6)
    found = await settle(storage.find(query))
    if isinstance(found, Failure):
        return found
    heads = found.unwrap().heads
    if len(heads) == 1 and beginning:
        return await settle(storage.load(heads[0].id))
    if not heads or not beginning:
        why = "there is no conversation" if beginning == LAST else f"no conversation has the id {beginning!r}"
        return Failure(ConfigurationError(message=f"{why}: llm-manager conversations list shows them"))
    several = ", ".join(head.id[:24] for head in heads[:5])
    return Failure(ConfigurationError(message=f"{beginning!r} begins several ids ({several}): give more of it"))


def short(conversation_id: str, heads: tuple[ConversationHead, ...] = ()) -> str:
    """As much of an id as tells it from these others."""
    length = SHORT
    while length < len(conversation_id) and sum(head.id.startswith(conversation_id[:length]) for head in heads) > 1:
        length += 1
    return conversation_id[:length] if conversation_id[:length].strip() else repr(conversation_id)
