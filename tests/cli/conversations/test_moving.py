"""Conversations that come in and go away: a file that does not fit is told by name and line, and nobody's talk goes without a word."""

import asyncio
from io import StringIO
from pathlib import Path

import pytest

from llm_manager.cli.conversations.moving import delete_conversations, import_conversations
from llm_manager.cli.conversations.show import show_conversation
from llm_manager.domain.conversations import ConversationDescription, ConversationQuery, Turn
from llm_manager.domain.messages import Message
from llm_manager.effects import settle
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.stores.memory.conversations import memory_conversations
from tests.cli.conftest import Scene, Setting


class Person(StringIO):
    """Somebody at a terminal who has typed this."""

    def isatty(self) -> bool:
        return True


def kept(*titles: str) -> ConversationStorage:
    storage = memory_conversations()

    async def keep() -> None:
        for title in titles:
            await settle(storage.describe(f"id-of-{title}", ConversationDescription(title=title)))

    asyncio.run(keep())
    return storage


def left(storage: ConversationStorage) -> list[str]:
    async def find() -> list[str]:
        return [head.title or "" for head in (await settle(storage.find(ConversationQuery()))).unwrap().heads]

    return sorted(asyncio.run(find()))


@pytest.mark.parametrize(("typed", "code", "there"), [("y\n", 0, ["b"]), ("n\n", 1, ["a", "b"]), ("", 1, ["a", "b"])])
def test_a_person_is_asked_and_told_which(scene: Setting, typed: str, code: int, there: list[str]) -> None:
    at, storage = scene(terminal=True), kept("a", "b")
    assert asyncio.run(delete_conversations(at.session, storage, ("id-of-a",), terminal=Person(typed))) == code
    assert "id-of-a (a, 0 turns): delete for good? [y/N]" in at.err.getvalue()
    assert left(storage) == there


@pytest.mark.parametrize(("terminal", "yes"), [(True, True), (False, False)])
def test_who_said_so_before_or_is_not_there_is_not_asked(scene: Setting, terminal: bool, yes: bool) -> None:
    at, storage = scene(terminal=terminal), kept("a", "b")
    asyncio.run(delete_conversations(at.session, storage, ("id-of-a", "id-of-a", "id-of-b"), terminal=Person("n\n"), yes=yes))
    assert at.err.getvalue().startswith("2 conversations forgotten: id-of-a (a, 0 turns), id-of-b (b, 0 turns)")
    assert left(storage) == []


def test_none_goes_where_one_is_not_known(scene: Setting) -> None:
    at, storage = scene(), kept("a")
    assert asyncio.run(delete_conversations(at.session, storage, ("id-of-a", "zzz"), terminal=StringIO())) == 2
    assert left(storage) == ["a"]


@pytest.mark.parametrize("said", ["", "''"])
def test_a_conversation_without_an_id_can_be_reached(scene: Setting, said: str) -> None:
    storage = kept("a")

    async def show() -> tuple[int, int]:
        before = await show_conversation(at.session, storage, said)
        await settle(storage.append("", Turn(messages=(Message(role="user", content="hello"),)), 0))
        return before, await show_conversation(at.session, storage, said)

    at = scene()
    assert asyncio.run(show()) == (2, 0)
    assert "You: hello" in at.out.getvalue()


def brought(at: Scene, path: Path, content: str) -> tuple[int, str]:
    path.write_text(content)
    code = asyncio.run(import_conversations(at.session, kept(), str(path), "new", anew=False))
    return code, at.err.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '{"a": 1}\n{"b": 2}\n', "Extra data in line 2, column 1"),
        ("a.json", '{"format": "llm-manager conversations",\n "version"', "in line 2, column 11"),
        ("a.json", "# A talk", "Expecting value in line 1, column 1"),
        ("a.json", '{"a": 1}', '"format"'),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("empty.jsonl", "", "empty.jsonl is empty"),
        ("empty.md", " \n", "empty.md is empty"),
        ("a.md", "words", "### User"),
        ("words", "words", "### User"),
        ("data", "{oops", "in line 1, column 2"),
        ("data", "[1]", '"format"'),
    ],
)
def test_what_does_not_fit_is_told_by_its_file_and_line_and_what_is_wanted(
    scene: Setting, tmp_path: Path, name: str, content: str, told: str
) -> None:
    code, err = brought(scene(), tmp_path / name, content)
    assert code == 2
    assert name in err
    assert told in err
    assert "conversations export" in err
    assert err.count("\n") == 1
    assert "JSONDecodeError" not in err


def test_a_page_begins_as_it_likes(scene: Setting, tmp_path: Path) -> None:
    assert brought(scene(), tmp_path / "talk.md", "### User\n\n{hello}\n")[0] == 0
