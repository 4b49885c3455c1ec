"""Conversations in a database: two writers lose nothing between them, and tenants do not meet however they are interleaved."""

import asyncio
import threading
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success
from sqlalchemy import Connection, func, select, update

from llm_manager.domain.conversations import Conversation, ConversationDescription, Turn
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.stores.conversations.keeping import _Whose, kept_conversations
from llm_manager.stores.memory.conversations import memory_conversations
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.spelling import spelled, unspelled
from llm_manager.stores.sql.tables.conversations import CONVERSATIONS, TURNS
from llm_manager.testing import fake_world, scripted, scripted_manager
from tests.databases import emptied, opened_database

_STEPS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["load", "append", "converse"])), max_size=25)


def _said(text: str) -> Turn:
    return Turn(messages=(Message(role="user", content=text),))


async def _two_writers(storage: ConversationStorage, steps: list[tuple[int, str]]) -> None:
    """Each appends at the version it has last seen, or asks through a manager; what was taken must stay as it was taken."""
    seen: dict[int, int] = {0: 0, 1: 0}
    taken: list[str] = []
    branched: list[str] = []
    ids = count()
    world = evolve(fake_world(), new_id=lambda: f"id-{next(ids)}")  # one for both: two would count alike, and branches clash
    managers = [scripted_manager(scripted(f"answer of {writer}"), conversations=storage, world=world) for writer in (0, 1)]
    for number, (writer, step) in enumerate(steps):
        before = (await settle(storage.load("c"))).unwrap()
        said = f"{number} by {writer}"
        if step == "load":
            seen[writer] = before.version
        elif step == "append":
            outcome = await settle(storage.append("c", _said(said), seen[writer]))
            assert isinstance(outcome, Success) == (seen[writer] == before.version)
            if isinstance(outcome, Success):
                taken.append(said)
                seen[writer] = outcome.unwrap()
        else:
            both = await asyncio.gather(*(settle(each.converse("c", LLMRequest(f"{said} {at}"))) for at, each in enumerate(managers)))
            for at, answered in enumerate(both):
                assert isinstance(answered, Success)
                kept_in = answered.unwrap().conversation_id
                assert kept_in is not None
                kept = (await settle(storage.load(kept_in))).unwrap()
                place = (
                    before.version if kept_in != "c" else next(i for i, t in enumerate(kept.turns) if t.messages[0].text == f"{said} {at}")
                )
                assert [message.text for message in kept.turns[place].messages] == [f"{said} {at}", f"answer of {at}"]
                if kept_in != "c":
                    branched.append(kept_in)
                    assert kept.turns[: before.version] == before.turns
            after = (await settle(storage.load("c"))).unwrap()
            taken += [turn.messages[0].text for turn in after.turns[before.version :]]
        now = (await settle(storage.load("c"))).unwrap()
        assert now.turns[: before.version] == before.turns
        assert [turn.messages[0].text for turn in now.turns] == taken
        assert now.version == len(taken)
    assert len(set(branched)) == len(branched)


@given(_STEPS)
def test_two_writers_lose_nothing_in_memory(steps: list[tuple[int, str]]) -> None:
    asyncio.run(_two_writers(memory_conversations(), steps))


@pytest.fixture
def one_of_each(database: Database) -> Callable[[], ConversationStorage]:
    return lambda: kept_conversations(emptied(database), lambda: 1.0)


def test_two_writers_lose_nothing_in_a_database(one_of_each: Callable[[], ConversationStorage]) -> None:
    @settings(max_examples=12)
    @given(_STEPS)
    def check(steps: list[tuple[int, str]]) -> None:
        asyncio.run(_two_writers(one_of_each(), steps))

    check()


def test_of_many_at_once_each_turn_is_kept_once(database: Database) -> None:
    """Sixteen writers load and append until each has put in its own: nothing is lost, nothing is there twice."""
    storage = kept_conversations(database, lambda: 1.0)

    async def write(number: int) -> None:
        for part in range(4):
            while True:
                version = (await settle(storage.load("c"))).unwrap().version
                if isinstance(await settle(storage.append("c", _said(f"{number}.{part}"), version)), Success):
                    break

    async def everybody() -> Conversation:
        await asyncio.gather(*map(write, range(16)))
        return (await settle(storage.load("c"))).unwrap()

    said = asyncio.run(everybody())
    assert sorted(turn.messages[0].text for turn in said.turns) == sorted(f"{number}.{part}" for number in range(16) for part in range(4))
    assert said.version == 64


def test_interleaved_tenants_never_meet(database: Database) -> None:
    """Whatever two tenants and nobody do under the same ids, several at a time, each meets its own words alone."""
    storage, random, met = kept_conversations(database, lambda: 1.0), Random(7), 0

    async def work() -> None:
        nonlocal met
        for _ in range(60):
            tenant, name, choice = random.choice((None, "one", "two")), f"c{random.randrange(4)}", random.random()
            mine, own = storage.of_tenant(tenant), f"words of {tenant}"
            found = (await settle(mine.load(name))).unwrap()
            met += len(found.turns)
            assert all(turn.messages[0].text == own for turn in found.turns)
            assert found.title in (None, own)
            if choice < 0.6:
                await settle(mine.append(name, _said(own), found.version))
            elif choice < 0.7:
                await settle(mine.describe(name, ConversationDescription(title=own)))
            elif choice < 0.8:
                assert all(hit.excerpt == own for hit in (await settle(mine.search("words", 50))).unwrap())
            elif choice < 0.9:
                await settle(mine.branch(name, 2, f"c{random.randrange(4, 8)}"))
            else:
                await settle(mine.delete(name))

    async def everybody() -> None:
        await asyncio.gather(*(work() for _ in range(8)))

    asyncio.run(everybody())
    assert met > 100


def test_a_tenant_of_a_manager_meets_its_own_words(database: Database) -> None:
    model = scripted("ok")

    async def talk() -> None:
        manager = scripted_manager(model, conversations=kept_conversations(database, lambda: 1.0))
        for question in range(2):
            for tenant in ("one", "two", None):
                metadata = RequestMetadata(tenant=tenant)
                await settle(manager.converse("c", LLMRequest(f"{question} of {tenant}", metadata=metadata)))

    asyncio.run(talk())
    for request in model.requests:
        asked = [message.text for message in request.conversation() if message.role == "user"]
        assert asked == [f"{number} of {request.metadata.tenant}" for number in range(len(asked))]


@pytest.mark.parametrize("table", [CONVERSATIONS, TURNS])
def test_what_cannot_be_read_is_a_failure(database: Database, table: Any) -> None:
    storage = kept_conversations(database, lambda: 1.0)

    def spoil(connection: Any) -> Settled[None, Any]:
        column = "about" if table is CONVERSATIONS else "messages"
        connection.execute(update(table).values({column: '{"nonsense'}))
        return Success(None)

    async def read() -> list[Any]:
        assert isinstance(await settle(storage.append("c", _said("hello"), 0)), Success)
        assert isinstance(await database.write(spoil), Success)
        told: list[Any] = [
            await settle(storage.load("c")),
            await settle(storage.search("hello", 5)),
            await settle(storage.branch("c", 1, "d")),
        ]
        if table is CONVERSATIONS:
            from llm_manager.domain.conversations import ConversationQuery

            told += [
                await settle(storage.find(ConversationQuery())),
                await settle(storage.describe("c", ConversationDescription(title="x"))),
            ]
        return told

    for outcome in asyncio.run(read()):
        assert isinstance(outcome, Failure)
        assert outcome.failure().reason == "corrupt"


@given(st.text() | st.text(alphabet="\x00\\u0ud8\ud800"), st.text() | st.text(alphabet="\x00\\u0ud8\ud800"))
def test_any_text_can_be_spelled(one: str, other: str) -> None:
    assert unspelled(spelled(one)) == one
    assert "\x00" not in spelled(one)
    spelled(one).encode()
    assert (spelled(one) == spelled(other)) == (one == other)


class _Watched:
    """A connection that tells when it has done its first statement."""

    def __init__(self, connection: Connection, begun: threading.Event) -> None:
        self.dialect, self._connection, self._begun = connection.dialect, connection, begun

    def execute(self, *args: Any) -> Any:
        done = self._connection.execute(*args)
        self._begun.set()
        return done


@pytest.mark.parametrize("going", ["delete", "forget"])
def test_what_is_said_while_a_conversation_goes_is_whole_or_gone(lasting_url: str, going: str) -> None:
    """In two processes: no turn stays behind without its conversation, to come back in the next of its name, and none that was said
    in time goes with what was too old before it."""
    ours, theirs = opened_database(lasting_url), opened_database(lasting_url)
    here, said, begun = _Whose("", lambda: 9.0), threading.Event(), threading.Event()

    def say(connection: Connection) -> Settled[int, LLMError]:
        outcome = here.append(connection, conversation_id="c", turn=_said("two"), version=1)
        said.set()
        begun.wait(0.5)  # until the other is in the middle of it, or is made to wait
        return outcome

    def go(connection: Connection) -> Settled[Any, LLMError]:
        watched: Any = _Watched(connection, begun)
        return here.delete(watched, conversation_id="c") if going == "delete" else here.forget(watched, before=5.0, everybody=True)

    try:
        ours.write_now(lambda connection: _Whose("", lambda: 1.0).append(connection, conversation_id="c", turn=_said("one"), version=0))
        saying = ours.write_soon(say)
        assert said.wait(10)
        assert isinstance(theirs.write_now(go), Success) and saying.result() == Success(2)
        left = ours.read_now(lambda connection: here.load(connection, conversation_id="c")).unwrap()
        turns = ours.read_now(lambda connection: Success(connection.execute(select(func.count()).select_from(TURNS)).scalar_one()))
        assert turns == Success(left.version)
        assert [turn.messages[0].text for turn in left.turns] == ([] if going == "delete" else ["one", "two"])
    finally:
        ours.close_now()
        theirs.close_now()
