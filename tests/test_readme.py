"""What README and notes show is true: programs run and print what they say, commands exist, links lead somewhere."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_manager.cli.parsing import _app, hoisted
from tests.documents import EXAMPLES, PAGES, ROOT, Block, blocks, environment, run_program
from tests.loopback import Chunked, fault_server

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = [block for page in PAGES for block in blocks(page, "python")]
SHELL = [block for page in PAGES for block in blocks(page, "sh")]
LINKS = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
HARMLESS = {"plan", "models", "config"}
"""Commands that are run in earnest: they ask no model and fetch nothing."""


def commands(block: Block) -> Iterator[list[str]]:
    """The words of every `llm-manager` command in a block, without redirections and what follows."""
    for line in block.text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words = list(lexer)
        while any(word.endswith("llm-manager") for word in words):
            start = next(index for index, word in enumerate(words) if word.endswith("llm-manager"))
            rest = words[start + 1 :]
            end = next((index for index, word in enumerate(rest) if set(word) <= set("|&;<>")), len(rest))
            yield rest[:end]
            words = rest[end:]


COMMANDS = [list(words) for words in dict.fromkeys(tuple(words) for block in SHELL for words in commands(block))]
HARMLESS_COMMANDS = [words for words in COMMANDS if words[0] in HARMLESS and "pull" not in words]


def test_a_stranger_needs_two_commands() -> None:
    """The first two blocks: one line each, for any machine with an index of packages."""
    first, second = list(blocks("README.md", "sh"))[:2]
    for block in (first, second):
        assert block.text.count("\n") == 1
        assert block.text.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert not re.search(r"https?:|--index|--find-links|(?<![\w.])/\w", block.text)
    assert "llm-manager run notes/examples/" in first.text
    assert " --field " in first.text
    assert second.text.rstrip().endswith("/pytest")


def test_the_first_command_uses_files_that_are_there() -> None:
    """Rows, prompt, and the program that measures."""
    first = next(blocks("README.md", "sh"))
    named = re.findall(r"notes/[\w/.-]+", first.text)
    assert len(named) == 3
    assert all((ROOT / name).is_file() for name in named)


def test_readme_can_be_read_in_one_sitting() -> None:
    """And it has programs to run."""
    assert len(README.splitlines()) < 330
    assert len(list(blocks("README.md", "python"))) >= 6


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Relative ones, to files of this project."""
    text = (ROOT / page).read_text(encoding="utf-8")
    gone = [link for link in LINKS.findall(text) if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()]
    assert gone == []


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_programs_of_the_pages_do_what_they_say(block: Block, tmp_path: Path) -> None:
    """Each in an interpreter of its own, as it stands."""
    program = tmp_path / "program.py"
    program.write_text(block.text, encoding="utf-8")
    run_program(program, home=tmp_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_do_what_they_say(example: Path, tmp_path: Path) -> None:
    """One that reads a file says so at its head, and is given the rows of the example with their labels as answers."""
    needs_rows = " answers.jsonl" in (ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))) or "")
    if not needs_rows:
        run_program(example, home=tmp_path)
        return
    rows = (example.parent / "reviews.jsonl").read_text(encoding="utf-8").splitlines()
    answers = tmp_path / "answers.jsonl"
    answers.write_text("\n".join(f'{row[:-1]}, "error": null}}' for row in rows), encoding="utf-8")
    assert run_program(example, str(answers), "label", home=tmp_path).startswith(f"{len(rows)} of {len(rows)} right")


def test_programs_are_typed(tmp_path: Path) -> None:
    """Programs and examples pass strict mypy where the library is installed: without its plugin, and without a look into its bodies."""
    for number, block in enumerate(PROGRAMS):
        (tmp_path / f"program_{number}.py").write_text(block.text, encoding="utf-8")
    bare = tmp_path / "mypy.ini"
    bare.write_text("[mypy]\nstrict = True\n")
    mypy = (Path(sys.executable).parent / "mypy", "--config-file", bare, "--follow-imports", "silent", "--cache-dir", tmp_path / "cache")
    ran = subprocess.run(
        [*mypy, tmp_path, *EXAMPLES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_are_understood(words: list[str]) -> None:
    """Every option and value shown is one that the parser knows."""
    if words != ["--version"]:
        _app().parse_args(hoisted(words), print_error=False, exit_on_error=False)


def test_the_main_job_is_killed_and_goes_on(tmp_path: Path) -> None:
    """The block as a reader types it, against a server that takes its time."""
    block = next(block for block in blocks("README.md", "sh") if "kill -9" in block.text)
    (tmp_path / "notes").symlink_to(ROOT / "notes")
    program = tmp_path / "bin" / "llm-manager"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m llm_manager "$@"\n')
    program.chmod(0o755)
    choice = {"index": 0, "message": {"role": "assistant", "content": '{"mood": "positive"}'}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    body = json.dumps({"id": "c", "object": "chat.completion", "model": "tiny", "choices": [choice], "usage": usage}).encode()
    answer = Chunked((body[:9], body[9:]), gap_seconds=0.4, headers=(("Content-Type", "application/json"),))
    with fault_server(answer) as server:
        settings = f'[providers.lmstudio]\nbase_url = "{server.url}/v1"\ndefault_model = "tiny"\n[providers.embedded]\nenabled = false\n'
        (tmp_path / "llm-manager.toml").write_text(settings)
        ran = subprocess.run(
            ["bash", "-c", block.text],
            capture_output=True,
            text=True,
            env=environment(tmp_path) | {"PATH": f"{program.parent}:{os.environ['PATH']}"},
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
        asked = sum(request.method == "POST" for request in server.requests)
    assert ran.returncode == 0, ran.stderr
    assert "cost: at least 0 USD" in ran.stdout
    assert ": interrupted" in ran.stdout
    answers = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [answer["mood"] for answer in answers] == ["positive"] * 60
    assert 60 <= asked <= 64


@pytest.mark.parametrize("words", HARMLESS_COMMANDS, ids=" ".join)
def test_harmless_commands_run(words: list[str], tmp_path: Path) -> None:
    """With nothing configured."""
    ran = subprocess.run(
        [sys.executable, "-m", "llm_manager", *words],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
        input="a few words",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout
