"""An exchange is kept, come what may: appended, or as a branch when somebody else wrote first, or else it is said that it was not."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from attrs import evolve, frozen
from returns.result import Failure

from llm_manager.domain.conversations import Conversation, Turn, branched
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import StorageFailed
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import settle
from llm_manager.services.conversation_storage import ConversationStorage

_Value = TypeVar("_Value")

_LAST_SECONDS: Final = 5.0
"""How long a caller who leaves is held up by what is being written."""


@frozen(kw_only=True)
class Kept:
    """In which conversation an exchange is kept, None when in none; and what there is to say of it."""

    conversation_id: str | None
    notices: tuple[str, ...] = ()

    def told_with(self, response: LLMResponse) -> LLMResponse:
        """The answer, which says where it is kept."""
        return evolve(response, conversation_id=self.conversation_id, notices=(*response.notices, *self.notices))


async def keep(storage: ConversationStorage, conversation: Conversation, turn: Turn, new_id: Callable[[], str]) -> Kept:
    """Add a turn to the conversation as it was loaded. Nothing that somebody else wrote is touched, and nothing deleted comes back."""
    stored = await settle(storage.append(conversation.id, turn, conversation.version))
    if not isinstance(stored, Failure):
        return Kept(conversation_id=conversation.id)
    error = stored.failure()
    if isinstance(error, StorageFailed) and error.reason == "conflict":
        if conversation.version and not isinstance(await settle(storage.append(conversation.id, turn, 0)), Failure):
            notice = "this conversation was deleted meanwhile; it begins anew with this exchange"
            return Kept(conversation_id=conversation.id, notices=(notice,))
        branch = branched(conversation, conversation.version, new_id())
        beside = await settle(storage.put(evolve(branch, turns=(*branch.turns, turn), version=branch.version + 1)))
        if not isinstance(beside, Failure):
            notice = f"somebody else wrote to this conversation meanwhile; this exchange is kept in a branch of it, {branch.id}"
            return Kept(conversation_id=branch.id, notices=(notice,))
        error = beside.failure()
    return Kept(conversation_id=None, notices=(f"this exchange was not stored: {describe(error)}",))


async def to_its_end(work: Coroutine[Any, Any, _Value]) -> _Value:
    """Do it all even if the caller is cancelled, who then leaves when it is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await asyncio.shield(task)
        raise
