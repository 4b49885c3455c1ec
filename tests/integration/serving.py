"""Running the embedded engine as a server on loopback."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from llm_manager.services.transport import Transport

MODEL = "smollm2-135m"
KEY = "sk-loopback-0123456789"
_SERVER = Path(__file__).parent / "engine_server.py"


def no_transport(_: str | None) -> Transport:
    """What the embedded client, which needs none, is given for a transport."""
    raise AssertionError("the embedded model needs no transport")


@frozen(kw_only=True)
class EngineServer:
    """A running server: where it is, and the key it asks for, if any."""

    base_url: str
    key: str | None = None


@contextmanager
def serving(weights: Path, key: str = "", *, embeds: bool = False) -> Iterator[EngineServer]:
    """Run the engine as a server in a process of its own, on a free port, to chat with or for embeddings."""
    with subprocess.Popen(
        [sys.executable, str(_SERVER), str(weights), key, *(("embeds",) if embeds else ())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), f"the server did not start: {address!r}"
            yield EngineServer(base_url=f"{address}/v1", key=key or None)
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
