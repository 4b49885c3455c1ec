"""A chat on a real terminal: streamed, stopped by Ctrl-C, gone on with, and nothing obeyed of what a model says."""

import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import command, run, settings_for, spoken
from tests.loopback import fault_server

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

from tests.cli.terminal import PATIENCE_SECONDS, Terminal

_HOSTILE = "safe \x1b[2J\x1b]52;c;aGk=\x07\x1b]0;title\x07\x9b31m\u202eend."
_ENTER = "\r"


@pytest.fixture
def started() -> Iterator[list[Terminal]]:
    """Those that are closed at the end."""
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def test_a_chat_as_a_person_has_it(tmp_path: Path, started: list[Terminal]) -> None:
    """One question, one stopped answer, several lines, a branch, the end; then it is gone on with."""
    long = spoken("Once", " upon", gap_seconds=2 * PATIENCE_SECONDS)
    with fault_server(spoken("The Loire."), long, spoken("Two lines."), spoken("Again.")) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        terminal = Terminal(
            command("chat", "--config", config), tmp_path, {"TERM": "xterm-256color", "LINES": "30", "PROMPT_TOOLKIT_NO_CPR": "1"}
        )
        started.append(terminal)
        terminal.read_until("Ctrl-D ends")
        terminal.read_until("\x1b[?2004h")
        terminal.type("Name a river" + _ENTER)
        terminal.read_until("The Loire.")
        terminal.type("Tell me a story" + _ENTER)
        terminal.read_until("Once")
        os.killpg(terminal.process.pid, signal.SIGINT)
        terminal.read_until("what was said so far is kept")
        terminal.type("first\\" + _ENTER + "second" + _ENTER)
        terminal.read_until("Two lines.")
        terminal.type("/branch 1" + _ENTER)
        terminal.read_until("a branch after turn 1")
        terminal.type("/nonsense" + _ENTER)
        terminal.read_until("is no command")
        terminal.type("\x03")
        terminal.type("/quit" + _ENTER)
        terminal.read_until(None)
        assert terminal.end() == 0
        said = [message["content"] for message in server.requests[2].json()["messages"]]
        assert said == ["Name a river", "The Loire.", "Tell me a story", "Once", "first\nsecond"]
        again = Terminal(command("chat", "--resume", "last", "--config", config), tmp_path, {"TERM": "dumb"})
        started.append(again)
        again.read_until("Name a river, 1 turn")
        again.type("More\n")
        again.read_until("Again.")
        again.type("\x04")
        again.read_until(None)
        assert again.end() == 0
    history = tmp_path / ".local" / "state" / "llm-manager" / "chat-history"
    assert "+Name a river\n" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    listed = run("conversations", "list", "--config", config, home=tmp_path).stdout.splitlines()
    assert [line.split("\t")[2:] for line in listed[1:]] == [["2", "Name a river"], ["3", "Name a river"]]


def test_nothing_a_model_says_is_obeyed_and_what_is_private_has_no_history(tmp_path: Path, started: list[Terminal]) -> None:
    with fault_server(spoken(*_HOSTILE)) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        terminal = Terminal(command("chat", "--private", "--config", config), tmp_path, {"TERM": "dumb"})
        started.append(terminal)
        terminal.read_until("Ctrl-D ends")
        terminal.type("Hello\n/title \x1b[2Jx\n/show\n/quit\n")
        shown = terminal.read_until(None)
        assert "safe end." in shown
        assert shown.replace("^[", "").count("\x1b") == 0
        assert not {"\x9b", "\u202e", "\x07"} & set(shown)
        assert terminal.end() == 0
    assert not (tmp_path / ".local" / "state" / "llm-manager" / "chat-history").exists()
