"""What goes wrong on the way to a model is one typed line and the right exit code, in a real process."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import get_args

import pytest

from llm_manager.cli import main
from llm_manager.domain.errors import LLMError
from tests.cli.program import ANSWER, KEY, command, error_line, run, settings_for, spoken, surroundings
from tests.loopback import html_page, json_reply, refused_url

Serve = Callable[..., str]


def _run(*words: str, url: str, home: Path, stdin: str = "") -> CompletedProcess[str]:
    return run(*words, "--config", str(settings_for(url, home)), home=home, stdin=stdin)


def test_an_answer(serve: Serve, tmp_path: Path) -> None:
    told = _run("generate", "-", url=serve(json_reply(ANSWER)), home=tmp_path, stdin="Hello?")
    assert (told.returncode, told.stdout) == (0, "Hello \x1b[31mred\x1b[0m.\n")


def test_an_answer_as_a_document(serve: Serve, tmp_path: Path) -> None:
    told = _run("--json", "generate", "Hello?", url=serve(json_reply(ANSWER)), home=tmp_path)
    document = json.loads(told.stdout)
    assert (document["model"], document["provider"], document["usage"]["total_tokens"]) == ("tiny", "lmstudio", 5)


def test_a_stream_in_a_pipe(serve: Serve, tmp_path: Path) -> None:
    told = _run("generate", "Hello?", "--stream", url=serve(spoken("Hel", "lo.")), home=tmp_path)
    assert (told.returncode, told.stdout) == (0, "Hello.\n")


@pytest.fixture
def dead() -> Iterator[str]:
    """An address where nobody listens."""
    with refused_url() as url:
        yield url + "/v1"


@pytest.mark.parametrize("words", [("--stream",), ()])
def test_a_wrong_key(serve: Serve, tmp_path: Path, words: tuple[str, ...]) -> None:
    body = {"error": {"message": f"Incorrect API key {KEY}", "code": "invalid_api_key"}}
    told = _run("generate", "Hello?", *words, url=serve(json_reply(body, 401)), home=tmp_path)
    assert told.returncode == 4
    assert "key" in error_line(told)
    assert told.stdout == ""


def test_a_dead_endpoint(dead: str, tmp_path: Path) -> None:
    told = _run("generate", "Hello?", url=dead, home=tmp_path)
    assert told.returncode == 1
    assert "is the server running" in error_line(told)


def test_a_server_of_web_pages(serve: Serve, tmp_path: Path) -> None:
    url = serve(html_page())
    for words in ((), ("--stream",)):
        told = _run("generate", "Hello?", *words, url=url, home=tmp_path)
        assert told.returncode == 1
        assert "no answer" in error_line(told)


def test_a_cut_stream_keeps_what_came(serve: Serve, tmp_path: Path) -> None:
    told = _run("generate", "Hello?", "--stream", url=serve(spoken("Once upon", " a", whole=False)), home=tmp_path)
    assert told.returncode == 1
    assert "cut" in error_line(told)
    assert told.stdout == "Once upon a\n"


def test_a_server_that_is_down_is_not_healthy(serve: Serve, dead: str, tmp_path: Path) -> None:
    told = _run("health", "--json", url=dead, home=tmp_path)
    assert told.returncode == 1
    assert json.loads(told.stdout)[0]["healthy"] is False
    told = _run("health", url=serve(json_reply({"object": "list", "data": [{"id": "tiny", "object": "model"}]})), home=tmp_path)
    assert told.returncode == 0
    assert told.stdout.splitlines()[1].startswith("lmstudio\thealthy\t")


def test_a_plan_sends_nothing(dead: str, tmp_path: Path) -> None:
    told = _run("plan", "Hello?", "--json", url=dead, home=tmp_path)
    assert told.returncode == 0
    assert [step["model"] for step in json.loads(told.stdout)["steps"]] == ["tiny"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("generate", "Hello?", "--provider", "lmstudioo"), 2),
        (("plan", "Hello?", "--provider", "lmstudioo"), 2),
    ],
)
def test_an_unknown_name_is_one_line(words: tuple[str, ...], code: int, dead: str, tmp_path: Path) -> None:
    told = _run(*words, url=dead, home=tmp_path)
    assert told.returncode == code
    assert error_line(told)


def test_wrong_settings_are_one_line(tmp_path: Path) -> None:
    told = _run("generate", "Hello?", url="not a url", home=tmp_path)
    assert told.returncode == 2
    assert "base_url" in error_line(told)


def test_a_reader_that_left_is_no_traceback(serve: Serve, tmp_path: Path) -> None:
    """The first piece goes to nobody: the call ends without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    config = settings_for(serve(spoken("Hel", "lo.")), tmp_path)
    words = command("generate", "Hello?", "--stream", "--config", str(config))
    with os.fdopen(writing, "wb") as gone:
        told = subprocess.run(
            words, stdout=gone, stderr=subprocess.PIPE, text=True, env=surroundings(tmp_path), cwd=tmp_path, timeout=60, check=False
        )
    assert (told.returncode, told.stderr) == (1, "")


def test_words_that_are_no_text_are_one_line(serve: Serve, tmp_path: Path) -> None:
    told = _run("generate", os.fsdecode(b"caf\xe9"), url=serve(json_reply(ANSWER)), home=tmp_path)
    assert told.returncode in (0, 2)


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_every_refusal_is_one_line(serve: Serve, tmp_path: Path, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    config = settings_for(serve(json_reply({"error": {"message": "no"}}, status)), tmp_path)
    assert main(["generate", "Hello?", "--json", "--config", str(config)]) in (1, 2)
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["tag"] in error_tags()
    assert told.err.count("\n") == 1


def error_tags() -> set[str]:
    return {error.tag for error in get_args(LLMError)}
