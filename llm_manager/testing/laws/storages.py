"""Laws of conversation storages: turns are kept in order, of two writers one wins, and tenants never meet."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.conversations import (
    BranchPoint,
    Conversation,
    ConversationDescription,
    ConversationQuery,
    ConversationSummary,
    Turn,
)
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.messages import ImageData, Message, ToolCall
from llm_manager.effects import settle
from llm_manager.services.conversation_storage import ConversationStorage

MakeStorage = Callable[[], ConversationStorage]
"""Makes an empty storage."""

IDS = ("", "a", "A", "a b", "беседа", "../../etc", "a'; --", "x" * 300, "nul\x00", "half \ud800", "back\\u0000", "%", "_", "\u202etxt.exe")
"""Any text may be an id."""
_TURNS = (
    Turn(messages=(Message(role="user", content="hello"), Message(role="assistant", content="good day")), at=100.5),
    Turn(
        messages=(
            Message(role="user", content=(ImageData(data=b"\x89PNG\x00"),)),
            Message(role="assistant", tool_calls=(ToolCall(id="1", name="look", arguments='{"at": "it"}'),)),
            Message(role="tool", content="a cat\x00 \ud800", tool_call_id="1"),
            Message(role="assistant", content="a cat 🐈"),
        ),
        at=101.25,
        cut=True,
        private=True,
    ),
)


async def _must(effect: "FutureResult[Any, LLMError]") -> Any:
    outcome = await settle(effect)
    assert not isinstance(outcome, Failure), outcome
    return outcome.unwrap()


async def _conflict(effect: "FutureResult[Any, LLMError]") -> None:
    outcome = await settle(effect)
    assert isinstance(outcome, Failure), f"{outcome} where a conflict was to come"
    error = outcome.failure()
    assert isinstance(error, StorageFailed)
    assert error.reason == "conflict"


async def _listed(storage: ConversationStorage) -> list[str]:
    page = await _must(storage.find(ConversationQuery(limit=1000)))
    return [head.id for head in page.heads]


def _law(check: Callable[[ConversationStorage], Coroutine[Any, Any, None]]) -> Callable[[MakeStorage], None]:
    def law(make: MakeStorage) -> None:
        asyncio.run(check(make()))  # a loop as it is: storages may wait for threads

    law.__doc__ = check.__doc__
    return law


async def _unknown_is_empty(storage: ConversationStorage) -> None:
    """An unknown id loads as an empty conversation of that id, at version 0, and loading does not keep it."""
    for name in IDS:
        assert await settle(storage.load(name)) == Success(Conversation(id=name))
    assert await _listed(storage) == []


async def _appended_is_loaded(storage: ConversationStorage) -> None:
    """Turns come back equal and in order, under each id its own; the version counts them, and both times are told."""
    for name in IDS:
        for version, turn in enumerate(_TURNS):
            assert await _must(storage.append(name, turn, version)) == version + 1
            found = await _must(storage.load(name))
            assert (found.id, found.turns, found.version) == (name, _TURNS[: version + 1], version + 1)
            assert (found.began, found.changed) == (100.5, turn.at)
    assert sorted(await _listed(storage)) == sorted(IDS)


async def _stale_writers_lose(storage: ConversationStorage) -> None:
    """Appending to what is no longer the newest version is a conflict and changes nothing."""
    await _must(storage.append("c", _TURNS[0], 0))
    before = await _must(storage.load("c"))
    for stale in (0, 2, -1):
        await _conflict(storage.append("c", _TURNS[1], stale))
    assert await _must(storage.load("c")) == before
    await _conflict(storage.append("new", _TURNS[0], 1))
    assert await _listed(storage) == ["c"]


async def _one_of_two_writers_wins(storage: ConversationStorage) -> None:
    """Of writers at the same version at the same time exactly one succeeds."""
    outcomes = await asyncio.gather(*(settle(storage.append("c", turn, 0)) for turn in _TURNS))
    assert sum(not isinstance(outcome, Failure) for outcome in outcomes) == 1
    assert (await _must(storage.load("c"))).version == 1


async def _put_is_loaded(storage: ConversationStorage) -> None:
    """A whole conversation comes back as it was put, once, and can be gone on with; an id that is in use is a conflict."""
    whole = Conversation(
        id="w",
        turns=_TURNS,
        version=2,
        title="A \x00 cat",
        metadata=(("a", "1"), ("b\x00", "\ud800")),
        system="Be {brief}.",
        origin=BranchPoint(conversation="else\x00where", turns=1),
        summary=ConversationSummary(text="They met.", turns=1),
        began=1.5,
        changed=2.25,
    )
    await _must(storage.put(whole))
    assert await _must(storage.load("w")) == whole
    await _conflict(storage.put(Conversation(id="w")))
    assert await _must(storage.load("w")) == whole
    assert await _must(storage.append("w", _TURNS[0], 2)) == 3
    assert (await _must(storage.load("w"))).turns == (*_TURNS, _TURNS[0])


async def _branches_go_their_own_way(storage: ConversationStorage) -> None:
    """A branch has the first turns of its origin and says so; what is said in either is not in the other."""
    for version, turn in enumerate(_TURNS):
        await _must(storage.append("root", turn, version))
    for turns in (0, 1, 2, 9):
        branch = await _must(storage.branch("root", turns, f"branch {turns}"))
        kept = min(turns, 2)
        assert (branch.turns, branch.version) == (_TURNS[:kept], kept)
        assert branch.origin == BranchPoint(conversation="root", turns=kept)
        assert await _must(storage.load(branch.id)) == branch
    await _conflict(storage.branch("root", 1, "branch 2"))
    await _must(storage.append("branch 1", _TURNS[0], 1))
    await _must(storage.delete("root"))
    assert (await _must(storage.load("branch 1"))).turns == (_TURNS[0], _TURNS[0])
    assert (await _must(storage.load("branch 2"))).turns == _TURNS


async def _described_as_said(storage: ConversationStorage) -> None:
    """What is not said stays, an empty text takes away, turns and version are untouched; an unknown conversation is kept."""
    await _must(storage.append("c", _TURNS[0], 0))
    await _must(storage.describe("c", ConversationDescription(title="One", system="Be brief.", metadata=(("b", "2"), ("a", "1")))))
    await _must(storage.describe("c", ConversationDescription(title="Two", summary=ConversationSummary(text="so far", turns=1))))
    found = await _must(storage.load("c"))
    assert (found.title, found.system, found.metadata) == ("Two", "Be brief.", (("a", "1"), ("b", "2")))
    assert (found.summary, found.turns, found.version) == (ConversationSummary(text="so far", turns=1), _TURNS[:1], 1)
    await _must(storage.describe("c", ConversationDescription(title="", system="", metadata=())))
    found = await _must(storage.load("c"))
    assert (found.title, found.system, found.metadata) == (None, None, ())
    await _must(storage.describe("new", ConversationDescription(title="Named first")))
    assert await _must(storage.append("new", _TURNS[0], 0)) == 1
    assert (await _must(storage.load("new"))).title == "Named first"


async def _pages_are_whole(storage: ConversationStorage) -> None:
    """The last one used comes first, pages end where the next begins, and every filter holds."""
    for number in range(7):
        name = f"{number}\x00%"
        await _must(storage.append(name, evolve(_TURNS[0], at=float(number // 2)), 0))
        marks = (("even", str(number % 2 == 0)),)
        await _must(storage.describe(name, ConversationDescription(title=f"Straße_{number} of 10%", metadata=marks)))
    everything = (await _must(storage.find(ConversationQuery(limit=100)))).heads
    assert [head.changed for head in everything] == sorted((head.changed for head in everything), reverse=True)
    seen: list[str] = []
    after: str | None = None
    for _ in everything:
        page = await _must(storage.find(ConversationQuery(limit=2, after=after)))
        seen += [head.id for head in page.heads]
        after = page.after
        if after is None:
            break
    assert seen == [head.id for head in everything]
    assert isinstance(await settle(storage.find(ConversationQuery(after="nowhere"))), Failure)

    async def ids(query: ConversationQuery) -> set[str]:
        return {head.id[0] for head in (await _must(storage.find(query))).heads}

    assert await ids(ConversationQuery(id="3\x00")) == {"3"}
    assert await ids(ConversationQuery(id="3\x00_")) == set()
    assert await ids(ConversationQuery(title="STRASSE 10%")) == set("0123456")
    assert await ids(ConversationQuery(title="e_3")) == {"3"}
    assert await ids(ConversationQuery(title="straße_%")) == set()
    assert await ids(ConversationQuery(metadata=(("even", "True"),))) == set("0246")
    assert await ids(ConversationQuery(metadata=(("even", "True"), ("odd", "")))) == set()
    assert await ids(ConversationQuery(since=1.0, until=2.0)) == set("23")


async def _searched_is_found(storage: ConversationStorage) -> None:
    """Every word must occur in one turn, in whatever case, as it stands; what the system was told is not searched."""
    words = ("The Capital of France", "100% of Straße_1", "nothing")
    for number, said in enumerate(words):
        turn = Turn(messages=(Message(role="system", content="secret"), Message(role="user", content=said)), at=float(number))
        await _must(storage.append("c", turn, number))
    await _must(storage.append("d", Turn(messages=(Message(role="user", content="capital"),), at=9.0), 0))

    async def hits(search: str, most: int = 10) -> list[tuple[str, int]]:
        return [(found.conversation.id, found.turn) for found in await _must(storage.search(search, most))]

    assert await hits("capital") == [("d", 1), ("c", 1)]
    assert await hits("CAPITAL france") == [("c", 1)]
    assert await hits("capital", 1) == [("d", 1)]
    assert await hits("100% strasse_") == [("c", 2)]
    for absent in ("secret", "1_0", "fr%ce", "", " ", "capital nothing"):
        assert await hits(absent) == [], absent
    found = (await _must(storage.search("france", 5)))[0]
    assert (found.excerpt, found.at) == ("The Capital of France", 0.0)


async def _deleted_is_gone(storage: ConversationStorage) -> None:
    """A deleted conversation is unknown, others are not touched, and deleting what is unknown is no failure."""
    for name in ("a", "b"):
        await _must(storage.append(name, _TURNS[0], 0))
        await _must(storage.describe(name, ConversationDescription(metadata=(("k", "v"),))))
    assert await settle(storage.delete("a")) == Success(True)
    assert await settle(storage.delete("a")) == Success(False)
    assert await settle(storage.load("a")) == Success(Conversation(id="a"))
    assert await _listed(storage) == ["b"]
    assert [found.conversation.id for found in await _must(storage.search("hello", 9))] == ["b"]
    assert await _must(storage.append("a", _TURNS[1], 0)) == 1
    assert (await _must(storage.load("a"))).turns == _TURNS[1:]


async def _old_is_forgotten(storage: ConversationStorage) -> None:
    """What nobody has added to since goes: of every tenant by the whole storage, of one alone by that one's."""
    for tenant in (None, "t", "u"):
        for number in range(3):
            mine = storage.of_tenant(tenant)
            await _must(mine.append(f"{number}", evolve(_TURNS[0], at=float(number)), 0))
    assert await _must(storage.of_tenant("t").forget(1.0)) == 1
    assert sorted(await _listed(storage)) == ["0", "1", "2"]
    assert await _must(storage.forget(2.0)) == 5
    for tenant in (None, "t", "u"):
        assert await _listed(storage.of_tenant(tenant)) == ["2"]


async def _tenants_never_meet(storage: ConversationStorage) -> None:
    """What one tenant does under an id is not there for another, by any road."""
    tenants = (None, "a", "A", "a\x00", "a'; --")
    for tenant in tenants:
        mine = storage.of_tenant(tenant)
        assert await settle(mine.load("c")) == Success(Conversation(id="c"))
        turn = Turn(messages=(Message(role="user", content=f"I am word {tenant!r}"),), at=1.0)
        assert await _must(mine.append("c", turn, 0)) == 1
        await _must(mine.describe("c", ConversationDescription(title=f"{tenant!r}", metadata=(("whose", f"{tenant!r}"),))))
        await _must(mine.branch("c", 1, "d"))
    for tenant in tenants:
        mine = storage.of_tenant(tenant)
        assert sorted(await _listed(mine)) == ["c", "d"]
        assert (await _must(mine.load("c"))).title == f"{tenant!r}"
        assert [found.excerpt for found in await _must(mine.search("word", 9))] == [f"I am word {tenant!r}"] * 2
        for other in tenants:
            query = ConversationQuery(metadata=(("whose", f"{other!r}"),), title=f"{other!r}")
            assert len((await _must(mine.find(query))).heads) == (2 if tenant == other else 0)
    await _must(storage.of_tenant("a").delete("c"))
    assert await _listed(storage.of_tenant("a")) == ["d"]
    for tenant in tenants:
        if tenant != "a":
            assert sorted(await _listed(storage.of_tenant(tenant))) == ["c", "d"]
    assert await _listed(storage.of_tenant("")) == await _listed(storage)


STORAGE_LAWS: Mapping[str, Callable[[MakeStorage], None]] = {
    "unknown is empty": _law(_unknown_is_empty),
    "appended is loaded": _law(_appended_is_loaded),
    "stale writers lose": _law(_stale_writers_lose),
    "one of two writers wins": _law(_one_of_two_writers_wins),
    "put is loaded": _law(_put_is_loaded),
    "branches go their own way": _law(_branches_go_their_own_way),
    "described as said": _law(_described_as_said),
    "pages are whole": _law(_pages_are_whole),
    "searched is found": _law(_searched_is_found),
    "deleted is gone": _law(_deleted_is_gone),
    "old is forgotten": _law(_old_is_forgotten),
    "tenants never meet": _law(_tenants_never_meet),
}
