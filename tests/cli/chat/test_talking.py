"""A chat line by line, over a scripted model: what is typed is words or a command, and what goes wrong is told and gone on from."""

import asyncio
import os
import stat
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from returns.result import Failure

from llm_manager.cli.chat.lines import HISTORY, history_file, plain_lines, terminal_lines
from llm_manager.cli.chat.talking import Chat
from llm_manager.cli.chat.typed import COMMANDS, HELP, Command, NoCommand, Said, typed
from llm_manager.cli.output import Output
from llm_manager.cli.session import Session
from llm_manager.domain.configuration import DisplaySettings, LLMConfig
from llm_manager.domain.conversations import Conversation
from llm_manager.domain.errors import ModelUnavailable, StorageFailed, StreamInterrupted
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish, settle
from llm_manager.real_world import real_world
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.stores.memory.conversations import memory_conversations
from llm_manager.testing import scripted, scripted_manager
from tests.cli.conftest import Screen


@frozen(kw_only=True)
class Talk:
    """What came of a chat."""

    code: int
    out: str
    err: str
    asked: Sequence[LLMRequest]
    chat: Chat
    storage: ConversationStorage


def talk(
    *lines: str,
    model: Sequence[Any] = ("yes",),
    storage: ConversationStorage | None = None,
    terminal: bool = False,
    request: LLMRequest | None = None,
    verbose: bool = False,
    deleted_before: str | None = None,
) -> Talk:
    """Type these lines."""
    kept = storage or memory_conversations()
    answering = scripted(*model)
    out, err = Screen(terminal=terminal), Screen(terminal=terminal)
    ids = iter(f"id-{number}" for number in range(100))
    config = LLMConfig(display=DisplaySettings(verbose_output=verbose))
    world = real_world({})

    async def run() -> tuple[int, Chat]:
        manager = scripted_manager(answering, conversations=kept, world=world)
        session = Session(manager=manager, config=config, output=Output(out=out, err=err))
        typing = plain_lines(StringIO("".join(f"{line}\n" for line in lines)), world)

        async def read() -> str | None:
            text = await typing()
            if text is not None and text == deleted_before:
                await settle(kept.delete("id-0"))
            return text

        chat = Chat(
            session=session,
            read=read,
            conversation=Conversation(id=next(ids)),
            request=request or LLMRequest(),
            new_id=lambda: next(ids),
        )
        return await chat.run(), chat

    code, chat = asyncio.run(run())
    return Talk(code=code, out=out.getvalue(), err=err.getvalue(), asked=answering.requests, chat=chat, storage=kept)


def loaded(storage: ConversationStorage, conversation_id: str) -> Conversation:
    async def load() -> Conversation:
        return (await settle(storage.load(conversation_id))).unwrap()

    return asyncio.run(load())


def test_each_line_is_a_question_and_what_was_said_is_sent_again() -> None:
    said = talk("one", "", "  ", "two")
    assert said.out == "yes\nyes\n"
    assert [message.text for message in said.asked[1].conversation()] == ["one", "yes", "two"]
    assert (said.code, loaded(said.storage, "id-0").title) == (0, "one")


def test_several_lines_are_one_text() -> None:
    said = talk("a\\", "b", '"""', "c", "", "/d", '"""', "e\\")
    assert [request.conversation()[-1].text for request in said.asked] == ["a\nb", "c\n\n/d", "e"]


def test_commands_do_what_they_say(tmp_path: Path) -> None:
    page = tmp_path / "talk.md"
    said = talk(
        "one", "/title", "/title  A  talk", "/system", "/system Rhyme.", "/system", "two", "/system -", "/branch 1", "/show",
        f"/save {page}", "/save", "/branch 7", "/branch x", "/help", "/new", "three", "/titel", "/zzz", "/quit", "never",
    )  # fmt: skip
    assert [request.system for request in said.asked] == [None, "Rhyme.", None]
    assert [len(request.conversation()) for request in said.asked] == [1, 4, 1]
    assert HELP in said.out
    assert "A talk (id-1)" in said.out
    assert "a branch of id-0 after turn 1" in said.out
    assert page.read_text().startswith("# A talk\n")
    for words in ("the model is told nothing first", "Rhyme.", "give the number of a turn, up to 1", "give a file", "did you mean /title"):
        assert words in said.err
    assert "/zzz is no command; /help shows them" in said.err
    assert said.code == 0
    assert loaded(said.storage, "id-0").version == 2
    assert loaded(said.storage, "id-1").title == "A talk"


def test_a_model_is_chosen_and_left_to_the_router_again() -> None:
    said = talk("/model", "/model scripted", "/model", "one", "/model auto", "two")
    assert [(request.preferences.model, request.preferences.exact) for request in said.asked] == [("scripted", True), (None, False)]
    assert said.err.splitlines()[:2] == ["the router chooses", "scripted"]


def test_a_failure_is_told_and_the_chat_goes_on() -> None:
    failed = ModelUnavailable(model="m", message="asleep", reason="permanent")
    said = talk("one", "two", model=(failed, "yes"))
    assert said.out == "yes\n"
    assert "asleep" in said.err
    assert said.code == 1
    assert talk("one", "two", model=(failed, "yes"), terminal=True).code == 0


def test_what_comes_with_an_answer_is_told() -> None:
    cut = LLMResponse(content="ye", model="m", provider="scripted", finish="length", tool_calls=(ToolCall(id="1", name="look"),))
    said = talk("one", model=(cut,), verbose=True)
    for words in ("cut at its length limit", "wants to call look", "m (scripted)"):
        assert words in said.err


def test_what_cannot_be_kept_is_told() -> None:
    async def full(*_: Any) -> Any:
        return Failure(StorageFailed(message="no space left", reason="full"))

    broken = publish(full)
    from attrs import evolve

    storage = evolve(memory_conversations(), append=broken, describe=broken, branch=broken, load=memory_conversations().load)
    said = talk("one", "/branch", "/title x", "/save /nowhere/at/all.md", storage=storage)
    assert said.err.count("no space left") == 3
    assert "/nowhere/at/all.md" in said.err
    unread = evolve(memory_conversations(), load=broken)
    assert talk("/show", "/branch", "/save x.md", "one", storage=unread).err.count("no space left") == 4


def test_a_conflict_is_followed_into_its_branch() -> None:
    from tests.orchestration.test_conversing import _written_meanwhile

    storage = memory_conversations()
    said = talk("one", storage=_written_meanwhile(storage), terminal=True)
    assert said.chat.conversation.id != "id-0"
    assert "kept in a branch" in said.err
    assert [message.text for message in loaded(storage, said.chat.conversation.id).messages()] == ["one", "yes"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("hello", Said(text="hello")),
        ("//hello", Said(text="/hello")),
        ("/etc/hosts is what?", Said(text="/etc/hosts is what?")),
        ("/HELP", Command(name="help")),
        ("/exit", Command(name="quit")),
        ("/Q", Command(name="quit")),
        ("exit", Said(text="exit")),
        ("/save  my file.md ", Command(name="save", rest="my file.md")),
        ("/", NoCommand(word="")),
    ],
)
def test_what_is_typed_is_words_or_a_command(text: str, what: object) -> None:
    assert typed(text) == what


@pytest.mark.parametrize("word", ["exit", "Quit", "/exit", "/quit"])
def test_a_person_leaves_by_the_usual_words(word: str) -> None:
    said = talk("one", word, "never", terminal=True)
    assert [request.conversation()[-1].text for request in said.asked] == ["one"]


def test_a_pipe_may_ask_about_an_exit() -> None:
    assert [request.conversation()[-1].text for request in talk("exit", "quit").asked] == ["exit", "quit"]


def test_a_conversation_that_was_deleted_meanwhile_is_told_and_begins_anew() -> None:
    said = talk("one", "two", "three", deleted_before="two")
    assert said.err.count("was deleted meanwhile") == 1
    assert [message.text for message in loaded(said.storage, "id-0").messages()] == ["two", "yes", "three", "yes"]
    assert loaded(said.storage, "id-0").title == "two"


def test_the_first_words_of_which_anything_is_kept_are_the_title() -> None:
    broken = StreamInterrupted(model="m", message="the line was cut")
    said = talk("one", "two", model=(("ye", broken), "yes"))
    assert loaded(said.storage, "id-0").title == "one"
    nothing = talk("one", "two", model=(ModelUnavailable(model="m", message="asleep", reason="permanent"), "yes"))
    assert loaded(nothing.storage, "id-0").title == "two"


def test_help_names_every_command() -> None:
    assert all(f"/{name}" in HELP for name in COMMANDS)


def test_the_history_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = history_file(tmp_path / "state")
    finally:
        os.umask(before)
    assert path is not None
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    path.chmod(0o644)
    assert history_file(tmp_path / "state") == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_history_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / HISTORY).symlink_to(tmp_path / "elsewhere")
    assert history_file(tmp_path) is None
    assert not (tmp_path / "elsewhere").exists()
    assert history_file(tmp_path / HISTORY) is None


def test_a_dumb_terminal_is_read_line_by_line() -> None:
    assert terminal_lines(None, {"TERM": "dumb"}) is None
    assert terminal_lines(None, {}) is None
