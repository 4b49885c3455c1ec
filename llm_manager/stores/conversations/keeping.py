"""Conversations in a database: turns are rows that are only ever added, one for each version."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from attrs import evolve
from returns.result import Failure, Success
from sqlalchemy import Connection, and_, bindparam, delete, exists, func, insert, or_, select, update

from llm_manager.domain.conversations import (
    BranchPoint,
    Conversation,
    ConversationDescription,
    ConversationHead,
    ConversationPage,
    ConversationQuery,
    FoundTurn,
    Turn,
    branched,
    described,
)
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.wire import DESCRIPTION, MESSAGES, from_json, to_json
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.conversation_words import excerpt, folded, spoken_in, words_of
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.stores.conversations.pages import cursor_of, read_cursor, said_twice
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.spelling import spelled, unspelled
from llm_manager.stores.sql.tables.conversations import CONVERSATION_METADATA, CONVERSATIONS, TURNS
from llm_manager.stores.sql.upserting import unless_there

_TABLES: Final = (CONVERSATIONS, CONVERSATION_METADATA, TURNS)
"""In the order in which one goes: its own row first, for which whoever says something in it waits, and makes others wait."""
_HERE: Final = and_(CONVERSATIONS.c.tenant == bindparam("t"), CONVERSATIONS.c.id == bindparam("i"))
_ONE: Final = select(CONVERSATIONS).where(_HERE)
_ITS_TURNS: Final = (
    select(TURNS.c.said_at, TURNS.c.cut, TURNS.c.private, TURNS.c.messages)
    .where(TURNS.c.tenant == bindparam("t"), TURNS.c.id == bindparam("i"))
    .order_by(TURNS.c.number)
)
_GROW: Final = (
    update(CONVERSATIONS)
    .where(_HERE, CONVERSATIONS.c.version == bindparam("v"))
    .values(version=bindparam("grown"), changed=bindparam("now"))
)
_DESCRIBE: Final = update(CONVERSATIONS).where(_HERE).values(about=bindparam("told"), title_words=bindparam("called"))
_BEGIN: Final = unless_there(CONVERSATIONS)
_SAY: Final = insert(TURNS)
_MARK: Final = insert(CONVERSATION_METADATA)
_UNMARK: Final = delete(CONVERSATION_METADATA).where(
    CONVERSATION_METADATA.c.tenant == bindparam("t"), CONVERSATION_METADATA.c.id == bindparam("i")
)
_GONE: Final = tuple(delete(each).where(each.c.tenant == bindparam("t"), each.c.id == bindparam("i")) for each in _TABLES)
_OLD: Final = select(CONVERSATIONS.c.tenant, CONVERSATIONS.c.id).where(CONVERSATIONS.c.changed < bindparam("before")).with_for_update()


def kept_conversations(database: Database, wall: Callable[[], float], tenant: str | None = None) -> ConversationStorage:
    """Keep conversations of a tenant, or of nobody in particular, in a database; ``wall`` is seconds since 1970."""
    whose = _Whose(spelled(tenant or ""), wall)

    async def load(conversation_id: str) -> Settled[Conversation, LLMError]:
        return await database.read(partial(whose.load, conversation_id=conversation_id))

    async def append(conversation_id: str, turn: Turn, version: int) -> Settled[int, LLMError]:
        return await database.write(partial(whose.append, conversation_id=conversation_id, turn=turn, version=version))

    async def put(conversation: Conversation) -> Settled[None, LLMError]:
        return await database.write(partial(whose.put, conversation=conversation))

    async def branch(conversation_id: str, turns: int, new_id: str) -> Settled[Conversation, LLMError]:
        return await database.write(partial(whose.branch, conversation_id=conversation_id, turns=turns, new_id=new_id))

    async def describe(conversation_id: str, description: ConversationDescription) -> Settled[None, LLMError]:
        return await database.write(partial(whose.describe, conversation_id=conversation_id, description=description))

    async def find(query: ConversationQuery) -> Settled[ConversationPage, LLMError]:
        return await database.read(partial(whose.find, query=query))

    async def search(words: str, most: int) -> Settled[tuple[FoundTurn, ...], LLMError]:
        return await database.read(partial(whose.search, words=words, most=most))

    async def remove(conversation_id: str) -> Settled[bool, LLMError]:
        return await database.write(partial(whose.delete, conversation_id=conversation_id))

    async def forget(before: float) -> Settled[int, LLMError]:
        return await database.write(partial(whose.forget, before=before, everybody=tenant is None))

    return ConversationStorage(
        load=publish(load),
        append=publish(append),
        put=publish(put),
        branch=publish(branch),
        describe=publish(describe),
        find=publish(find),
        search=publish(search),
        delete=publish(remove),
        forget=publish(forget),
        of_tenant=lambda other: kept_conversations(database, wall, other or ""),
    )


class _Whose:
    """What is done with the conversations of one tenant, inside a transaction."""

    def __init__(self, tenant: str, wall: Callable[[], float]) -> None:
        self._tenant = tenant
        self._wall = wall

    def load(self, connection: Connection, *, conversation_id: str) -> Settled[Conversation, LLMError]:
        here = self._here(conversation_id)
        row = connection.execute(_ONE, here).first()
        if row is None:
            return Success(Conversation(id=conversation_id))
        turns: list[Turn] = []
        for said in connection.execute(_ITS_TURNS, here):
            messages = sealed(from_json(MESSAGES, said.messages))
            if isinstance(messages, Failure):
                return _corrupt(messages.failure())
            turns.append(Turn(messages=messages.unwrap(), at=said.said_at, cut=said.cut, private=said.private))
        read = sealed(from_json(DESCRIPTION, row.about))
        if isinstance(read, Failure):
            return _corrupt(read.failure())
        bare = Conversation(
            id=conversation_id, turns=tuple(turns), version=row.version, origin=_origin(row), began=row.began, changed=row.changed
        )
        return Success(described(bare, read.unwrap()))

    def append(self, connection: Connection, *, conversation_id: str, turn: Turn, version: int) -> Settled[int, LLMError]:
        now = self._wall() if turn.at is None else turn.at
        grow = {**self._here(conversation_id), "v": version, "grown": version + 1, "now": now}
        grown = connection.execute(_GROW, grow).rowcount == 1
        if not grown and version == 0:
            grown = self._begin(connection, Conversation(id=conversation_id, version=1, began=now, changed=now))
            grown = grown or connection.execute(_GROW, grow).rowcount == 1  # somebody named it in this very moment
        if not grown:
            return said_twice(f"somebody else wrote to conversation {conversation_id}, which had {version} turns when it was loaded")
        connection.execute(_SAY, self._row(conversation_id, version + 1, turn))
        return Success(version + 1)

    def put(self, connection: Connection, *, conversation: Conversation) -> Settled[None, LLMError]:
        now = self._wall()
        began = now if conversation.began is None else conversation.began
        changed = now if conversation.changed is None else conversation.changed
        kept = evolve(conversation, version=len(conversation.turns), began=began, changed=changed)
        if not self._begin(connection, kept):
            return said_twice(f"there is a conversation {conversation.id}")
        if kept.turns:
            connection.execute(_SAY, [self._row(kept.id, number, turn) for number, turn in enumerate(kept.turns, 1)])
        self._mark(connection, kept)
        return Success(None)

    def branch(self, connection: Connection, *, conversation_id: str, turns: int, new_id: str) -> Settled[Conversation, LLMError]:
        loaded = self.load(connection, conversation_id=conversation_id)
        if isinstance(loaded, Failure):
            return loaded
        kept = self.put(connection, conversation=branched(loaded.unwrap(), turns, new_id))
        return kept if isinstance(kept, Failure) else self.load(connection, conversation_id=new_id)

    def describe(self, connection: Connection, *, conversation_id: str, description: ConversationDescription) -> Settled[None, LLMError]:
        now, here = self._wall(), self._here(conversation_id)
        self._begin(connection, Conversation(id=conversation_id, began=now, changed=now))
        row = connection.execute(_ONE.with_for_update(), here).one()
        read = sealed(from_json(DESCRIPTION, row.about))
        if isinstance(read, Failure):
            return _corrupt(read.failure())
        told = described(described(Conversation(id=conversation_id), read.unwrap()), description)
        connection.execute(_DESCRIBE, {**here, "told": _about(told), "called": folded(told.title or "")})
        if description.metadata is not None:
            connection.execute(_UNMARK, here)
            self._mark(connection, told)
        return Success(None)

    def find(self, connection: Connection, *, query: ConversationQuery) -> Settled[ConversationPage, LLMError]:
        table = CONVERSATIONS.c
        wanted = select(CONVERSATIONS).where(table.tenant == self._tenant).order_by(table.changed.desc(), table.id.desc())
        if query.id:
            wanted = wanted.where(func.substr(table.id, 1, len(spelled(query.id))) == spelled(query.id))
        for word in words_of(query.title):
            wanted = wanted.where(table.title_words.contains(word, autoescape=True))
        marks = CONVERSATION_METADATA.c
        for name, value in query.metadata:
            same = and_(marks.tenant == table.tenant, marks.id == table.id, marks.name == spelled(name), marks.value == spelled(value))
            wanted = wanted.where(exists().where(same))
        if query.since is not None:
            wanted = wanted.where(table.changed >= query.since)
        if query.until is not None:
            wanted = wanted.where(table.changed < query.until)
        if query.after is not None:
            cursor = read_cursor(query.after)
            if isinstance(cursor, Failure):
                return cursor
            changed, last = cursor.unwrap()
            wanted = wanted.where(or_(table.changed < changed, and_(table.changed == changed, table.id < spelled(last))))
        most = max(1, query.limit)
        rows = connection.execute(wanted.limit(most + 1)).all()
        heads: list[ConversationHead] = []
        for row in rows[:most]:
            head = _head(row)
            if isinstance(head, Failure):
                return head
            heads.append(head.unwrap())
        return Success(ConversationPage(heads=tuple(heads), after=cursor_of(heads[-1]) if len(rows) > most else None))

    def search(self, connection: Connection, *, words: str, most: int) -> Settled[tuple[FoundTurn, ...], LLMError]:
        looked_for = words_of(words)
        if not looked_for or most < 1:
            return Success(())
        joined = and_(TURNS.c.tenant == CONVERSATIONS.c.tenant, TURNS.c.id == CONVERSATIONS.c.id)
        wanted = select(CONVERSATIONS, TURNS.c.number, TURNS.c.said_at, TURNS.c.messages).join(TURNS, joined)
        wanted = wanted.where(TURNS.c.tenant == self._tenant).order_by(
            CONVERSATIONS.c.changed.desc(), CONVERSATIONS.c.id.desc(), TURNS.c.number.desc()
        )
        for word in looked_for:
            wanted = wanted.where(TURNS.c.words.contains(word, autoescape=True))
        found: list[FoundTurn] = []
        for row in connection.execute(wanted.limit(most)):
            head, messages = _head(row), sealed(from_json(MESSAGES, row.messages))
            if isinstance(head, Failure):
                return head
            if isinstance(messages, Failure):
                return _corrupt(messages.failure())
            shown = excerpt(spoken_in(Turn(messages=messages.unwrap())), looked_for)
            found.append(FoundTurn(conversation=head.unwrap(), turn=row.number, excerpt=shown, at=row.said_at))
        return Success(tuple(found))

    def delete(self, connection: Connection, *, conversation_id: str) -> Settled[bool, LLMError]:
        here = self._here(conversation_id)
        gone, *_ = [connection.execute(statement, here).rowcount for statement in _GONE]
        return Success(gone > 0)

    def forget(self, connection: Connection, *, before: float, everybody: bool) -> Settled[int, LLMError]:
        wanted = _OLD if everybody else _OLD.where(CONVERSATIONS.c.tenant == self._tenant)
        old = [{"t": row.tenant, "i": row.id} for row in connection.execute(wanted, {"before": before})]
        if old:
            for statement in _GONE:
                connection.execute(statement, old)
        return Success(len(old))

    def _here(self, conversation_id: str) -> dict[str, Any]:
        return {"t": self._tenant, "i": spelled(conversation_id)}

    def _begin(self, connection: Connection, conversation: Conversation) -> bool:
        """Keep a conversation without its turns; whether its id was free."""
        origin = conversation.origin
        row = {
            "tenant": self._tenant,
            "id": spelled(conversation.id),
            "version": conversation.version,
            "began": conversation.began,
            "changed": conversation.changed,
            "about": _about(conversation),
            "title_words": folded(conversation.title or ""),
            "origin": None if origin is None else spelled(origin.conversation),
            "origin_turns": None if origin is None else origin.turns,
        }
        return connection.execute(_BEGIN[connection.dialect.name], row).rowcount == 1

    def _mark(self, connection: Connection, conversation: Conversation) -> None:
        here = {"tenant": self._tenant, "id": spelled(conversation.id)}
        rows = [{**here, "name": spelled(name), "value": spelled(value)} for name, value in dict(conversation.metadata).items()]
        if rows:
            connection.execute(_MARK, rows)

    def _row(self, conversation_id: str, number: int, turn: Turn) -> dict[str, Any]:
        return {
            "tenant": self._tenant,
            "id": spelled(conversation_id),
            "number": number,
            "said_at": turn.at,
            "cut": turn.cut,
            "private": turn.private,
            "messages": to_json(turn.messages).decode(),
            "words": folded(spoken_in(turn)),
        }


def _about(conversation: Conversation) -> str:
    told = ConversationDescription(
        title=conversation.title, system=conversation.system, metadata=conversation.metadata or None, summary=conversation.summary
    )
    return to_json(told).decode()


def _origin(row: Any) -> BranchPoint | None:
    return None if row.origin is None else BranchPoint(conversation=unspelled(row.origin), turns=row.origin_turns)


def _head(row: Any) -> Settled[ConversationHead, LLMError]:
    read = sealed(from_json(DESCRIPTION, row.about))
    if isinstance(read, Failure):
        return _corrupt(read.failure())
    told = read.unwrap()
    return Success(
        ConversationHead(
            id=unspelled(row.id),
            turns=row.version,
            title=told.title,
            metadata=told.metadata or (),
            origin=_origin(row),
            began=row.began,
            changed=row.changed,
        )
    )


def _corrupt(why: str) -> Failure[LLMError]:
    return Failure(StorageFailed(message=f"a conversation cannot be read: {why}", reason="corrupt"))
