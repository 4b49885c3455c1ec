"""The public API means the same to both type checkers that embedders use."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = ["tests/typing/api.py", "tests/typing/own_parts.py"]


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A tool of this environment, at the root of the project."""
    return subprocess.run([Path(sys.executable).parent / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_mypy_with_the_plugin_agrees() -> None:
    """As this project is checked itself."""
    ran = run("mypy", *FILES)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_mypy_without_the_plugin_agrees(tmp_path: Path) -> None:
    """As a project is checked that has the library installed and has never heard of the plugin."""
    bare = tmp_path / "mypy.ini"
    bare.write_text("[mypy]\nstrict = True\n[mypy-xllamacpp.*]\nignore_missing_imports = True\n")
    ran = run("mypy", "--config-file", str(bare), "--follow-imports", "silent", "--cache-dir", str(tmp_path / "cache"), *FILES)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_basedpyright_agrees() -> None:
    """It has no plugins at all."""
    ran = run("basedpyright", "--pythonpath", sys.executable, *FILES)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_wrong_use_is_found(tmp_path: Path) -> None:
    """The checkers do look: a forgotten member and a misread answer are errors."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from typing import assert_never\n"
        "from llm_manager import Failure, LLMRequest, LLMManager, LLMResponse, Success, settle\n"
        "async def ask(manager: LLMManager) -> int:\n"
        "    outcome = await settle(manager.generate(LLMRequest('x')))\n"
        "    match outcome:\n"
        "        case Success(answer):\n"
        "            return answer.content\n"
        "        case _:\n"
        "            assert_never(outcome)\n"
    )
    ran = run("mypy", str(wrong))
    assert ran.stdout.count("error:") == 2, ran.stdout + ran.stderr
