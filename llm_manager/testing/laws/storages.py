"""Laws of conversation storages: turns are kept in order, and of two writers one wins."""

import asyncio
from collections.abc import Callable, Mapping

from returns.result import Failure, Success

from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.errors import StorageFailed
from llm_manager.domain.messages import ImageData, Message, ToolCall
from llm_manager.effects import settle
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.testing.virtual_loop import run_virtual

MakeStorage = Callable[[], ConversationStorage]
"""Makes an empty storage."""

_IDS = ("", "a", "A", "a b", "беседа", "../../etc", "a'; --", "x" * 300)
_TURNS = (
    Turn(messages=(Message(role="user", content="hello"), Message(role="assistant", content="good day"))),
    Turn(
        messages=(
            Message(role="user", content=(ImageData(data=b"\x89PNG\x00"),)),
            Message(role="assistant", tool_calls=(ToolCall(id="1", name="look", arguments='{"at": "it"}'),)),
            Message(role="tool", content="a cat", tool_call_id="1"),
            Message(role="assistant", content="a cat 🐈"),
        )
    ),
)


def unknown_is_empty(make: MakeStorage) -> None:
    """An unknown id loads as an empty conversation of that id, at version 0, and loading does not keep it."""

    async def law() -> None:
        storage = make()
        for name in _IDS:
            assert await settle(storage.load(name)) == Success(Conversation(id=name))
        assert await settle(storage.list_ids()) == Success(())

    run_virtual(law())


def appended_is_loaded(make: MakeStorage) -> None:
    """Turns come back equal and in order, under each id its own; the version counts them."""

    async def law() -> None:
        storage = make()
        for name in _IDS:
            for version, turn in enumerate(_TURNS):
                grown = await settle(storage.append(name, turn, version))
                assert not isinstance(grown, Failure), grown
                assert (grown.unwrap().turns, grown.unwrap().version) == (_TURNS[: version + 1], version + 1)
                assert await settle(storage.load(name)) == grown
        listed = await settle(storage.list_ids())
        assert not isinstance(listed, Failure)
        assert sorted(listed.unwrap()) == sorted(_IDS)

    run_virtual(law())


def stale_writers_lose(make: MakeStorage) -> None:
    """Appending to what is no longer the newest version is a conflict and changes nothing."""

    async def law() -> None:
        storage = make()
        await settle(storage.append("c", _TURNS[0], 0))
        before = await settle(storage.load("c"))
        for stale in (0, 2, -1):
            lost = await settle(storage.append("c", _TURNS[1], stale))
            assert isinstance(lost, Failure), f"version {stale} was taken"
            error = lost.failure()
            assert isinstance(error, StorageFailed)
            assert error.reason == "conflict"
        assert await settle(storage.load("c")) == before

    run_virtual(law())


def one_of_two_writers_wins(make: MakeStorage) -> None:
    """Of writers at the same version at the same time exactly one succeeds."""

    async def law() -> None:
        storage = make()
        outcomes = await asyncio.gather(*(settle(storage.append("c", turn, 0)) for turn in _TURNS))
        assert sum(not isinstance(outcome, Failure) for outcome in outcomes) == 1
        kept = await settle(storage.load("c"))
        assert not isinstance(kept, Failure)
        assert kept.unwrap().version == 1

    run_virtual(law())


def deleted_is_gone(make: MakeStorage) -> None:
    """A deleted conversation is unknown, others are not touched, and deleting what is unknown is no failure."""

    async def law() -> None:
        storage = make()
        for name in ("a", "b"):
            await settle(storage.append(name, _TURNS[0], 0))
        assert await settle(storage.delete("a")) == Success(None)
        assert await settle(storage.delete("nobody")) == Success(None)
        assert await settle(storage.load("a")) == Success(Conversation(id="a"))
        assert await settle(storage.list_ids()) == Success(("b",))

    run_virtual(law())


STORAGE_LAWS: Mapping[str, Callable[[MakeStorage], None]] = {
    "unknown is empty": unknown_is_empty,
    "appended is loaded": appended_is_loaded,
    "stale writers lose": stale_writers_lose,
    "one of two writers wins": one_of_two_writers_wins,
    "deleted is gone": deleted_is_gone,
}
