"""Running the program: started without a shell in a group of its own, heard, and killed with all it started."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.clients.llama_cpp_cli import errors
from llm_manager.clients.llama_cpp_cli.codec import Files, Spoken
from llm_manager.clients.llama_cpp_cli.wsl import Manner, seen_by_program
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled

Process: TypeAlias = asyncio.subprocess.Process
_T = TypeVar("_T")

_CHUNK: Final = 64 * 1024
_KEPT: Final = 64 * 1024
_PASSED_ON: Final = frozenset(
    {
        *(
            "PATH",
            "HOME",
            "USER",
            "LANG",
            "TMPDIR",
            "TEMP",
            "TMP",
            "LD_LIBRARY_PATH",
            "DYLD_LIBRARY_PATH",
            "WSL_DISTRO_NAME",
            "WSL_INTEROP",
        ),
        *("SYSTEMROOT", "SYSTEMDRIVE", "USERPROFILE", "LOCALAPPDATA", "COMSPEC", "PATHEXT"),
    }
)
_FAMILIES: Final = ("LC_", "CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "ROCM_", "GGML_", "GPU_", "VK_", "ONEAPI_", "SYCL_", "ZE_", "OMP_")


class Running:
    """The processes of one client that have not ended, so that closing it can kill them."""

    __slots__ = ("_processes",)

    def __init__(self) -> None:
        self._processes: Cell[frozenset[Process]] = Cell(frozenset())

    def add(self, process: Process) -> None:
        """A process has begun."""
        self._processes.swap(lambda there: there | {process})

    def remove(self, process: Process) -> bool:
        """A process has ended; False when it was killed by `kill_all` before."""
        return self._processes.decide(lambda there: (there - {process}, process in there))

    def kill_all(self) -> None:
        """Kill every one of them."""
        for process in self._processes.decide(lambda there: (frozenset(), there)):
            kill(process)


class Complaints:
    """The last words of a program on standard error, read while it runs so that it never waits for a reader."""

    __slots__ = ("_reading", "_words")

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._words = b""
        self._reading = asyncio.get_running_loop().create_task(self._read(stream))

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(_CHUNK):
            self._words = (self._words + chunk)[-_KEPT:]

    async def all(self) -> str:
        """The words, once there can be no more."""
        await self._reading
        return self._words.decode("utf-8", "replace")

    def leave(self) -> None:
        """Stop reading."""
        self._reading.cancel()


async def start(words: Sequence[str], environ: Mapping[str, str], running: Running) -> tuple[Process, Complaints]:
    """Start a program; who starts it ends it with `finish`. Raises `OSError` when it cannot be started."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=passed_on(environ),
            start_new_session=True,
        )
    )
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # asyncio would kill the program alone, and wait for ever for pipes that its children hold
        await _never_mind(starting)
        raise
    running.add(process)
    return process, Complaints(_pipe(process.stderr))


async def _never_mind(starting: asyncio.Future[Process]) -> None:
    """Kill what is being started as soon as it has, with all that it started itself; who is cancelled twice waits too."""
    while not starting.done():
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await asyncio.shield(starting)
    with contextlib.suppress(OSError):
        process = starting.result()
        kill(process)
        await process.wait()


async def read(process: Process, patience_seconds: float | None) -> bytes | None:
    """More of the program's output, nothing at its end, None when it does not come in time."""
    return await _within(patience_seconds, _pipe(process.stdout).read(_CHUNK))


async def last_words(process: Process, complaints: Complaints, patience_seconds: float | None) -> tuple[int, str] | None:
    """Exit code and complaints of a program whose output has ended, None when they do not come in time.

    It may have closed its output and still run, or have left a child that holds standard error.
    """

    async def both() -> tuple[int, str]:
        return await process.wait(), await complaints.all()

    return await _within(patience_seconds, both())


async def _within(patience_seconds: float | None, waiting: Coroutine[Any, Any, _T]) -> _T | None:
    """What is waited for, or None when it does not come in time."""
    scope = asyncio.timeout(patience_seconds)
    try:
        async with scope:
            return await waiting
    except TimeoutError:
        if not scope.expired():
            raise
        return None


async def finish(process: Process, complaints: Complaints, running: Running) -> None:
    """Kill the program if it still runs, and wait until it is gone."""
    running.remove(process)
    kill(process)
    complaints.leave()
    await process.wait()


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:  # never: both were asked for
        raise RuntimeError("the program has no pipe")
    return stream


def kill(process: Process) -> None:
    """Kill a process and all that it started; one that has ended is left alone."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """What the program is told of our environment: where things are, nothing that holds a key or changes an answer."""
    return {name: value for name, value in environ.items() if name.upper() in _PASSED_ON or name.upper().startswith(_FAMILIES)}


@frozen(kw_only=True)
class PutDown:
    """The folder that holds the texts of a request, and what the program calls them."""

    folder: Path
    files: Files


def put_down(said: Spoken, model: Path, how: Manner, who: Who) -> Settled[PutDown, LLMError]:
    """Write the texts of a request where nobody else can read them; who asked removes them with `taken_up`."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="llm-manager-"))
    except OSError as error:
        return Failure(errors.not_written(error, who))

    def put(name: str, text: bytes) -> str:
        file = folder / name
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            written.write(text)
        return seen_by_program(str(file), how)

    schema = bytes(said.answer_schema)
    try:
        files = Files(
            model=seen_by_program(str(model), how),
            # the program takes away one newline at the end
            prompt=put("prompt", said.prompt.encode() + b"\n"),
            system=put("system", said.system.encode() + b"\n") if said.system else None,
            answer_schema=put("schema", schema) if schema != b"null" else None,
        )
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return Failure(errors.not_written(error, who))
    return Success(PutDown(folder=folder, files=files))


def taken_up(put: PutDown) -> None:
    """Remove what `put_down` wrote."""
    shutil.rmtree(put.folder, ignore_errors=True)
