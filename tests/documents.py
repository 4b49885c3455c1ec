"""What the project's pages show: their fenced blocks, and how to run a program as its reader would."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen
from platformdirs import user_cache_path
from returns.result import Failure

from llm_manager.clients.embedded.engine import import_engine
from llm_manager.clients.embedded.weights import find_weights, weights_path
from llm_manager.domain.configuration import EmbeddedSettings

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "notes").rglob("*.md")))
EXAMPLES = tuple(sorted((ROOT / "notes" / "examples").glob("*.py")))
NEEDS_MODEL = "# needs the embedded model"
"""A line of a program that is skipped where the embedded model is not."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMISE = re.compile(r"# -> (.*?)(?=\s+# -> |$)", re.MULTILINE)
_RUN = """
import runpy, sys
sys.argv = sys.argv[1:]
from tests import conftest
conftest._guarding = True
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@frozen
class Block:
    """A fenced block, by the page and line where it stands."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str, language: str) -> Iterator[Block]:
    """The fenced blocks of a page in this language, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        if found[1] == language:
            yield Block(page, text.count("\n", 0, found.start()) + 1, found[2])


def promises(code: str) -> list[str]:
    """The output that a program's comments promise: ``print(1)  # -> 1``."""
    return _PROMISE.findall(code)


def environment(home: Path, code: str = "") -> dict[str, str]:
    """Nothing configured; the embedded model where the code needs it, or the test is skipped with the reason."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG") or name.startswith("COVERAGE_")}
    kept |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    if NEEDS_MODEL in code:
        weights = find_weights(EmbeddedSettings(), os.environ)
        if weights is None or isinstance(import_engine(), Failure):
            pytest.skip("the embedded model is not here: its wheel, its weights or libgomp")
        there = weights_path({}).relative_to(user_cache_path())
        (home / "cache" / there).parent.mkdir(parents=True, exist_ok=True)
        (home / "cache" / there).symlink_to(weights)
        kept["XDG_CACHE_HOME"] = str(home / "cache")
    return kept


def run_program(file: Path, *arguments: str, home: Path) -> str:
    """Run a program in an interpreter of its own, without a network; it must print what its comments promise."""
    code = file.read_text(encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, str(file), *arguments],
        capture_output=True,
        text=True,
        env=environment(home, code),
        cwd=home,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    if expected := promises(code):
        assert ran.stdout.splitlines() == expected
    return ran.stdout
