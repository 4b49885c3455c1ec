"""Runs on a real terminal: the question before much is spent, and a run watched from another one."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import command, run_apart
from tests.cli.test_budgets import echo, priced
from tests.loopback import Answer, Hang, Received, fault_server

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

from tests.cli.terminal import PATIENCE_SECONDS, Terminal

Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the command line on a terminal."""
    started: list[Terminal] = []

    def begin(*words: str, columns: int = 80) -> Terminal:
        environ = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "30"}
        started.append(Terminal(command(*words), tmp_path, environ))
        return started[-1]

    yield begin
    for terminal in started:
        terminal.close()


def rows(folder: Path, count: int = 10) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"row {n}"}) + "\n" for n in range(count)))
    return str(path)


def asking(url: str, folder: Path) -> tuple[str, ...]:
    """A run whose worst is ten dollars, and whose usual answers would cost three."""
    return ("run", rows(folder), "--prompt", "{text}", "-o", "out.jsonl", "--max-tokens", "1000", "--config", priced(url, folder))


@pytest.mark.parametrize(("typed", "code", "posts"), [("y\n", 0, 10), ("\n", 1, 0), ("\x04", 1, 0)])
def test_what_costs_much_is_asked_about(start: Start, tmp_path: Path, typed: str, code: int, posts: int) -> None:
    with fault_server(echo) as server:
        terminal = start(*asking(server.url, tmp_path))
        shown = terminal.read_until("go on? [y/N] ")
        assert "10 rows, 10 to ask, 10 of them different, 0 in the cache" in shown
        assert "this will cost about 3.00 USD" in shown
        terminal.type(typed)
        told = terminal.read_until(None)
        assert terminal.end() == code, told
        assert ("nothing was sent" in told) == (code == 1)
        assert sum(request.method == "POST" for request in server.requests) == posts


def test_ctrl_c_is_an_answer_too(start: Start, tmp_path: Path) -> None:
    with fault_server(echo) as server:
        terminal = start(*asking(server.url, tmp_path))
        terminal.read_until("go on? [y/N] ")
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.read_until(None).endswith("interrupted\n")
        assert terminal.end() == 130
        assert not any(request.method == "POST" for request in server.requests)


def test_without_a_terminal_it_is_refused_until_it_is_said(tmp_path: Path) -> None:
    with fault_server(echo) as server:
        words = asking(server.url, tmp_path)
        refused = run_apart(*words, home=tmp_path)
        assert refused.returncode == 2
        assert "say --yes, or bound it with --budget" in refused.stderr
        assert not any(request.method == "POST" for request in server.requests)
        assert not (tmp_path / "out.jsonl").exists()
        assert run_apart(*words, "--yes", home=tmp_path).returncode == 0


@pytest.mark.parametrize("columns", [80, 40])
def test_a_run_is_watched_from_another_terminal_and_left_alone(start: Start, tmp_path: Path, columns: int) -> None:
    def slowly(received: Received) -> Answer:
        return Hang() if "row 9" in received.body.decode() else echo(received)

    with fault_server(slowly) as server:
        owner = start(*asking(server.url, tmp_path), "--yes")
        assert server.wait_until(lambda known: sum(one.method == "POST" for one in known.requests) == 10, PATIENCE_SECONDS)
        watcher = start("runs", "watch", "out.jsonl", columns=columns)
        shown = watcher.read_until("9 of 10 rows answered")
        assert "Traceback" not in shown
        os.killpg(watcher.process.pid, signal.SIGINT)
        assert watcher.end() == 130
        assert owner.process.poll() is None
        again = start("runs", "watch", "out.jsonl", columns=columns)
        again.read_until("9 of 10 rows answered")
        os.killpg(owner.process.pid, signal.SIGKILL)
        ended = again.read_until("goes on with")
        assert again.end() == 0, ended
        assert ": interrupted" in ended
