"""`llm-manager run` in a process of its own, against a server on loopback: rows in, rows out, whatever goes wrong."""

import csv
import io
import json
import os
import pty
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from llm_manager.cli import main
from llm_manager.cli.run.asking import Run
from llm_manager.cli.run.job import run_job
from llm_manager.cli.run.typed import RunWords, plan_of, prepare_run
from llm_manager.domain.errors import ConfigurationError
from llm_manager.testing.world import fake_world
from tests.cli.conftest import Begun
from tests.cli.program import KEY, command, kept_run, run, settings_for, surroundings, told_until
from tests.loopback import Hang, Later, Received, Reset, Respond, fault_server, html_page, json_reply, refused_url

Serve = Callable[..., str]


def completion(content: str, finish: str = "stop") -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "model": "tiny",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def said(received: Received) -> str:
    """The last thing that was said to the model."""
    return str(received.json()["messages"][-1]["content"])


def echo(received: Received) -> Respond:
    return json_reply(completion(said(received).upper()))


def four_answered(home: Path, out: Path) -> bool:
    """Wait until the first four rows are kept."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = kept_run(home, out)
        if found is not None and found.counts.answered >= 4:
            return True
        time.sleep(0.01)
    return False


def slowing(received: Received) -> Respond | Hang:
    """Answer the first four rows and no more."""
    return echo(received) if int(said(received).split()[-1]) < 4 else Hang()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Ten rows."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": f"row {n}"}) + "\n" for n in range(10)))
    return path


@pytest.fixture
def go(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run over rows against a server at this address."""

    def went(url: str, *words: str, stdin: str = "", prompt: str = "Say {text}") -> "subprocess.CompletedProcess[str]":
        return run("run", *words, "--prompt", prompt, "--config", str(settings_for(url, tmp_path)), home=tmp_path, stdin=stdin)

    return went


Go = Callable[..., "subprocess.CompletedProcess[str]"]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_in_rows_out_and_again_for_nothing(serve: Serve, go: Go, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with fault_server(echo) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--concurrency", "3")
        assert (told.returncode, told.stdout) == (0, "")
        assert "10 of 10 rows answered" in told.stderr
        assert "30 + 20 tokens" in told.stderr
        assert [(row["id"], row["answer"], row["error"], row["model"]) for row in lines(out)] == [
            (n, f"SAY ROW {n}", None, "tiny") for n in range(10)
        ]
        before, asked = out.read_bytes(), len(server.requests)
        again = go(server.url + "/v1", str(rows), "-o", str(out))
        assert again.returncode == 0
        assert "10 of 10 rows answered (10 earlier)" in again.stderr
        assert (out.read_bytes(), len(server.requests)) == (before, asked)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_pipe_of_csv_is_answered_as_csv(serve: Serve, go: Go) -> None:
    told = go(serve(echo), "-", stdin="text,n\n=1+1,-2\nhello,3\n", prompt="{text}")
    assert told.returncode == 0
    assert [(row["text"], row["n"], row["answer"]) for row in csv.DictReader(io.StringIO(told.stdout))] == [
        ("'=1+1", "-2", "'=1+1"),
        ("hello", "3", "HELLO"),
    ]


def test_typed_columns(go: Go, rows: Path, tmp_path: Path) -> None:
    def typed(received: Received) -> Respond:
        number = int(said(received).split()[-1])
        assert received.json()["response_format"]["json_schema"]["schema"]["required"] == ["mood", "score"]
        told = {0: '{"mood":"sad","score":"0"}', 1: '{"mood":"glad","score":1}', 2: "sad"}
        return json_reply(completion(told.get(number, f'{{"score":{number},"mood":"sad"}}'), "length" if number == 3 else "stop"))

    out = tmp_path / "out.jsonl"
    with fault_server(typed) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--field", "mood=happy,sad", "--field", "score=int")
    assert told.returncode == 1
    assert "failed 4 x OutputInvalid" in told.stderr
    written = lines(out)
    assert [row["score"] for row in written] == [None, None, None, None, 4, 5, 6, 7, 8, 9]
    assert [row["mood"] for row in written] == [None] * 4 + ["sad"] * 6
    assert [row["error"]["message"].removeprefix("the answer of tiny ")[:24] for row in written[:4]] == [
        "does not fit at $.score:",
        "does not fit at $.mood: ",
        "does not fit at $: JSON ",
        "is not whole: it was cut",
    ]
    assert list(written[4]) == [
        *("id", "text", "mood", "score", "error", "model", "input_tokens", "output_tokens", "cost_usd", "cached", "latency_seconds")
    ]


def test_a_cut_answer_keeps_its_text_and_is_asked_again_when_it_may_be_longer(go: Go, rows: Path, tmp_path: Path) -> None:
    def cutting(received: Received) -> Respond:
        short = received.json().get("max_tokens") == 5 and "row 3" in said(received)
        return json_reply(completion("Once upon", "length")) if short else echo(received)

    out = tmp_path / "out.jsonl"
    with fault_server(cutting) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--max-tokens", "5")
        assert told.returncode == 1
        assert "failed 1 x OutputInvalid, such as: the answer of tiny is not whole: it was cut at its length limit" in told.stderr
        assert (lines(out)[3]["answer"], lines(out)[3]["error"]["tag"]) == ("Once upon", "OutputInvalid")
        asked = len(server.requests)
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--max-tokens", "50", "--retry-failed")
        assert (told.returncode, len(server.requests)) == (0, asked + 1)
    assert lines(out)[3]["answer"] == "SAY ROW 3"


def test_failed_rows_stay_until_told_otherwise(go: Go, rows: Path, tmp_path: Path) -> None:
    def sometimes(received: Received) -> Respond:
        return json_reply({"error": {"message": "bad"}}, 400) if "row 4" in said(received) else echo(received)

    out = tmp_path / "out.jsonl"
    with fault_server(sometimes) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--json")
    assert told.returncode == 1
    report = json.loads(told.stdout)
    assert (report["answered"], report["failures"], report["output"]) == (9, {"InvalidRequest": 1}, str(out))
    with fault_server(echo) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out))
        assert (told.returncode, len(server.requests)) == (1, 0)
        assert "--retry-failed" in told.stderr
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--retry-failed")
        assert (told.returncode, len(server.requests)) == (0, 1)
    assert [row["answer"] for row in lines(out)] == [f"SAY ROW {n}" for n in range(10)]


def test_a_wrong_key_stops_at_once_and_the_next_run_goes_on(go: Go, rows: Path, tmp_path: Path) -> None:
    def expiring(received: Received) -> Respond:
        return echo(received) if received.number < 3 else json_reply({"error": {"message": f"no {KEY}", "code": "invalid_api_key"}}, 401)

    out = tmp_path / "out.jsonl"
    with fault_server(expiring) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--concurrency", "1")
        assert len(server.requests) <= 5
    assert told.returncode == 4
    assert "error: " in told.stderr
    assert "7 rows not asked yet; run the same again to go on" in told.stderr
    assert [row["id"] for row in lines(out)] == [0, 1, 2]
    with fault_server(echo) as server:
        assert go(server.url + "/v1", str(rows), "-o", str(out)).returncode == 0
        assert len(server.requests) == 7
    assert len(lines(out)) == 10


def test_a_run_that_stops_before_its_first_row_is_one_line_and_touches_no_output(go: Go, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with fault_server(echo) as server:
        assert go(server.url + "/v1", str(rows), "-o", str(out), "--limit", "2").returncode == 0
    before = out.read_bytes()
    with fault_server(json_reply({"error": {"message": "no", "code": "invalid_api_key"}}, 401)) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--overwrite", prompt="Tell {text}")
    assert told.returncode == 4
    assert told.stderr.splitlines() == [
        "2 earlier answers belong to other settings or other rows, and will not be used",
        "asking tiny of lmstudio",
        "error: tiny: no; check the key and what it may do",
    ]
    assert out.read_bytes() == before


@pytest.fixture
def dead() -> Iterator[str]:
    """An address where nobody listens."""
    with refused_url() as url:
        yield url + "/v1"


def test_a_dead_endpoint_fails_no_row_and_the_same_again_goes_on(dead: str, go: Go, serve: Serve, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    told = go(dead, str(rows), "-o", str(out), "--limit", "2")
    assert told.returncode == 1
    assert "is the server running" in told.stderr or "server is running" in told.stderr
    assert "2 rows not asked yet; run the same again to go on" in told.stderr
    assert "s: nothing was written\n" in told.stderr
    assert not out.exists()
    assert go(serve(echo), str(rows), "-o", str(out), "--limit", "2").returncode == 0
    assert [row["error"] for row in lines(out)] == [None, None]


_SLOW_DOWN = json_reply({"error": {"message": "slow"}}, 429, (("Retry-After", "1"),))


@pytest.mark.parametrize("answer", [html_page(), Reset(), json_reply({"error": {"message": "busy"}}, 500), _SLOW_DOWN])
def test_a_server_that_gives_no_answer_is_told_and_its_row_left(serve: Serve, go: Go, rows: Path, tmp_path: Path, answer: Any) -> None:
    out = tmp_path / "out.jsonl"
    told = go(serve(answer), str(rows), "-o", str(out), "--limit", "1")
    assert told.returncode == 1
    assert "error: tiny" in told.stderr
    assert "1 row not asked yet" in told.stderr
    assert "charged" not in told.stderr  # it costs nothing
    assert not out.exists()
    kept = kept_run(tmp_path, out)
    assert kept is not None
    assert (kept.state, kept.counts.failed, kept.counts.waiting, kept.counts.doubtful) == ("interrupted", 0, 1, 0)


def test_interrupted_it_keeps_the_finished_rows_and_goes_on_next_time(begun: Begun, go: Go, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    with fault_server(slowing) as server:
        words = ["run", str(rows), "--prompt", "Say {text}", "-o", str(out), "--concurrency", "2"]
        going = begun(*words, "--config", str(settings_for(server.url + "/v1", tmp_path)))
        assert server.wait_until(lambda now: len(now.requests) >= 6, 60)
        assert four_answered(tmp_path, out)
        going.send_signal(signal.SIGINT)  # the first lets what is under way end, the second cuts it
        told = told_until(going, "finishing 2 calls under way; again to cut them")
        going.send_signal(signal.SIGINT)
        stdout, rest = going.communicate(timeout=60)
        stderr = told + rest
    assert (going.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
    assert "2 calls cut off\n" in stderr
    assert "6 rows not asked yet; run the same again to go on" in stderr
    assert [row["id"] for row in lines(out)] == [0, 1, 2, 3]
    with fault_server(echo) as server:
        assert go(server.url + "/v1", str(rows), "-o", str(out)).returncode == 0
        assert len(server.requests) == 6
    assert [row["id"] for row in lines(out)] == list(range(10))


def test_interrupted_before_its_first_row_it_writes_nothing(begun: Begun, rows: Path, tmp_path: Path) -> None:
    with fault_server(Hang()) as server:
        words = ["run", str(rows), "--prompt", "{text}", "-o", "out.jsonl", "--config", str(settings_for(server.url + "/v1", tmp_path))]
        going = begun(*words)
        assert server.wait_until(lambda now: len(now.requests) >= 2, 60)
        going.send_signal(signal.SIGTERM)
        told = told_until(going, "under way; again to cut them")
        going.send_signal(signal.SIGTERM)
        stderr = told + going.communicate(timeout=60)[1]
    assert going.returncode == 143
    assert "10 rows not asked yet; run the same again to go on" in stderr
    assert "s: nothing was written\n" in stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_what_is_under_way_when_it_is_interrupted_is_waited_for_and_kept(begun: Begun, go: Go, rows: Path, tmp_path: Path) -> None:
    interrupted = threading.Event()
    out = tmp_path / "out.jsonl"
    with fault_server(lambda received: Later(echo(received), interrupted)) as server:
        words = ["run", str(rows), "--prompt", "Say {text}", "-o", str(out), "--concurrency", "3"]
        config = str(settings_for(server.url + "/v1", tmp_path))
        going = begun(*words, "--config", config)
        assert server.wait_until(lambda now: sum(each.method == "POST" for each in now.requests) >= 3, 60)
        going.send_signal(signal.SIGINT)
        told = told_until(going, "finishing 3 calls under way; again to cut them")
        interrupted.set()
        stderr = told + going.communicate(timeout=60)[1]
        asked = sum(each.method == "POST" for each in server.requests)
    assert going.returncode == 130
    assert "cut off" not in stderr
    assert asked == 3
    assert "3 of 10 rows answered" in stderr
    assert "7 rows not asked yet" in stderr
    with fault_server(echo) as server:
        assert go(server.url + "/v1", str(rows), "-o", str(out)).returncode == 0
        assert sum(each.method == "POST" for each in server.requests) == 7


def test_a_provider_that_asks_for_an_hour_ends_the_run_and_fails_no_row(go: Go, rows: Path, tmp_path: Path) -> None:
    hour = json_reply({"error": {"message": "slow"}}, 429, (("Retry-After", "3600"),))

    def waiting(received: Received) -> Respond:
        return echo(received) if int(said(received).split()[-1]) < 2 else hour

    out = tmp_path / "out.jsonl"
    with fault_server(waiting) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out), "--concurrency", "1")
    assert told.returncode == 3
    assert "asked to wait 1 h; the same command goes on then" in told.stderr
    assert "8 rows not asked yet; run the same again to go on" in told.stderr
    assert "failed" not in told.stderr.replace("0 failed", "")


def test_where_no_row_was_asked_no_log_is_left(go: Go, rows: Path, tmp_path: Path) -> None:
    with fault_server(json_reply({"error": {"message": "no"}}, 401)) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(tmp_path / "out.jsonl"))
    assert told.returncode == 4
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == []


def test_killed_it_loses_no_finished_row(begun: Begun, go: Go, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with fault_server(slowing) as server:
        words = ["run", str(rows), "--prompt", "Say {text}", "-o", str(out), "--concurrency", "2"]
        config = str(settings_for(server.url + "/v1", tmp_path))
        going = begun(*words, "--config", config)
        assert server.wait_until(lambda now: len(now.requests) >= 6, 60)
        assert four_answered(tmp_path, out)
        second = go(server.url + "/v1", str(rows), "-o", str(out))
        assert second.returncode == 1
        assert f"(process {going.pid} on " in second.stderr
        going.kill()
        going.wait()
    assert not out.exists()
    with fault_server(echo) as server:
        assert go(server.url + "/v1", str(rows), "-o", str(out)).returncode == 0
        assert len(server.requests) == 6


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(go: Go, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with fault_server(echo) as server:
        url = server.url + "/v1"
        told = go(url, str(rows), "-o", str(out), "--dry-run", "--system", "Be kind.")
        assert told.returncode == 0
        assert told.stdout.startswith("--- request 1 of 10\n[system] Be kind.\nSay row 0\n--- request 2")
        assert "10 requests to send; nothing was sent" in told.stderr
        assert "1. tiny at lmstudio (local)" in told.stderr
        assert not out.exists()
        assert kept_run(tmp_path, out) is None
        go(url, str(rows), "-o", str(out), "--limit", "4")
        told = go(url, str(rows), "-o", str(out), "--dry-run", "--json", "--field", "n=int")
        assert json.loads(told.stdout)["schema"]["required"] == ["n"]
        told = go(url, str(rows), "-o", str(out), "--dry-run", "--json")
        document = json.loads(told.stdout)
        assert (document["rows"], document["to_send"], document["answered_earlier"]) == (10, 6, 4)
        assert document["requests"][0] == {"system": None, "prompt": "Say row 4"}
        assert document["plan"]["steps"][0]["model"] == "tiny"
        assert sum(request.method == "POST" for request in server.requests) == 4


def test_an_estimate_tells_what_it_would_take_and_sends_nothing(go: Go, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with fault_server(echo) as server:
        url = server.url + "/v1"
        told = go(url, str(rows), "-o", str(out), "--estimate", "--concurrency", "2")
        assert told.returncode == 0
        assert told.stdout.startswith("10 rows, 10 to ask, 10 of them different, 0 in the cache\ntiny of lmstudio: about ")
        assert "cost: at least 0 USD, about 0 USD, at most 0 USD" in told.stdout
        assert "time: about " in told.stdout
        assert "10 requests to send; nothing was sent" in told.stderr
        document = json.loads(go(url, str(rows), "-o", str(out), "--estimate", "--json").stdout)
        assert document["estimate"]["requests"] == 10
        assert document["estimate"]["expected_usd"] == "0"
        assert document["estimate"]["seconds"] > 0
        assert not out.exists()
        assert not any(request.method == "POST" for request in server.requests)
    nothing = go(url, "-", "--estimate", stdin="")
    assert "time:" not in nothing.stdout


def test_an_estimate_knows_the_columns_and_what_answers_took_before(go: Go, rows: Path, tmp_path: Path) -> None:
    with fault_server(echo) as server:
        url = server.url + "/v1"
        words = (url, str(rows), "-o", str(tmp_path / "n.jsonl"), "--estimate", "--json")
        before = json.loads(go(*words, "--field", "n=int").stdout)["estimate"]
        assert before["answers_seen"] == 0
        assert before["completion_tokens"] <= 10 * 6 <= before["longest_completion_tokens"]
        assert go(url, str(rows), "-o", str(tmp_path / "out.jsonl")).returncode == 0
        after = json.loads(go(*words, "--field", "n=int").stdout)["estimate"]
        assert after["answers_seen"] == 10
        assert 0 < after["seconds_an_answer"] < 2


def test_a_dry_run_says_what_would_fail(go: Go, tmp_path: Path, serve: Serve) -> None:
    away = tmp_path / "away.toml"
    away.write_text(f'[providers.openai]\napi_key = "{KEY}"\n[providers.embedded]\nenabled = false\n')
    away.chmod(0o600)
    words = ("run", "-", "--dry-run", "--private", "--prompt", "Say {text}", "--config", str(away))
    told = run(*words, home=tmp_path, stdin='{"text":"a"}\n{"no":1}\n')
    assert told.returncode == 2
    assert "1 x InvalidRequest, such as" in told.stderr
    assert "error: " in told.stderr
    told = run(*words, "--json", home=tmp_path, stdin='{"text":"a"}\n')
    assert "error" in json.loads(told.stdout)["plan"]
    told = go(serve(echo), "-", "--dry-run", stdin='{"no":1}\n{"text":null}\n')
    assert (told.returncode, told.stdout) == (0, "")


def test_wrong_settings_are_told_before_anything_is_made(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[routing]\nstrategi = 1\n")
    told = run("run", str(rows), "--prompt", "{text}", "-o", "out.jsonl", "--config", "bad.toml", home=tmp_path)
    assert told.returncode == 2
    assert kept_run(tmp_path, tmp_path / "out.jsonl") is None


def test_an_output_that_cannot_be_written_in_the_end_keeps_the_rows(go: Go, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def hindering(received: Received) -> Respond:
        out.mkdir(exist_ok=True)
        return echo(received)

    with fault_server(hindering) as server:
        told = go(server.url + "/v1", str(rows), "-o", str(out))
        assert told.returncode == 1
        assert "the finished rows are kept with the run" in told.stderr
        out.rmdir()
        told = go(server.url + "/v1", str(rows), "-o", str(out))
        assert (told.returncode, len(server.requests), len(lines(out))) == (0, 10, 10)


def test_rows_that_change_under_a_run_are_an_error(go: Go, rows: Path) -> None:
    def meddling(received: Received) -> Respond:
        other = rows.with_suffix(".other")
        other.write_text("no longer rows\n")
        other.replace(rows)  # at once: half a change would be another one
        return echo(received)

    with fault_server(meddling) as server:
        told = go(server.url + "/v1", str(rows), "--concurrency", "1")
    assert told.returncode == 2
    assert "line 1 is not JSON" in told.stderr


def test_a_model_that_cannot_be_made_ready_is_told_and_nothing_is_asked(scene: Any, rows: Path, tmp_path: Path) -> None:
    words = RunWords(source=str(rows), prompt="{text}")
    prepared = prepare_run(words, stdin=io.BytesIO(), scratch=tmp_path).unwrap()
    plan = plan_of(words, prepared)
    made = scene(prepared=Failure(ConfigurationError(message="no weights")))
    assert run_job(Run(session=made.session, prepared=prepared, plan=plan, world=fake_world()), tmp_path) == 2
    assert "error: no weights" in made.err.getvalue()
    assert made.out.getvalue() == ""
    assert made.closed == [True]


@pytest.mark.parametrize(
    ("words", "said_so"),
    [
        (("missing.jsonl",), "there is no file missing.jsonl"),
        (("rows.jsonl", "-o", "no/out.jsonl"), "there is no folder"),
        (("rows.jsonl", "-o", "out.txt"), "end it in .jsonl or .csv"),
        (("rows.jsonl", "--strategy", "cheapest"), "strategy"),
        (("rows.jsonl", "--field", "score=number"), "types: str, int, float, bool"),
        (("rows.jsonl", "--concurrency", "0"), "concurrency"),
        (("rows.jsonl", "--provider", "opnai"), "openai"),
    ],
)
def test_a_mistake_is_one_line_and_the_usage_code(go: Go, serve: Serve, rows: Path, words: tuple[str, ...], said_so: str) -> None:
    told = go(serve(echo), *words)
    assert told.returncode == 2
    errors = [line for line in told.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert said_so in errors[0]


def test_rows_on_standard_output_leave_the_report_to_standard_error(go: Go, serve: Serve) -> None:
    told = go(serve(echo), "-", "--json", stdin='{"text":"a"}\n')
    assert json.loads(told.stdout)["answer"] == "SAY A"
    assert json.loads(told.stderr)["answered"] == 1
    wrong = go(serve(echo), "-", "--json", stdin="")
    assert (wrong.returncode, wrong.stdout, json.loads(wrong.stderr)["error"]["tag"]) == (2, "", "InvalidRequest")


def test_a_device_takes_rows_as_they_are(go: Go, serve: Serve, rows: Path) -> None:
    told = go(serve(echo), str(rows), "-o", "/dev/null", "--limit", "1")
    assert (told.returncode, told.stdout) == (0, "")


def test_on_a_terminal_progress_is_live_and_no_escape_of_the_model_gets_through(tmp_path: Path, rows: Path, serve: Serve) -> None:
    url = serve(lambda received: json_reply(completion("\x1b]0;owned\x07 \x9b31m done")))
    ours, theirs = pty.openpty()
    words = command("run", str(rows), "--prompt", "{text}", "--config", str(settings_for(url, tmp_path)))
    with subprocess.Popen(
        words, stdout=theirs, stderr=theirs, stdin=theirs, env=surroundings(tmp_path, {"TERM": "xterm"}), cwd=tmp_path
    ) as begun:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        assert begun.wait(20) == 0
    os.close(ours)
    assert b"owned" in shown
    assert b"\x1b]0;owned" not in shown
    assert "\x9b".encode() not in shown
    assert "━".encode() in shown
    assert b"10 of 10 rows answered" in shown


def test_in_this_process_it_ends_with_the_same_code(
    serve: Serve, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config = str(settings_for(serve(echo), tmp_path))
    assert main(["run", "rows.jsonl", "--prompt", "{text}", "-o", "out.csv", "--config", config]) == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 11
    assert "10 of 10 rows answered" in capsys.readouterr().err
