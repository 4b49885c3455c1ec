"""A very fast fake upstream for benchmarks: builds upstream.c (once, with the C compiler, into the temporary folder) and runs it.

    python -m tests.benchmarks.upstream [--port 18080] [--core 1]

It speaks chat completions (JSON and SSE) on 127.0.0.1 only. What it does is chosen by a path prefix, so that any client
can ask for it through its base URL:

    http://127.0.0.1:18080/x/<tokens>/v1        tokens are letter + number, joined by '.', such as l50.s400

    l<ms>  u<us>    latency before the answer           s<bytes>   size of the answer's text
    n<chunks>       chunks in a stream                  g<us>      gap between chunks (0: all in one write)
    e<permille>     500                                 r<permille> 429      x<permille> reset      h<permille> never answer
    b1              obey the token bucket               a<s> m<ms>  Retry-After in seconds, retry-after-ms
    z<0-15>         lane: counters are kept per lane    k0          leave out the usual 18 header lines

A body that holds '#ROW' and 8 digits gets those digits back in its answer.
GET /admin/stats and /admin/reset?rate=100&burst=100 give counters as JSON.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import urlopen

SOURCE = Path(__file__).with_name("upstream.c")
PROGRAM = Path(tempfile.gettempdir()) / f"llm_manager_upstream_{os.getuid()}"


def build() -> Path:
    """Compile the program unless it is newer than its source."""
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        made = PROGRAM.with_suffix(".new")
        subprocess.run([shutil.which("cc") or "gcc", "-O2", "-o", str(made), str(SOURCE)], check=True)
        made.replace(PROGRAM)
    return PROGRAM


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


class Upstream:
    """The running program, on a free port unless one is given.

    It is pinned to ``core`` where the system can, so that it does not disturb what is measured.
    """

    def __init__(self, port: int | None = None, core: int | None = 1) -> None:
        self.port = _free_port() if port is None else port
        pin = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") and (os.cpu_count() or 1) > core else []
        self._process = subprocess.Popen([*pin, str(build()), str(self.port)], stdout=subprocess.PIPE)
        ready = self._process.stdout.readline() if self._process.stdout else b""
        if ready != b"ready\n":
            raise RuntimeError("the upstream did not start: is the port taken?")

    def url(self, tokens: str) -> str:
        """The base URL that asks for a behaviour."""
        return f"http://127.0.0.1:{self.port}/x/{tokens}/v1"

    def counters(self, path: str = "stats") -> Any:
        """What it has counted so far."""
        with urlopen(f"http://127.0.0.1:{self.port}/admin/{path}", timeout=5) as answer:
            return json.load(answer)

    def __enter__(self) -> "Upstream":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


if __name__ == "__main__":
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--port", type=int, default=18080)
    wanted.add_argument("--core", type=int, default=1)
    asked = wanted.parse_args()
    with Upstream(asked.port, asked.core) as upstream:
        print("listening on", upstream.port, flush=True)
        try:
            while True:
                input()
        except (KeyboardInterrupt, EOFError):
            pass
