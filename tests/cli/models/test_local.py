"""The models that a local server keeps, managed from the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.future import FutureResult

from llm_manager.cli.exits import FAILED, OK, USAGE
from llm_manager.cli.models import local as local_models
from llm_manager.domain.errors import ModelUnavailable
from llm_manager.domain.local_models import ModelUpdate
from llm_manager.services.local_models import LocalModels
from tests.cli.program import error_line, run
from tests.clients.ollama.test_managing import managed
from tests.clients.ollama.test_transport import CLOUD, HIDDEN, LLAMA
from tests.loopback import fault_server
from tests.ollama_server import Kept, State, ollama

Setting = Callable[..., Any]
GONE = ModelUnavailable(model="m", message="no such model", reason="permanent")


@pytest.fixture
def models() -> LocalModels:
    return managed(ollama(LLAMA, Kept("tiny:1b", size=700_000_000), HIDDEN, state=State(models={}, running={"llama3.2:3b": 8192})))


def failing(models: LocalModels) -> LocalModels:
    """Every question fails."""

    def fail(*_: object) -> Any:
        return FutureResult.from_failure(GONE)

    return evolve(models, stored=fail, running=fail, show=fail, delete=fail, updates=fail)


async def test_what_is_in_memory(scene: Setting, models: LocalModels) -> None:
    at = scene()
    assert await local_models.running(at.session.output, models) == OK
    assert at.out.getvalue().splitlines()[1] == "llama3.2:3b\t2.5\t80 %\t8192\t2026-11-20T09:05:00Z"


async def test_what_is_on_disk(scene: Setting, models: LocalModels) -> None:
    """The largest first, and the sum."""
    at = scene()
    assert await local_models.disk(at.session.output, models) == OK
    rows = [line.split("\t") for line in at.out.getvalue().splitlines()]
    assert [(row[0], row[1]) for row in rows[1:]] == [("llama3.2:3b", "2.0"), ("mine", "2.0"), ("tiny:1b", "0.7")]
    assert rows[2][4] == "answered by https://ollama.com"
    assert at.err.getvalue() == "3 models, 4.7 GB; models that share layers count twice\n"
    told = scene(json=True)
    await local_models.disk(told.session.output, models)
    assert json.loads(told.out.getvalue())["size_bytes"] == 4_700_000_000


async def test_what_is_known_of_one(scene: Setting, models: LocalModels) -> None:
    at = scene()
    assert await local_models.show(at.session.output, models, "llama3.2:3b") == OK
    assert "context window\t131072" in at.out.getvalue()
    assert "capabilities\tcompletion, tools" in at.out.getvalue()
    told = scene(json=True)
    assert await local_models.show(told.session.output, models, "mine") == OK
    assert json.loads(told.out.getvalue())["answered_by"] == "https://ollama.com"


async def test_fetching_shows_how_far_it_is(scene: Setting, models: LocalModels) -> None:
    at = scene(json=True)
    assert await local_models.pull(at.session.output, models, "mistral") == OK
    assert at.err.getvalue().splitlines() == ["fetching mistral", "fetching mistral: 25 %", "fetched mistral"]
    assert json.loads(at.out.getvalue()) == {"model": "mistral"}
    bar = scene(terminal=True)
    assert await local_models.pull(bar.session.output, models, "mistral") == OK
    assert "fetched mistral" in bar.err.getvalue()
    lost = scene()
    assert await local_models.pull(lost.session.output, models, "[bold]nobodys") == FAILED
    assert "fetched" not in lost.err.getvalue()


async def test_removing_is_confirmed(scene: Setting, models: LocalModels) -> None:
    """By the person who is asked with the size; where nobody can be asked, nothing is removed."""
    asked: list[str] = []

    def saying(answer: bool | None) -> Callable[[str], bool | None]:
        def confirm(question: str) -> bool | None:
            asked.append(question)
            return answer

        return confirm

    for answer, code in ((None, USAGE), (False, FAILED)):
        assert await local_models.remove(scene().session.output, models, "tiny:1b", confirm=saying(answer)) == code
    at = scene(json=True)
    assert await local_models.remove(at.session.output, models, "tiny:1b", confirm=saying(True)) == OK
    assert asked == ["Remove tiny:1b (0.7 GB) from the server's disk?"] * 3
    assert at.err.getvalue() == "removed tiny:1b (0.7 GB)\n"
    again = scene()
    assert await local_models.remove(again.session.output, models, "tiny:1b", confirm=saying(True)) == FAILED
    assert asked[-1] == "Remove tiny:1b from the server's disk?"


async def test_updates_are_told(scene: Setting, models: LocalModels) -> None:
    off = scene()
    assert await local_models.updates(off.session.output, models) == USAGE
    assert "check_updates" in off.err.getvalue()
    found = tuple(ModelUpdate(name=name, newer=newer) for name, newer in (("a", True), ("b", False), ("c", None)))
    known = evolve(models, updates=lambda: FutureResult.from_value(found))
    at, told = scene(), scene(json=True)
    assert await local_models.updates(at.session.output, known) == await local_models.updates(told.session.output, known) == OK
    assert at.out.getvalue().splitlines()[1:] == ["a\ta newer version is there", "b\tup to date", "c\tnot known"]
    assert [each["newer"] for each in json.loads(told.out.getvalue())] == [True, False, None]


async def test_failures_are_told(scene: Setting, models: LocalModels) -> None:
    broken = failing(models)
    at = scene()
    for work in (
        local_models.running(at.session.output, broken),
        local_models.disk(at.session.output, broken),
        local_models.show(at.session.output, broken, "m"),
        local_models.remove(at.session.output, broken, "m", confirm=lambda _: True),
    ):
        assert await work == FAILED
    assert at.err.getvalue().count("no such model") == 4


def test_what_to_have(scene: Setting) -> None:
    at = scene()
    assert local_models.recommended(at.session.output, 4.0) == OK
    rows = [line.split("\t") for line in at.out.getvalue().splitlines()]
    assert rows[1] == ["deepseek-r1:1.5b", "reasoning", "1.1", "1.5", "GPU", "*****", "***..", "yes"]
    assert rows[-1][4] == "GPU and CPU"
    assert "models pull llama3.2:3b" in at.err.getvalue()
    told = scene(json=True)
    local_models.recommended(told.session.output, 4.0)
    sizes = scene()
    assert local_models.recommended_sizes(sizes.session.output) == OK
    cells = {row[0]: row[4:] for row in (line.split("\t") for line in sizes.out.getvalue().splitlines())}
    assert (cells["model"], cells["mistral:7b"]) == (["4 GB", "8 GB", "12 GB", "24 GB"], ["GPU and CPU", "GPU", "GPU", "GPU"])
    assert "give --vram" in sizes.err.getvalue()
    sizes = scene(json=True)
    local_models.recommended_sizes(sizes.session.output)
    assert [row["vram_gb"] for row in json.loads(sizes.out.getvalue())] == [4, 8, 12, 24]
    assert [row["name"] for row in json.loads(told.out.getvalue()) if row["recommended"]] == [
        "deepseek-r1:1.5b",
        "llama3.2:3b",
        "llama3.2:1b",
    ]


@pytest.fixture
def server() -> Iterator[tuple[str, State]]:
    state = State(models={})
    with fault_server(ollama(LLAMA, Kept(CLOUD), state=state)) as running:
        yield running.url, state


def test_the_words_of_the_program(server: tuple[str, State], tmp_path: Path) -> None:
    """Fetched, seen, removed: by an address in the environment, and nothing else configured."""
    url, state = server
    here = {"OLLAMA_URL": url}
    fetched = run("models", "pull", "mistral", home=tmp_path, environ=here)
    assert (fetched.returncode, fetched.stderr.splitlines()[-1]) == (0, "fetched mistral")
    assert run("models", "disk", home=tmp_path, environ=here).stdout.count("mistral") == 1
    assert run("models", "ps", "--json", home=tmp_path, environ=here).stdout == "[]\n"
    assert "131072" in run("models", "show", "mistral", home=tmp_path, environ=here).stdout
    unasked = run("models", "rm", "mistral", home=tmp_path, environ=here)
    assert (unasked.returncode, "mistral" in state.models) == (2, True)
    assert "--yes" in error_line(unasked)
    assert run("models", "rm", "mistral", "--yes", home=tmp_path, environ=here).returncode == 0
    assert "mistral" not in state.models
    assert run("models", "recommend", "--vram", "4", home=tmp_path).returncode == 0
    assert run("models", "recommend", home=tmp_path).returncode == 0


def test_what_the_program_refuses(server: tuple[str, State], tmp_path: Path) -> None:
    """A server that keeps none, one that is not there, and anything that leaves this machine under airgap."""
    url, state = server
    other = run("models", "ps", "--provider", "openai", home=tmp_path, environ={"OPENAI_API_KEY": "sk-x"})
    assert (other.returncode, "keeps no models" in error_line(other)) == (2, True)
    unknown = run("models", "ps", "--provider", "opnai", home=tmp_path)
    assert (unknown.returncode, "did you mean openai?" in error_line(unknown)) == (2, True)
    absent = run("models", "ps", home=tmp_path, environ={"OLLAMA_URL": "http://127.0.0.1:9"})
    assert (absent.returncode, "Ollama connection failed" in error_line(absent)) == (1, True)
    assert "llama3" not in error_line(absent)
    assert error_line(absent).count("start") == 1
    airgap = {"OLLAMA_URL": url, "LLM_AIRGAP_MODE": "true"}
    for words in (("pull", "mistral"), ("show", CLOUD), ("updates",)):
        refused = run("models", *words, home=tmp_path, environ=airgap)
        assert (refused.returncode, "error: under airgap" in refused.stderr.splitlines()[-1]) == (2, True)
    far = run("models", "disk", home=tmp_path, environ={"OLLAMA_URL": "https://gpu.example.com", "LLM_AIRGAP_MODE": "true"})
    assert (far.returncode, "airgap" in error_line(far)) == (2, True)
    assert state.asked == []
