"""Keeping conversations."""

from collections.abc import Callable

from attrs import field, frozen
from returns.future import FutureResult

from llm_manager.domain.conversations import Conversation, ConversationDescription, ConversationPage, ConversationQuery, FoundTurn, Turn
from llm_manager.domain.errors import LLMError


@frozen(kw_only=True)
class ConversationStorage:
    """The conversations of one tenant, or of nobody in particular, by id. Any text may be an id.

    Turns are only ever added. Who adds one says how many there were; when another writer came first it fails with
    `StorageFailed` (conflict) and changes nothing. No function takes a tenant: ``of_tenant`` gives a storage that sees that one's
    conversations and no others, whatever ids they have.
    """

    load: Callable[[str], FutureResult[Conversation, LLMError]]
    """All of a conversation; an empty one for an unknown id, which is not kept by that."""
    append: Callable[[str, Turn, int], FutureResult[int, LLMError]]
    """Add a turn to the conversation as it was loaded, at that version; gives the new one."""
    put: Callable[[Conversation], FutureResult[None, LLMError]]
    """Keep a whole conversation under an id that is not in use, which would be a conflict."""
    branch: Callable[[str, int, str], FutureResult[Conversation, LLMError]]
    """Begin a conversation of a new id with the first so many turns of another; a conflict when the id is in use."""
    describe: Callable[[str, ConversationDescription], FutureResult[None, LLMError]]
    """Say what a conversation is called and more; the last one who does is right. An unknown one is kept from then on."""
    find: Callable[[ConversationQuery], FutureResult[ConversationPage, LLMError]]
    """List conversations, the last one used first."""
    search: Callable[[str, int], FutureResult[tuple[FoundTurn, ...], LLMError]]
    """Turns in which all these words occur, in whatever case; the latest first, and no more than so many."""
    delete: Callable[[str], FutureResult[bool, LLMError]]
    """Forget a conversation; says whether there was one."""
    forget: Callable[[float], FutureResult[int, LLMError]]
    """Forget every conversation in which nothing was said since; says how many. The storage that a manager is given forgets those
    of every tenant, one of ``of_tenant`` that one's alone."""
    of_tenant: Callable[[str | None], "ConversationStorage"] = field(repr=False)
    """The storage of a tenant; that of nobody in particular for None and for an empty name."""
