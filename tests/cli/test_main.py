"""The program as the shell sees it: exit codes, one line for a mistake, no traceback."""

import io
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from llm_manager.cli import main
from llm_manager.cli.exits import AUTHENTICATION, BUDGET, FAILED, INTERRUPTED, OK, TERMINATED, USAGE
from llm_manager.cli.parsing import hoisted
from tests.cli.program import run, run_apart, surroundings


def test_version(tmp_path: Path) -> None:
    told = run_apart("--version", home=tmp_path)
    assert (told.returncode, told.stdout, told.stderr) == (0, version("llm-manager-effects") + "\n", "")


@pytest.mark.parametrize("words", [(), ("--help",), ("generate", "--help"), ("run", "--help"), ("models", "--help"), ("config", "--help")])
def test_help_has_examples_and_fits_a_terminal(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(list(words)) == 0
    told = capsys.readouterr().out
    assert "Examples:" in told
    assert max(map(len, told.splitlines())) <= 80
    assert "\x1b" not in told


@pytest.mark.parametrize("name", ["cache", "audit", "runs", "conversations", "usage", "config"])
def test_examples_are_of_the_command_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    examples = capsys.readouterr().out.partition("Examples:")[2].split("llm-manager ")[1:]
    assert examples
    assert all(example.startswith(f"{name} ") for example in examples)


@pytest.mark.parametrize("words", [("cache", "forget"), ("audit", "verify"), ("config", "show"), ("runs", "list")])
def test_a_command_below_another_shows_no_examples_of_others(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    assert "llm-manager generate" not in capsys.readouterr().out


def test_help_lists_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out.partition("Exit codes:")[2]
    assert all(f"{code} " in told for code in (OK, FAILED, USAGE, BUDGET, AUTHENTICATION, INTERRUPTED, TERMINATED))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("generat",), "generate"),
        (("generate",), "PROMPT"),
        (("generate", "x", "y"), "y"),
        (("generate", "x", "--modle", "m"), "--model"),
        (("generate", "x", "--strategy", "cheap"), "balanced"),
        (("generate", "x", "--max-tokens", "0"), "--max-tokens"),
        (("generate", "x", "--max-tokens", "many"), "--max-tokens"),
        (("generate", "x", "--temperature", "-1"), "--temperature"),
        (("generate", "x", "--timeout", "0"), "--timeout"),
        (("generate", "x", "--timeout", "inf"), "--timeout"),
        (("generate", "x", "--timeout", "nan"), "--timeout"),
        (("generate", "x", "--image", "absent.png"), "absent.png"),
        (("generate", "-"), "empty"),
        (("plan", " "), "empty"),
        (("models", "--where", "moon"), "cloud"),
        (("health", "extra"), "extra"),
    ],
)
def test_a_mistake_is_one_line(
    words: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(list(words)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert named in told.err


def test_a_mistake_is_a_document_too(tmp_path: Path) -> None:
    told = run("--json", "generate", "x", "--max-tokens", "0", home=tmp_path)
    assert told.returncode == 2
    assert json.loads(told.stdout)["error"]["tag"] == "UsageError"


def test_without_its_packages_it_names_the_extra(tmp_path: Path) -> None:
    script = "import sys; sys.modules['cyclopts'] = None; from llm_manager.cli import main; sys.exit(main(['health']))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert "[cli]" in told.stderr


def test_importing_it_loads_neither_parser_nor_renderer(tmp_path: Path) -> None:
    heavy = "{'rich', 'cyclopts', 'httpx2', 'asyncio', 'xllamacpp', 'attrs', 'returns', 'importlib.metadata'}"
    script = f"import sys; before = set(sys.modules); import llm_manager.cli; print(sorted({heavy} & set(sys.modules) - before))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert told.stdout == "[]\n"


def test_ctrl_c_while_it_loads_is_one_line(tmp_path: Path) -> None:
    script = """
import sys
class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "llm_manager.cli.parsing":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from llm_manager.cli import main
sys.exit(main(["health"]))
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (130, "", "interrupted\n")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("generate -", 2),
        ("generate x --bad", 2),
        ("models --config absent.toml", 2),
        ("health --config absent.toml", 2),
        ("config check", 0),
    ],
)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_changes_no_exit_code(words: str, code: int, closed: str, tmp_path: Path) -> None:
    told = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m llm_manager {words} {closed}', sys.executable],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=surroundings(tmp_path),
        timeout=60,
        check=False,
    )
    assert told.returncode == code
    assert "Traceback" not in told.stderr
    assert told.stderr.count("\n") <= 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, "-m", "llm_manager", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert "space" in told.stderr


def test_a_reader_that_went_away_is_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        told = subprocess.run(
            [sys.executable, "-m", "llm_manager", "--help"],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
    assert told.returncode == 1
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        ([], []),
        (["generate", "x"], ["generate", "x"]),
        (["--json", "generate", "x"], ["generate", "x", "--json"]),
        (["--config", "a.toml", "--json", "models", "pull"], ["models", "pull", "--config", "a.toml", "--json"]),
        (["--config=a.toml", "plan", "--", "-x"], ["plan", "--config=a.toml", "--", "-x"]),
        (["--json"], ["--json"]),
        (["--config"], ["--config"]),
        (["generate", "--json"], ["generate", "--json"]),
    ],
)
def test_global_options_may_stand_first(words: list[str], moved: list[str]) -> None:
    assert hoisted(words) == moved


def test_main_gives_its_code_to_a_caller(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert main(["generate", "x", "--bad"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
