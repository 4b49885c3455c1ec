"""A run goes on from anywhere as it was begun, or says in one line why it cannot."""

import json
import os
import signal
import socket
import threading
import time
from decimal import Decimal
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from llm_manager.real_world import real_world
from llm_manager.stores.runs.keeping import kept_runs
from llm_manager.stores.runs.locks import run_locks
from llm_manager.stores.sql.connecting import open_database
from tests.cli.conftest import Begun
from tests.cli.program import run, settings_for, told_until
from tests.cli.test_budgets import echo, priced
from tests.loopback import Answer, FaultServer, Hang, Later, Received, fault_server, json_reply

PATIENCE_SECONDS = 30.0


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Ten rows in a folder of their own, with their prompt in a file."""
    folder = tmp_path / "there"
    folder.mkdir()
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": f"row {n}"}) + "\n" for n in range(10)))
    (folder / "prompt.txt").write_text("Say {text}")
    return path


def posts(server: FaultServer) -> int:
    return sum(request.method == "POST" for request in server.requests)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def well(received: Received) -> Answer:
    """A server that says how it is, too."""
    return json_reply({"object": "list", "data": [{"id": "tiny", "object": "model"}]}) if received.method == "GET" else echo(received)


def killed(begun: Begun, rows: Path, config: Path | str, server: FaultServer, *more: str) -> None:
    """A run of ten rows of which six are finished and the others under way when it is killed."""
    words = ("run", "rows.jsonl", "--prompt", "@prompt.txt", "-o", "out.jsonl", "--concurrency", "4", "--config", str(config), *more)
    owner = begun(*words, folder=rows.parent)
    assert server.wait_until(lambda known: posts(known) == 10, PATIENCE_SECONDS)
    url, deadline = f"sqlite:///{rows.parent.parent / '.local' / 'state' / 'llm-manager' / 'store.db'}", time.monotonic() + PATIENCE_SECONDS
    database = open_database(url).unwrap()
    kept = kept_runs(database, run_locks(url, database), real_world())
    while time.monotonic() < deadline:
        found = kept.find(str(rows.parent / "out.jsonl")).unwrap()
        if found is not None and found.counts.answered == 6:
            break
        time.sleep(0.05)
    database.close_now()
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()


def test_a_killed_run_goes_on_from_another_folder_with_what_it_was_told(begun: Begun, rows: Path, tmp_path: Path) -> None:
    """Its prompt was in a file that has changed since: the run keeps what it held."""
    stuck = True

    def some(received: Received) -> Answer:
        return Hang() if stuck and int(received.json()["messages"][-1]["content"].split()[-1]) > 5 else echo(received)

    with fault_server(some) as server:
        config = priced(server.url, tmp_path)
        killed(begun, rows, config, server, "--yes")
        stuck = False
        (rows.parent / "prompt.txt").write_text("Shout {text}")
        listed = json.loads(run("runs", "list", "--json", home=tmp_path).stdout)["runs"]
        assert [(each["state"], each["answered"], each["left"]) for each in listed] == [("interrupted", 6, 4)]
        told = run("runs", "resume", listed[0]["id"][:8], home=tmp_path)
        assert told.returncode == 0, told.stderr
        assert "goes on" in told.stderr
        assert posts(server) == 14
    assert [row["answer"] for row in lines(rows.parent / "out.jsonl")] == [f"Say row {n}" for n in range(10)]
    shown = run("runs", "show", listed[0]["id"][:8], home=tmp_path).stdout
    assert ": finished" in shown
    assert shown.count("maybe charged: row") == 4
    doubts = run("runs", "export", listed[0]["id"][:8], "--possible-double-charges", home=tmp_path).stdout.splitlines()
    assert sorted(json.loads(line)["row"] for line in doubts) == [7, 8, 9, 10]


def test_what_was_agreed_to_when_it_began_is_not_asked_again(begun: Begun, rows: Path, tmp_path: Path) -> None:
    """Ten dollars at most: nobody could agree between pipes."""
    stuck = True

    def some(received: Received) -> Answer:
        return Hang() if stuck and int(received.json()["messages"][-1]["content"].split()[-1]) > 5 else echo(received)

    with fault_server(some) as server:
        killed(begun, rows, priced(server.url, tmp_path), server, "--max-tokens", "1000", "--yes")
        stuck = False
        told = run("runs", "resume", str(rows.parent / "out.jsonl"), home=tmp_path)
        assert told.returncode == 0, told.stderr


def test_rows_that_are_gone_are_told_and_what_is_finished_can_be_taken(begun: Begun, rows: Path, tmp_path: Path) -> None:
    def some(received: Received) -> Answer:
        return Hang() if int(received.json()["messages"][-1]["content"].split()[-1]) > 5 else echo(received)

    with fault_server(some) as server:
        killed(begun, rows, settings_for(server.url + "/v1", tmp_path), server)
    rows.unlink()
    out = str(rows.parent / "out.jsonl")
    told = run("runs", "resume", out, home=tmp_path)
    assert told.returncode == 2
    assert "cannot go on: its rows are gone: there is no" in told.stderr
    assert run("runs", "export", out, "-o", "kept.csv", home=tmp_path).returncode == 0
    assert (tmp_path / "kept.csv").read_text().count("answered") == 6
    assert "is cancelled" in run("runs", "cancel", out, home=tmp_path).stderr
    assert "it was cancelled" in run("runs", "resume", out, home=tmp_path).stderr


def test_a_run_that_is_worked_on_is_left_to_its_owner(begun: Begun, rows: Path, tmp_path: Path) -> None:
    """Until somebody tells it to stop: then it ends its calls, writes what it has, and does not go on."""

    told_to_stop = threading.Event()

    def some(received: Received) -> Answer:
        return Later(json_reply(spoken), told_to_stop) if "row 5" in received.body.decode() else echo(received)

    choice = {"index": 0, "message": {"role": "assistant", "content": "at last"}, "finish_reason": "stop"}
    spoken = {"id": "c", "object": "chat.completion", "model": "tiny", "choices": [choice]}
    with fault_server(some) as server:
        config = settings_for(server.url + "/v1", tmp_path)
        out = str(rows.parent / "out.jsonl")
        words = ("run", "rows.jsonl", "--prompt", "{text}", "-o", "out.jsonl", "--concurrency", "1", "--config", str(config))
        owner = begun(*words, folder=rows.parent)
        assert server.wait_until(lambda known: posts(known) == 6, PATIENCE_SECONDS)
        refused = run("runs", "resume", out, home=tmp_path)
        assert refused.returncode == 1
        assert f"process {owner.pid}" in refused.stderr
        assert f", which writes {out} (" in refused.stderr
        assert "end it: llm-manager runs cancel " in refused.stderr
        assert run("runs", "delete", out, home=tmp_path).returncode == 1
        cancelling = begun("runs", "cancel", out, folder=rows.parent)
        told_until(owner, "finishing 1 call under way")
        told_to_stop.set()
        told = cancelling.communicate(timeout=PATIENCE_SECONDS)[1]
        assert cancelling.returncode == 0, told
        assert told.splitlines()[-1].endswith("is cancelled")
        stderr = owner.communicate(timeout=PATIENCE_SECONDS)[1]
        assert posts(server) == 6
        assert [row["answer"] for row in lines(rows.parent / "out.jsonl")][-1] == "at last"
        ended = "4 rows not asked; it was cancelled and does not go on: add --fork to keep its rows, or run the same again to begin anew"
        assert stderr.splitlines()[-1] == ended
        forked = begun(*words, "--fork", folder=rows.parent)
        assert "10 of 10 rows answered (6 earlier)" in forked.communicate(timeout=PATIENCE_SECONDS)[1]
        assert posts(server) == 10


def test_a_store_that_is_removed_under_a_run_leaves_its_answers_in_the_output(rows: Path, tmp_path: Path) -> None:
    kept = tmp_path / ".local" / "state" / "llm-manager"

    def some(received: Received) -> Answer:
        if "row 3" in received.body.decode():
            rmtree(kept)
        return echo(received)

    with fault_server(some) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        words = ("run", str(rows), "--prompt", "{text}", "-o", "out.jsonl", "--concurrency", "1", "--config", config)
        told = run(*words, home=tmp_path)
        assert told.returncode == 1
        assert told.stderr.count("the store is gone") == 1
        assert "4 of 10 rows answered" in told.stderr
        assert "go on" not in told.stderr
        assert [row["error"] for row in lines(tmp_path / "out.jsonl")] == [None] * 4
        again = run(*words, home=tmp_path)
        assert (again.returncode, posts(server)) == (2, 4)
    assert "exists and no run that is kept wrote it" in again.stderr


def test_rows_from_a_pipe_are_asked_for_again(tmp_path: Path) -> None:
    with fault_server(echo) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        words = ("run", "-", "--prompt", "{text}", "-o", "out.jsonl", "--config", config)
        assert run(*words, home=tmp_path, stdin='{"text": "a"}\n').returncode == 0
    told = run("runs", "resume", "out.jsonl", home=tmp_path)
    assert told.returncode == 2
    assert "its rows came from standard input: pipe them into the same command again" in told.stderr


def test_an_older_run_does_not_write_over_a_newer_one(rows: Path, tmp_path: Path) -> None:
    with fault_server(echo) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        asking = ("run", str(rows), "-o", "out.jsonl", "--config", config, "--prompt")
        assert run(*asking, "{text}", home=tmp_path).returncode == 0
        assert run(*asking, "Shout {text}", "--overwrite", home=tmp_path).returncode == 0
        newer, older = (each["id"] for each in json.loads(run("runs", "list", "--json", home=tmp_path).stdout)["runs"])
        told = run("runs", "resume", older[:8], home=tmp_path)
        assert told.returncode == 2
        assert f"a newer run, {newer[:8]}, writes the same file" in told.stderr
        assert run("runs", "resume", newer[:8], home=tmp_path).returncode == 0
        assert posts(server) == 20


def test_a_budget_pauses_the_run_and_counts_what_was_spent_before(rows: Path, tmp_path: Path) -> None:
    """Two tokens a row cost a fifth of a cent; ten may cost a cent."""
    with fault_server(echo) as server:
        config = priced(server.url, tmp_path)
        asking = ("run", str(rows), "--prompt", "{text}", "-o", "out.jsonl", "--max-tokens", "10", "--concurrency", "1", "--config", config)
        paused = run(*asking, "--budget", "0.014", home=tmp_path)
        assert paused.returncode == 3, paused.stderr
        asked = posts(server)
        assert 0 < asked < 10
        shown = run("runs", "show", "out.jsonl", home=tmp_path).stdout
        assert ": paused" in shown
        left = f"{Decimal(14 - 2 * asked) / 1000:f}"
        assert f"budget 0.014 USD, {left} left" in shown
        again = run("runs", "resume", "out.jsonl", home=tmp_path)
        assert again.returncode == 3
        assert f"{Decimal(2 * asked) / 1000:f} USD are spent" in again.stderr
        assert posts(server) == asked
        told = run("runs", "resume", "out.jsonl", "--budget", "1", home=tmp_path)
        assert told.returncode == 0, told.stderr
        assert "budget of the run: 0.02 of 1 USD spent, 0.98 left" in told.stderr
        assert posts(server) == 10
    assert json.loads(run("runs", "show", "out.jsonl", "--json", home=tmp_path).stdout)["cost_usd"] == "0.02"


def test_a_run_waits_for_the_connection_when_told_to(begun: Begun, rows: Path, tmp_path: Path) -> None:
    """Nobody listens at first; five seconds later somebody does."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that the server may have the port while it is kept from others
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        config = settings_for(f"http://127.0.0.1:{port}/v1", tmp_path)
        words = ("run", "rows.jsonl", "--prompt", "{text}", "-o", "out.jsonl", "--when-online", "--config", str(config))
        owner = begun(*words, folder=rows.parent)
        assert owner.stderr is not None
        told = [owner.stderr.readline() for _ in range(2)]
        assert "offline: lmstudio cannot be reached; waiting until it can" in told[1], told
        with fault_server(well, port=port) as server:
            rest = owner.communicate(timeout=PATIENCE_SECONDS)[1]
            assert owner.returncode == 0, rest
            assert "online again" in rest
            assert posts(server) == 10
