"""What the embedded client does to a process: nothing before first use, a clear word when a part is missing, a clean end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_manager.distribution import install_hint

CLIENT = """
import asyncio, sys, threading
from llm_manager.clients.embedded.transport import build
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts

def no_transport(_):
    raise AssertionError

settings = EmbeddedSettings(model_path=sys.argv[1])
client = build(ProviderSettings(), ClientParts(world=real_world(), embedded=settings, make_transport=no_transport)).unwrap()
request = LLMRequest("Say yes.", preferences=Preferences(max_tokens=3))
"""

ASK = """
from returns.result import Failure, Success

match asyncio.run(settle(client.generate(request))):
    case Success(response):
        print("Success", response.finish)
    case Failure(error):
        print("Failure", error.message)
health = asyncio.run(settle(client.health())).unwrap()
print(health.healthy, health.error_message)
"""

NOTHING = """
opened = []
sys.addaudithook(lambda name, _: opened.append(name) if name.startswith("socket.") else None)
client.profile("smollm2-135m"), client.encode(request, client.profiles[0])
heavy = [name for name in ("xllamacpp", "httpx2", "anthropic", "pydantic", "sqlalchemy", "rich", "platformdirs") if name in sys.modules]
print(heavy, opened, threading.active_count())
"""

UNINSTALLED = "import sys; sys.modules['xllamacpp'] = None\n"


def run(program: str, weights: Path | str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of its own; ``path`` is looked in for modules before all others."""
    environ = {**os.environ} if path is None else {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(weights)], capture_output=True, text=True, timeout=60, env=environ, check=False
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that passes for a model until it is loaded."""
    path = tmp_path / "smollm2-135m.gguf"
    path.write_bytes(b"GGUF")
    return path


def test_building_imports_no_engine_and_opens_nothing(file: Path) -> None:
    done = run(CLIENT + NOTHING, file)
    assert done.stdout.strip() == "[] [] 1", done.stderr


def test_a_missing_wheel_is_answered_with_what_to_install(file: Path) -> None:
    done = run(UNINSTALLED + CLIENT + ASK, file)
    answer, health = done.stdout.splitlines()
    assert answer.startswith("Failure")
    assert install_hint("embedded") in answer
    assert health.startswith("False")
    assert install_hint("embedded") in health
    assert not done.stderr


def test_a_missing_openmp_library_is_answered_with_the_systems_package(file: Path, tmp_path: Path) -> None:
    """The loader's own words, as they come on a slim image."""
    (tmp_path / "xllamacpp.py").write_text('raise ImportError("libgomp.so.1: cannot open shared object file: No such file or directory")')
    done = run(CLIENT + ASK, file, tmp_path)
    assert done.stdout.startswith("Failure")
    assert "OpenMP" in done.stdout
    if sys.platform == "linux":
        assert "apt-get install libgomp1" in done.stdout


@pytest.mark.embedded
def test_a_process_that_never_closes_ends_cleanly_and_says_nothing(weights: Path) -> None:
    done = run(CLIENT + ASK, weights)
    assert (done.returncode, done.stderr) == (0, "")
    answer, health = done.stdout.splitlines()
    assert answer in ("Success stop", "Success length")
    assert health == "True None"


@pytest.mark.embedded
def test_a_process_that_ends_in_mid_answer_ends_cleanly(weights: Path) -> None:
    leaving = """
async def main():
    long = LLMRequest("Tell me a long story.", preferences=Preferences(max_tokens=2000))
    stream = client.stream(long)
    print(type(await anext(stream)).__name__)
    asyncio.ensure_future(settle(client.generate(long)))
    await asyncio.sleep(0.05)

asyncio.run(main())
"""
    done = run(CLIENT + leaving, weights)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "Success")


@pytest.mark.embedded
def test_an_engine_freed_as_soon_as_it_is_loaded_is_freed(weights: Path) -> None:
    """The engine's destructor would wait for ever for a loop that has not begun."""
    at_once = """
from pathlib import Path
from llm_manager.clients.embedded.engine import load_engine
from llm_manager.clients.embedded.profile import EngineParameters

for _ in range(5):
    load_engine(EngineParameters(path=Path(sys.argv[1]), context_length=256, parallel=1, threads=1)).unwrap()
print("freed")
"""
    done = run(CLIENT + at_once, weights)
    assert (done.stdout.strip(), done.stderr) == ("freed", "")
