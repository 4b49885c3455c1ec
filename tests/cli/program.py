"""The program in a process of its own, and the words of a server for it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from llm_manager.cli import main
from llm_manager.cli.keeping import keeping
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.runs import RunRecord
from llm_manager.real_world import real_world
from llm_manager.stores.runs.keeping import kept_runs
from llm_manager.stores.runs.locks import run_locks
from llm_manager.stores.sql.connecting import open_database
from tests.loopback import Chunked, sse

KEY = "sk-canary-0123456789abcdef"
"""A key that must never show."""

ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "model": "tiny",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello \x1b[31mred\x1b[0m."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}

_KEPT = ("PATH", "SYSTEMROOT", "LANG")


def spoken(*pieces: str, gap_seconds: float = 0.0, whole: bool = True) -> Chunked:
    """A chat stream of these pieces; cut before its end unless it is whole."""
    told: list[dict[str, Any]] = [{"index": 0, "delta": {"content": piece}, "finish_reason": None} for piece in pieces]
    if whole:
        told.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events = [{"id": "c", "object": "chat.completion.chunk", "model": "tiny", "choices": [choice]} for choice in told]
    return sse(*events, done=whole, gap_seconds=gap_seconds, cut=not whole)


def command(*words: str) -> list[str]:
    """The command line with these words."""
    return [sys.executable, "-m", "llm_manager", *words]


def surroundings(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment where nothing is configured."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("COVERAGE_")}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "COLUMNS": "80", **(more or {})}


def settings_for(url: str, home: Path) -> Path:
    """A settings file with one local server and no other model."""
    config = home / "mine.toml"
    config.write_text(
        f'[routing]\nmax_retries = 0\n[providers.lmstudio]\nbase_url = "{url}"\ndefault_model = "tiny"\napi_key = "{KEY}"\n'
        "[providers.embedded]\nenabled = false\n"
    )
    config.chmod(0o600)
    return config


def run(*words: str, home: Path, stdin: str = "", environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run it to its end in this process, which is many times as quick, between what it takes for pipes.

    Neither a traceback nor the key may show.
    """
    streams = {"stdin": TextIOWrapper(BytesIO(stdin.encode())), "stdout": TextIOWrapper(BytesIO()), "stderr": TextIOWrapper(BytesIO())}
    with pytest.MonkeyPatch.context() as here:
        here.chdir(home)
        for name in set(os.environ) - set(surroundings(home)):
            here.delenv(name)
        for name, value in surroundings(home, environ).items():
            here.setenv(name, value)
        for name, stream in streams.items():
            here.setattr(sys, name, stream)
        code = main(words)
    out, err = (_written(streams[name]) for name in ("stdout", "stderr"))
    return _sound(subprocess.CompletedProcess(list(words), code, out, err))


def _written(stream: TextIOWrapper) -> str:
    stream.flush()
    written = stream.buffer
    assert isinstance(written, BytesIO)
    return written.getvalue().decode()


def run_apart(*words: str, home: Path, stdin: str = "", environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run it to its end in a process of its own, between pipes; neither a traceback nor the key may show."""
    told = subprocess.run(
        command(*words), capture_output=True, text=True, input=stdin, env=surroundings(home, environ), cwd=home, timeout=60, check=False
    )
    return _sound(told)


def _sound(told: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert "Traceback" not in told.stderr, told.stderr
    assert KEY not in told.stdout + told.stderr
    return told


def told_until(begun: "subprocess.Popen[str]", words: str) -> str:
    """What a program that runs tells on standard error, up to the line with these words."""
    assert begun.stderr is not None
    told = ""
    while words not in told:
        line = begun.stderr.readline()
        assert line, f"it ended without {words!r}: {told}"
        told += line
    return told


def kept_run(home: Path, out: Path) -> RunRecord | None:
    """The run that the command line keeps of an output."""
    place = keeping(LLMConfig(), {"HOME": str(home)}).store.url
    if place is None or not Path(place).exists():
        return None
    database = open_database(place).unwrap()
    try:
        return kept_runs(database, run_locks(place, database), real_world()).find(str(out)).unwrap()
    finally:
        database.close_now()


def error_line(told: subprocess.CompletedProcess[str]) -> str:
    """The one line of the error."""
    lines = [line for line in told.stderr.splitlines() if not line.startswith(("warning: ", "note: "))]
    assert len(lines) == 1, told.stderr
    assert lines[0].startswith("error: ")
    return lines[0]
