"""The program on a real terminal: it streams, cleans what it shows, and ends at once at Ctrl-C."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import command, settings_for, spoken
from tests.loopback import Hang, fault_server, json_reply

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

from tests.cli.terminal import PATIENCE_SECONDS, Terminal

Serve = Callable[..., str]

Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the command line on a terminal."""
    started: list[Terminal] = []

    def begin(*words: str, url: str, **environ: str) -> Terminal:
        config = settings_for(url, tmp_path)
        started.append(Terminal(command(*words, "--config", str(config)), tmp_path, {"TERM": "xterm-256color", **environ}))
        return started[-1]

    yield begin
    for terminal in started:
        terminal.close()


def test_the_answer_is_shown_as_it_comes(start: Start, serve: Serve) -> None:
    """The first piece is on the screen while the second is still to come, since the gap outlasts the patience."""
    terminal = start("generate", "Hello?", url=serve(spoken("Once", " upon", gap_seconds=2 * PATIENCE_SECONDS)))
    assert terminal.read_until("Once").endswith("Once")


def test_no_escape_of_the_model_reaches_the_screen(start: Start, serve: Serve) -> None:
    pieces = ("a\x1b", "]0;owned\x07b", "\x1b[2", "Jc\x9b31md", "\u202ee", "\x1b]52;c;ZXZp", "bA==\x1b", "\\f\r")
    terminal = start("generate", "Hello?", url=serve(spoken(*pieces)))
    assert terminal.read_until(None) == "abcdef\n"
    assert terminal.end() == 0


def test_every_control_and_every_sequence_is_kept_from_the_screen(start: Start, serve: Serve) -> None:
    """All of the first 256 characters, and what terminals obey: windows' titles, links, the clipboard, keys, reports, pictures."""
    controls = [chr(code) for code in range(256) if not chr(code).isprintable()]
    sequences = [
        f"{begin}{said}{end}"
        for said in ("0;title", "8;;http://evil.example", "52;c;ZXZpbA==", "4;1;?", "1337;File=:AA==", "777;notify;a;b", "10;?")
        for begin in ("\x1b]", "\x9d")
        for end in ("\x07", "\x1b\\", "\x9c")
    ]
    sequences += [f"\x1b[{said}" for said in ("2J", "?1049h", "6n", "c", "20t", "31m", "3J", ">c", "200~")]
    sequences += ["\x1bP+q544e\x1b\\", "\x1b_Gf=100;AA\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\", "\x1bc", "\x1b#8", "\x1b(0"]
    marks = ["\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]
    corpus = [f"<{one}>" for one in (*controls, *sequences, *marks)]
    pieces = [part for piece in corpus for part in (piece[:2], piece[2:])]
    terminal = start("generate", "Hello?", url=serve(spoken(*pieces)))
    shown = terminal.read_until(None)
    assert terminal.end() == 0
    assert [letter for letter in shown if letter not in "\n\t" and (not letter.isprintable() or letter in marks)] == []
    assert shown.startswith("<")
    assert shown.rstrip().endswith(">")


@pytest.mark.parametrize("said", ["\x1b[2J", "\x9b31m", "\x1b]0;owned\x07"])
def test_no_escape_of_a_server_reaches_the_screen(start: Start, serve: Serve, said: str) -> None:
    """Neither in an error nor in a document nor in a table."""
    url = serve(json_reply({"error": {"message": f"bad{said}", "code": f"x{said}"}}, 400))
    for words in (("generate", "Hello?"), ("generate", "Hello?", "--json")):
        terminal = start(*words, url=url)
        shown = terminal.read_until(None)
        assert terminal.end() in (1, 2)
        assert "\x1b" not in shown
        assert "\x9b" not in shown
    terminal = start("models", url=serve(json_reply({"object": "list", "data": [{"id": f"tiny{said}", "object": "model"}]})), NO_COLOR="1")
    assert said not in terminal.read_until(None)


def test_ctrl_c_ends_a_stream(start: Start, serve: Serve) -> None:
    terminal = start("generate", "Hello?", url=serve(spoken("Once", " upon", gap_seconds=2 * PATIENCE_SECONDS)))
    terminal.read_until("Once")
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.read_until(None) == "Once\ninterrupted\n"
    assert terminal.end() == 130


@pytest.mark.parametrize("words", [("--stream",), ("--no-stream",)])
def test_ctrl_c_ends_a_wait(start: Start, words: tuple[str, ...]) -> None:
    with fault_server(Hang()) as silent:
        terminal = start("generate", "Hello?", *words, url=silent.url + "/v1")
        assert silent.wait_until(lambda known: len(known.requests) == 1, PATIENCE_SECONDS)
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.read_until(None) == "interrupted\n"
        assert terminal.end() == 130


def test_no_color_is_obeyed(start: Start, serve: Serve) -> None:
    """Colour codes are written neither under NO_COLOR nor on a dumb terminal."""
    listing = json_reply({"object": "list", "data": [{"id": "tiny", "object": "model"}]})
    coloured = "\x1b[3"
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        for words in (("models",), ("config", "show"), ("generate", "--help")):
            shown = start(*words, url=serve(listing), **environ).read_until(None)
            assert coloured not in shown
            assert "Traceback" not in shown


def test_a_table_is_drawn_on_a_terminal(start: Start, serve: Serve) -> None:
    listing = json_reply({"object": "list", "data": [{"id": "tiny", "object": "model"}]})
    shown = start("models", url=serve(listing)).read_until(None)
    assert "tiny" in shown
    assert "\t" not in shown
