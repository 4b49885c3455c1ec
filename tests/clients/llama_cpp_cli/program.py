"""A program in llama.cpp's place: it tells how it was started and says what a test wants."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Transport

ENDED = " [end of text]\n\n\n"
COUNTED = (
    "common_perf_print: prompt eval time =     105.66 ms /    27 tokens (    3.91 ms per token,   255.54 tokens per second)\n"
    "common_perf_print:        eval time =      41.00 ms /     7 runs   (    5.86 ms per token,   170.75 tokens per second)\n"
)
_SOURCE = r"""
import json, os, signal, stat, sys
here = os.path.dirname(os.path.abspath(__file__))
told = {"argv": sys.argv[1:], "pid": os.getpid(), "environ": dict(os.environ), "stdin": sys.stdin.read(), "files": {}, "modes": {}}
for flag, name in zip(sys.argv, sys.argv[1:]):
    if flag in ("-f", "-sysf", "--json-schema-file"):
        told["files"][flag] = open(name, newline="").read()
        told["modes"][flag] = [stat.S_IMODE(os.stat(path).st_mode) for path in (name, os.path.dirname(name))]
steps = json.load(open(os.path.join(here, "steps.json")))
if any("child" in step for step in steps):
    child = os.fork()
    if not child:
        while True:
            signal.pause()
    told["child"] = child
with open(os.path.join(here, f"told-{os.getpid()}.json"), "w") as file:
    json.dump(told, file)
os.rename(file.name, os.path.join(here, f"{os.getpid()}.told"))
for step in steps:
    if "out" in step:
        os.write(1, step["out"].encode())
    if "bytes" in step:
        os.write(1, bytes(step["bytes"]))
    if "err" in step:
        os.write(2, step["err"].encode())
    if "close" in step:
        os.close(step["close"])
    if "hang" in step:
        while True:
            signal.pause()
    if "flood" in step:
        while True:
            os.write(1, b"x" * 65536)
    if "signal" in step:
        os.kill(os.getpid(), step["signal"])
    if "exit" in step:
        os._exit(step["exit"])
"""


class Program:
    """The program, its folder of models with one model in it, and what it was told."""

    def __init__(self, folder: Path, *steps: dict[str, Any], name: str = "llama-completion") -> None:
        self.folder = folder
        self.path = folder / name
        self.path.write_text(f"#!{sys.executable} -IS\n{_SOURCE}", encoding="utf-8")
        self.path.chmod(0o700)
        self.models = folder / "models"
        self.models.mkdir()
        (self.models / "small.gguf").write_bytes(b"GGUF")
        self.says(*steps)

    def says(self, *steps: dict[str, Any]) -> None:
        """What it does from now on."""
        (self.folder / "steps.json").write_text(json.dumps(steps), encoding="utf-8")

    def told(self) -> list[dict[str, Any]]:
        """How it was started, each time."""
        return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(self.folder.glob("*.told"))]

    def settings(self, **more: Any) -> ProviderSettings:
        """Settings that lead to it."""
        return ProviderSettings(**{"llama_cpp_path": str(self.path), "models_dir": str(self.models), "default_model": "small", **more})

    def client(self, environ: dict[str, str] | None = None, **more: Any) -> ModelClient:
        """A client of it."""
        parts = ClientParts(world=real_world(environ), make_transport=no_transport)
        return build_client("llama-cli", self.settings(**more), parts).unwrap()


def no_transport(_: str | None) -> Transport:
    """There is no network in this."""
    raise AssertionError("the program needs no transport")


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be buried does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
