"""`llm-manager embed` against a server on loopback: a text, a file, a pipe, and an honest end whatever goes wrong."""

import json
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_manager.cli import main
from tests.cli.program import command, error_line, run, settings_for, surroundings
from tests.loopback import Hang, Received, Respond, fault_server, json_reply


def vectors(received: Received) -> Respond:
    texts = received.json()["input"]
    data = [{"index": at, "embedding": [float(len(text)), 0.5]} for at, text in enumerate(texts)]
    return json_reply({"data": data, "model": "embedder", "usage": {"prompt_tokens": len(texts)}})


def refusing(received: Received) -> Respond:
    return json_reply({"error": {"message": "no"}}, 400) if "bad" in received.json()["input"] else vectors(received)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": "x" * n if n else "bad"}) + "\n" for n in range(5)))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


Ask = Callable[..., int]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run the command in this process."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def asked(url: str, *words: str) -> int:
        return main(["embed", *words, "--config", str(settings_for(url + "/v1", tmp_path))])

    return asked


def test_a_text_is_one_row(tmp_path: Path) -> None:
    with fault_server(vectors) as server:
        told = run("embed", "hello there", "--config", str(settings_for(server.url + "/v1", tmp_path)), home=tmp_path)
    assert told.returncode == 0
    assert json.loads(told.stdout) == {"text": "hello there", "vector": [11.0, 0.5], "error": None, "model": "embedder"}
    assert "1 of 1 row answered" in told.stderr


def test_a_pipe_of_rows_goes_out_in_order(tmp_path: Path) -> None:
    with fault_server(vectors) as server:
        told = run(
            *("embed", "-", "--column", "word", "--json", "--config", str(settings_for(server.url + "/v1", tmp_path))),
            home=tmp_path,
            stdin="n,word\n1,one\n2,three\n",
        )
    assert told.returncode == 0
    assert [(row["n"], row["vector"][0]) for row in map(json.loads, told.stdout.splitlines())] == [("1", 3.0), ("2", 5.0)]
    report = json.loads(told.stderr.splitlines()[-1])
    assert (report["rows"], report["answered"], report["input_tokens"], report["output"]) == (2, 2, 2, "standard output")


def test_a_file_is_whole_or_has_another_name(rows: Path, tmp_path: Path, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "vectors.jsonl"
    with fault_server(refusing) as server:
        assert ask(server.url, str(rows), "-o", str(out)) == 1
    assert [row["vector"] and row["vector"][0] for row in lines(out)] == [None, 1.0, 2.0, 3.0, 4.0]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    told = capsys.readouterr().err
    assert "4 of 5 rows answered, 1 failed" in told
    assert "failed 1 x InvalidRequest" in told
    assert "by embedder" in told
    with fault_server(vectors) as server:
        assert ask(server.url, str(rows), "-o", str(out)) == 2
    assert "exists: move it away" in capsys.readouterr().err
    assert len(lines(out)) == 5


def test_a_run_that_reaches_nobody_leaves_nothing(rows: Path, tmp_path: Path, ask: Ask) -> None:
    out = tmp_path / "vectors.jsonl"
    with fault_server(json_reply({"error": {"message": "no"}}, 401)) as server:
        assert ask(server.url, str(rows), "-o", str(out)) == 4
    assert not list(tmp_path.glob("vectors*"))


def test_a_run_that_is_stopped_keeps_its_rows_under_another_name(tmp_path: Path, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "many.jsonl", tmp_path / "vectors.jsonl"
    source.write_text("".join(json.dumps({"text": f"row {n}"}) + "\n" for n in range(700)))

    def until(received: Received) -> Respond:
        return json_reply({"error": {"message": "no"}}, 401) if "row 600" in received.json()["input"] else vectors(received)

    with fault_server(until) as server:
        assert ask(server.url, str(source), "-o", str(out)) == 4
    assert len(lines(tmp_path / "vectors.jsonl.part")) == 512
    assert not out.exists()
    told = capsys.readouterr().err
    assert "512 of 700 rows answered" in told
    assert "188 rows not asked" in told


@pytest.mark.parametrize("count", [5, 600])
def test_ctrl_c_keeps_what_is_written(count: int, tmp_path: Path) -> None:
    source, out = tmp_path / "many.jsonl", tmp_path / "v.jsonl"
    source.write_text("".join(json.dumps({"text": f"row {n}"}) + "\n" for n in range(count)))
    with fault_server(lambda received: Hang() if f"row {count - 1}" in received.json()["input"] else vectors(received)) as server:
        words = command("embed", str(source), "-o", str(out), "--config", str(settings_for(server.url + "/v1", tmp_path)))
        program = subprocess.Popen(words, env=surroundings(tmp_path), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while not any(f"row {count - 1}" in request.json()["input"] for request in server.requests):
            assert program.poll() is None
            time.sleep(0.02)
        program.send_signal(signal.SIGINT)
        told = program.communicate(timeout=30)[1]
    assert program.returncode == 130
    assert "Traceback" not in told
    if count == 5:
        assert not list(tmp_path.glob("v.jsonl*"))
    else:
        assert len(lines(tmp_path / "v.jsonl.part")) == 512
        assert "512 of 600 rows answered" in told
        assert "88 rows not asked; run the same again to go on" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rows.jsonl", "--column", "txt"), "did you mean {text}?"),
        (("gone.jsonl",), "there is no file gone.jsonl"),
        ((" ",), "the text is empty"),
        (("rows.jsonl", "-o", "out.csv"), "end the name in .jsonl"),
        (("rows.jsonl", "--purpose", "tea"), "--purpose"),
        (("rows.jsonl", "-o", "no/where.jsonl"), "cannot be written"),
    ],
)
def test_mistakes_are_one_line(rows: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    ran = run("embed", *words, "--config", str(settings_for("http://127.0.0.1:9/v1", tmp_path)), home=tmp_path)
    assert ran.returncode == 2
    assert told in error_line(ran)


def test_nothing_is_paid_twice_and_all_that_was_paid_is_told(tmp_path: Path) -> None:
    """A piece with a text at fault is asked again by halves, whatever the settings say of the cache."""
    paid: list[str] = []

    def answering(received: Received) -> Respond:
        texts = received.json()["input"]
        if "bad" not in texts:
            paid.extend(texts)
        return refusing(received)

    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": "bad" if n == 299 else f"text {n}"}) + "\n" for n in range(300)))
    with fault_server(answering) as server:
        config = settings_for(server.url + "/v1", tmp_path)
        config.write_text(config.read_text() + "[cache]\nenabled = false\n")
        told = run("embed", "rows.jsonl", "-o", "v.jsonl", "--json", "--config", str(config), home=tmp_path)
    assert told.returncode == 1
    assert len(lines(tmp_path / "v.jsonl")) == 300
    assert len(paid) == len(set(paid)) == 299
    assert json.loads(told.stdout)["input_tokens"] == 299


@pytest.mark.parametrize("text", ["a" * 5000, "what is this?\0", "two\nlines"])
def test_a_text_need_not_look_like_a_name(text: str, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    with fault_server(vectors) as server:
        assert ask(server.url, text, "--limit", "1", "--timeout", "9", "--private") == 0
    assert json.loads(capsys.readouterr().out)["text"] == text


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_the_same_again_goes_on_and_pays_for_no_row_twice(ending: signal.Signals, tmp_path: Path) -> None:
    source, out, part = tmp_path / "many.jsonl", tmp_path / "v.jsonl", tmp_path / "v.jsonl.part"
    source.write_text("".join(json.dumps({"id": n, "text": f"row {n}" if n != 3 else ""}) + "\n" for n in range(600)))
    paid: list[str] = []
    hanging = [True]

    def answering(received: Received) -> Respond | Hang:
        texts = received.json()["input"]
        if hanging[0] and "row 599" in texts:
            return Hang()
        paid.extend(texts)
        return vectors(received)

    with fault_server(answering) as server:
        words = ("embed", str(source), "-o", str(out), "--config", str(settings_for(server.url + "/v1", tmp_path)))
        program = subprocess.Popen(command(*words), env=surroundings(tmp_path), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while not any("row 599" in request.json()["input"] for request in server.requests):
            assert program.poll() is None
            time.sleep(0.02)
        second = run(*words, home=tmp_path)
        assert (second.returncode, "another process is working on" in second.stderr) == (1, True)
        program.send_signal(ending)
        program.communicate(timeout=30)
        assert len(lines(part)) == 512
        with part.open("a") as file:
            file.write('{"id":512,"text":"row 5')
        hanging[0] = False
        told = run(*words, home=tmp_path)
    assert told.returncode == 1
    assert f"going on after the 512 rows that {part} holds" in told.stderr
    assert "599 of 600 rows answered (511 earlier), 1 failed (1 earlier)" in told.stderr
    assert [row["id"] for row in lines(out)] == list(range(600))
    assert [row["vector"][0] for row in lines(out) if row["id"] != 3] == [float(len(f"row {n}")) for n in range(600) if n != 3]
    assert len(paid) == len(set(paid)) == 599
    assert not part.exists()


def test_what_does_not_fit_is_not_gone_on_with(rows: Path, tmp_path: Path, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    out, part = tmp_path / "v.jsonl", tmp_path / "v.jsonl.part"

    def line(n: int, **more: object) -> str:
        held = {"id": n, "text": "x" * n if n else "bad", "vector": [1.0, 2.0], "error": None, "model": "embedder", **more}
        return json.dumps(held) + "\n"

    with fault_server(vectors) as server:
        for held, said in (
            (line(0) + line(2), "its row 2 is not that of"),
            (line(0) + "{}\n", "line 2 is none that an embedding of ours wrote"),
            (line(0) + "garbage\n", "line 2 is none that an embedding of ours wrote"),
            ("".join(line(n) for n in range(5)) + line(5), "it holds more than the 5 rows of"),
        ):
            part.write_text(held)
            assert ask(server.url, str(rows), "-o", str(out)) == 2
            told = capsys.readouterr().err
            assert said in told
            assert "give the input it began with, or move it away to begin anew" in told
            assert part.read_text() == held
        assert server.requests == []
        for other in (line(0, model="other"), line(0, vector=[1.0])):
            part.write_text(other)
            assert ask(server.url, str(rows), "-o", str(out)) == 2
            assert "name the model and --dimensions of then" in capsys.readouterr().err
            assert part.read_text() == other
        part.write_text(line(0))
        assert ask(server.url, str(rows), "-o", str(out)) == 0
        part.mkdir()
        out.unlink()
        assert ask(server.url, str(rows), "-o", str(out)) == 2
    assert "is no file" in capsys.readouterr().err


def test_vectors_from_the_cache_are_by_the_model_that_made_them(rows: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text("".join(rows.read_text().splitlines(keepends=True)[1:]))
    with fault_server(vectors) as server:
        config = settings_for(server.url + "/v1", tmp_path)
        told = [run("embed", str(good), "-o", f"{n}.jsonl", "--json", "--config", str(config), home=tmp_path) for n in range(2)]
        assert len([each for each in server.requests if each.method == "POST"]) == 1
    assert [json.loads(each.stdout)["answered_by"] for each in told] == [{"embedder": 4}, {"embedder": 4}]
    assert lines(tmp_path / "0.jsonl") == lines(tmp_path / "1.jsonl")
