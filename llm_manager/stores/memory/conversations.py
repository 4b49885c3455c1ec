"""Conversations that live as long as the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.conversations import (
    Conversation,
    ConversationDescription,
    ConversationPage,
    ConversationQuery,
    FoundTurn,
    Turn,
    branched,
    described,
    head_of,
)
from llm_manager.domain.errors import LLMError
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.conversation_words import excerpt, folded, holds, spoken_in, words_of
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.stores.conversations.pages import cursor_of, read_cursor, said_twice

_NOBODY = ""


def _never() -> float:
    return 0.0


def memory_conversations(wall: Callable[[], float] = _never) -> ConversationStorage:
    """Keep conversations in this process; safe from threads. ``wall`` is seconds since 1970."""
    return _storage(_Kept(wall), None)


class _Kept:
    """Everybody's conversations, by tenant and id."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.wall = wall
        self.lock = threading.Lock()
        self.all: dict[tuple[str, str], Conversation] = {}

    def add(self, tenant: str, conversation: Conversation) -> Settled[None, LLMError]:
        """Keep a conversation whose id is free; the lock is held."""
        if (tenant, conversation.id) in self.all:
            return said_twice(f"there is a conversation {conversation.id}")
        now = self.wall()
        self.all[tenant, conversation.id] = evolve(
            described(conversation, ConversationDescription(metadata=conversation.metadata)),
            version=len(conversation.turns),
            began=now if conversation.began is None else conversation.began,
            changed=now if conversation.changed is None else conversation.changed,
        )
        return Success(None)

    def latest(self, tenant: str) -> list[Conversation]:
        """Those of a tenant, the last one used first."""
        with self.lock:
            mine = [kept for (whose, _), kept in self.all.items() if whose == tenant]
        return sorted(mine, key=_age, reverse=True)


def _age(conversation: Conversation) -> tuple[float, str]:
    return conversation.changed or 0.0, conversation.id


def _storage(kept: _Kept, tenant: str | None) -> ConversationStorage:
    whose = tenant or _NOBODY

    async def load(conversation_id: str) -> Settled[Conversation, LLMError]:
        return Success(kept.all.get((whose, conversation_id)) or Conversation(id=conversation_id))

    async def append(conversation_id: str, turn: Turn, version: int) -> Settled[int, LLMError]:
        now = kept.wall() if turn.at is None else turn.at
        with kept.lock:
            found = kept.all.get((whose, conversation_id)) or Conversation(id=conversation_id, began=now)
            if found.version != version:
                return said_twice(f"somebody else wrote to conversation {conversation_id}, which had {version} turns when it was loaded")
            kept.all[whose, conversation_id] = evolve(found, turns=(*found.turns, turn), version=version + 1, changed=now)
        return Success(version + 1)

    async def put(conversation: Conversation) -> Settled[None, LLMError]:
        with kept.lock:
            return kept.add(whose, conversation)

    async def branch(conversation_id: str, turns: int, new_id: str) -> Settled[Conversation, LLMError]:
        with kept.lock:
            found = kept.all.get((whose, conversation_id)) or Conversation(id=conversation_id)
            added = kept.add(whose, branched(found, turns, new_id))
            return added if isinstance(added, Failure) else Success(kept.all[whose, new_id])

    async def describe(conversation_id: str, description: ConversationDescription) -> Settled[None, LLMError]:
        now = kept.wall()
        with kept.lock:
            found = kept.all.get((whose, conversation_id)) or Conversation(id=conversation_id, began=now, changed=now)
            kept.all[whose, conversation_id] = described(found, description)
        return Success(None)

    async def find(query: ConversationQuery) -> Settled[ConversationPage, LLMError]:
        fitting = [each for each in kept.latest(whose) if _fits(each, query)]
        if query.after is not None:
            cursor = read_cursor(query.after)
            if isinstance(cursor, Failure):
                return cursor
            fitting = [each for each in fitting if _age(each) < cursor.unwrap()]
        most = max(1, query.limit)
        heads = tuple(map(head_of, fitting[:most]))
        return Success(ConversationPage(heads=heads, after=cursor_of(heads[-1]) if len(fitting) > most else None))

    async def search(words: str, most: int) -> Settled[tuple[FoundTurn, ...], LLMError]:
        return Success(tuple(_found(kept.latest(whose), words_of(words), most)))

    async def delete(conversation_id: str) -> Settled[bool, LLMError]:
        with kept.lock:
            return Success(kept.all.pop((whose, conversation_id), None) is not None)

    async def forget(before: float) -> Settled[int, LLMError]:
        with kept.lock:
            old = [place for place, each in kept.all.items() if (tenant is None or place[0] == whose) and (each.changed or 0.0) < before]
            for place in old:
                del kept.all[place]
        return Success(len(old))

    return ConversationStorage(
        load=publish(load),
        append=publish(append),
        put=publish(put),
        branch=publish(branch),
        describe=publish(describe),
        find=publish(find),
        search=publish(search),
        delete=publish(delete),
        forget=publish(forget),
        of_tenant=lambda other: _storage(kept, other or _NOBODY),
    )


def _fits(conversation: Conversation, query: ConversationQuery) -> bool:
    changed = conversation.changed or 0.0
    return (
        conversation.id.startswith(query.id)
        and holds(folded(conversation.title or ""), words_of(query.title))
        and set(query.metadata) <= set(conversation.metadata)
        and (query.since is None or changed >= query.since)
        and (query.until is None or changed < query.until)
    )


def _found(conversations: Iterable[Conversation], words: tuple[str, ...], most: int) -> list[FoundTurn]:
    found: list[FoundTurn] = []
    for conversation in conversations if words else ():
        for number in range(len(conversation.turns), 0, -1):
            if len(found) >= most:
                return found
            turn = conversation.turns[number - 1]
            said = spoken_in(turn)
            if holds(folded(said), words):
                found.append(FoundTurn(conversation=head_of(conversation), turn=number, excerpt=excerpt(said, words), at=turn.at))
    return found
