"""Every command from its words to its exit code, in this process."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_manager.cli import main
from llm_manager.cli.parsing import parse_and_run
from tests.cli import program
from tests.cli.program import ANSWER, settings_for
from tests.loopback import fault_server, json_reply

Serve = Callable[..., str]
LISTING = {"object": "list", "data": [{"id": "tiny", "object": "model"}]}


@pytest.fixture
def run(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line with settings of one local server that answers so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*words: str, answer: object = ANSWER) -> int:
        return main([*words, "--config", str(settings_for(serve(json_reply(answer)), tmp_path))])

    return run


Run = Callable[..., int]
Capture = pytest.CaptureFixture[str]


def test_generate(run: Run, capsys: Capture) -> None:
    assert run("generate", "Hello?", "--model", "tiny", "--temperature", "0", "--private", "--strategy", "cost") == 0
    assert capsys.readouterr().out == "Hello \x1b[31mred\x1b[0m.\n"


def test_plan(run: Run, capsys: Capture) -> None:
    assert run("--json", "plan", "SELECT 1", "--task-type", "sql", "--strategy", "performance") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["strategy"], document["task_type"], document["steps"][0]["model"]) == ("performance", "sql", "tiny")


def test_a_plan_names_all_who_are_not_configured_in_one_line(run: Run, capsys: Capture) -> None:
    assert run("plan", "Hello?") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines if "not configured" in line] == ["not configured"]
    assert "openai, anthropic, gemini" in lines[-1]


def test_models_and_health(run: Run, capsys: Capture) -> None:
    assert run("models", "--where", "local", answer=LISTING) == 0
    assert run("models", "absent", answer=LISTING) == 1
    assert run("health", answer=LISTING) == 0
    assert "tiny" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "hi"),
        ("plan", "hi"),
        ("embed", "hi"),
        ("compare", "hi"),
        ("models",),
        ("models", "pull", "m"),
        ("models", "rm", "m"),
        ("health",),
    ],
)
def test_a_misspelt_provider_is_told_the_nearest_everywhere(words: tuple[str, ...], run: Run, capsys: Capture) -> None:
    assert run(*words, "--provider", "opnai") == 2
    assert "did you mean openai?" in capsys.readouterr().err


def test_the_catalogue_without_keys(run: Run, capsys: Capture) -> None:
    """Every provider with data is in it, searched and sorted; `search` is a word for it."""
    assert run("models", "--known", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"openai", "anthropic", "gemini", "groq", "cohere", "ollama", "embedded"} <= {row["provider"] for row in told}
    assert not next(row for row in told if row["name"] == "gpt-4o-mini")["configured"]
    assert run("models", "search", "gpt-4o", "--known", "--sort", "price") == 0
    names = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert names.index("gpt-4o-mini") < names.index("gpt-4o")
    assert run("models", "compare", "gpt-4o", "claude-opus-4-5", answer=LISTING) == 0
    assert "not configured" in capsys.readouterr().out


def test_models_are_searched_and_compared(run: Run, capsys: Capture) -> None:
    listing = {"object": "list", "data": [{"id": "tiny", "object": "model"}, {"id": "tiny-vision", "object": "model"}]}
    assert run("models", "TINY", "vis", "--can", "tools,schema", "--sort", "name", "--json", answer=listing) == 0
    assert [document["name"] for document in json.loads(capsys.readouterr().out)] == ["tiny-vision"]
    assert run("models", "--cheapest", "--max-price", "1", "--kind", "chat", answer=listing) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[:2] == ["lmstudio", "tiny"]
    assert run("models", "compare", "tiny", "lmstudio/tiny-vision", answer=listing) == 0
    assert capsys.readouterr().out.startswith("\ttiny\ttiny-vision\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("models", "--can", "fly"), "There is no ability fly"),
        (("models", "compare", "tiny"), "at least two"),
        (("compare", "Hello?", "--model", "tiny"), "name at least two"),
        (("compare", "  ", "--model", "a", "--model", "b"), "the prompt is empty"),
    ],
)
def test_words_that_ask_for_nothing_are_a_usage_error(run: Run, capsys: Capture, words: tuple[str, ...], told: str) -> None:
    assert run(*words) == 2
    assert told in capsys.readouterr().err


def test_one_prompt_is_compared(run: Run, capsys: Capture) -> None:
    assert run("compare", "Hello?", "-m", "tiny", "-m", "other", "--max-tokens", "9", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [answer["asked"] for answer in told["answers"]] == ["tiny", "other"]
    assert told["total_usd"] == "0"


def test_providers(run: Run, capsys: Capture) -> None:
    assert run("providers", "--json", answer=LISTING) == 0
    told = {document["name"]: document for document in json.loads(capsys.readouterr().out)}
    assert (told["lmstudio"]["state"], told["lmstudio"]["models"]) == ("healthy", ["tiny"])
    assert not told["openai"]["available"]


def test_config(run: Run, capsys: Capture) -> None:
    assert run("config", "show") == 0
    assert "providers.lmstudio.base_url" in capsys.readouterr().out
    assert run("config", "check", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "faults": [], "warnings": []}


def test_pull_of_weights_that_are_here(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    config = tmp_path / "own.toml"
    config.write_text(f'[embedded]\nmodel_path = "{tmp_path / "mine.gguf"}"\n')
    assert main(["models", "pull", "--config", str(config)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine.gguf")
    assert main(["models", "pull", "--config", str(tmp_path / "absent.toml")]) == 2


@pytest.mark.parametrize("words", [("generate", "", "x"), ("generate", ""), ("plan", "x", "--image", "absent.png"), ("health", "x")])
def test_mistakes(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words) == 2


def test_a_missing_settings_file(tmp_path: Path, capsys: Capture) -> None:
    for words in (["health"], ["generate", "x"], ["config", "show"]):
        assert main([*words, "--config", str(tmp_path / "absent.toml")]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_help_is_a_success(capsys: Capture) -> None:
    assert parse_and_run(["--help"]) == 0
    assert main(["--version"]) == 0
    assert "Examples" in capsys.readouterr().out


def test_what_is_piped_in_and_every_option_reach_the_model(tmp_path: Path) -> None:
    (tmp_path / "ask.txt").write_text("Sum up.\n")
    (tmp_path / "more.md").write_text("# More")
    with fault_server(json_reply(ANSWER)) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        options = ("--seed", "7", "--top-p", "0.5", "--stop", "END", "--stop", "-x", "--document", "more.md")
        told = program.run_apart("generate", "@ask.txt", *options, "--config", config, home=tmp_path, stdin="Long text.\n")
        assert told.returncode == 0, told.stderr
        (sent,) = (request.json() for request in server.requests if request.method == "POST")
        words = ("compare", "Who?", "-m", "tiny", "-m", "lmstudio/tiny", "--config", config)
        assert program.run_apart(*words, home=tmp_path, stdin="Them.").returncode == 0
        compared = server.requests[-1].json()["messages"][-1]["content"]
    parts = [part["text"] for part in sent["messages"][-1]["content"]]
    assert parts == ["Sum up.\n\nLong text.\n", "more.md:\n\n# More"]
    assert (sent["seed"], sent["top_p"], sent["stop"]) == (7, 0.5, ["END", "-x"])
    assert compared == "Who?\n\nThem."


@pytest.mark.parametrize("words", [("--top-p", "2"), ("--reasoning", "much"), ("--seed", "x"), ("--document", "gone.txt")])
def test_a_wrong_option_is_a_mistake_in_use(run: Run, words: tuple[str, ...]) -> None:
    assert run("generate", "x", *words) == 2
    assert run("health", "--provider", "nobody") == 2
