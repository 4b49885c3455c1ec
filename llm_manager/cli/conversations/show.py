"""`llm-manager conversations list`, `show` and `search`: what was said, for people and for programs."""

from typing import Any

from returns.result import Failure

from llm_manager.cli.conversations.at_hand import meant, short
from llm_manager.cli.exits import OK
from llm_manager.cli.session import Session
from llm_manager.domain.conversations import Conversation, ConversationHead, ConversationQuery
from llm_manager.domain.messages import Message, TextPart
from llm_manager.domain.moments import moment
from llm_manager.effects import settle
from llm_manager.policies.conversation_json import conversation_document
from llm_manager.services.conversation_storage import ConversationStorage

_NONE = "no conversations are kept that fit: llm-manager chat begins one"
_SPEAKERS = {"user": "You", "assistant": "Model", "tool": "Tool", "system": "System"}


async def list_conversations(session: Session, storage: ConversationStorage, query: ConversationQuery) -> int:
    """Show the conversations last used."""
    found = await settle(storage.find(query))
    if isinstance(found, Failure):
        return session.output.failure(found.failure())
    page = found.unwrap()
    if session.output.json:
        session.output.document({"conversations": [head_document(head) for head in page.heads], "after": page.after})
        return OK
    if not page.heads:
        session.output.note(_NONE)
        return OK
    rows = [(short(head.id, page.heads), moment(head.changed), str(head.turns), head.title or "") for head in page.heads]
    session.output.table(("id", "last used", "turns", "title"), rows)
    if page.after is not None:
        session.output.note("note: there are more; --last shows more of them")
    return OK


async def show_conversation(session: Session, storage: ConversationStorage, beginning: str) -> int:
    """Show one whole."""
    found = await meant(storage, beginning)
    if isinstance(found, Failure):
        return session.output.failure(found.failure())
    conversation = found.unwrap()
    if session.output.json:
        session.output.document(conversation_document(conversation))
    else:
        session.output.text(as_text(conversation))
    return OK


async def search_conversations(session: Session, storage: ConversationStorage, words: str, last: int) -> int:
    """Show the turns in which all words occur."""
    found = await settle(storage.search(words, last))
    if isinstance(found, Failure):
        return session.output.failure(found.failure())
    hits = found.unwrap()
    if session.output.json:
        told = [{"conversation": head_document(hit.conversation), "turn": hit.turn, "at": hit.at, "excerpt": hit.excerpt} for hit in hits]
        session.output.document({"found": told})
        return OK
    if not hits:
        session.output.note("nothing was said with all these words")
        return OK
    rows = [(short(hit.conversation.id), str(hit.turn), "" if hit.at is None else moment(hit.at), hit.excerpt) for hit in hits]
    session.output.table(("id", "turn", "said", "words"), rows)
    return OK


def head_document(head: ConversationHead) -> dict[str, Any]:
    """A conversation without its turns, as plain data."""
    origin = head.origin
    return {
        "id": head.id,
        "title": head.title,
        "turns": head.turns,
        "began": head.began,
        "changed": head.changed,
        "metadata": dict(head.metadata),
        "origin": None if origin is None else {"conversation": origin.conversation, "turns": origin.turns},
    }


def as_text(conversation: Conversation) -> str:
    """The whole conversation for a person to read."""
    origin = conversation.origin
    lines = [f"{conversation.title or 'Untitled'} ({conversation.id})"]
    if origin is not None:
        lines.append(f"a branch of {origin.conversation} after turn {origin.turns}")
    if conversation.system:
        lines.append(f"System: {conversation.system}")
    for number, turn in enumerate(conversation.turns, 1):
        when = "" if turn.at is None else f", {moment(turn.at)}"
        lines.append(f"\n-- turn {number}{when}{', cut short' if turn.cut else ''}{', private' if turn.private else ''}")
        lines += [f"{_SPEAKERS[message.role]}: {_shown(message)}" for message in turn.messages]
    return "\n".join(lines)


def _shown(message: Message) -> str:
    parts = [part.text if isinstance(part, TextPart) else f"({part.tag})" for part in message.content]
    return "\n".join((*parts, *(f"calls {call.name}({call.arguments})" for call in message.tool_calls)))
