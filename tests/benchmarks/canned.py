"""A server in a process of its own that gives fixed answers, for dialects that the C upstream does not speak.

    with Canned(whole, events) as server:      ask server.url

A request whose path, or body, asks for a stream gets the events, with a pause between them or all in one write; any other the
whole answer.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType


class Canned:
    """The running server: CPU that it uses is not ours."""

    def __init__(self, whole: bytes, events: Sequence[bytes], *, gap_us: int = 0, kind: str = "text/event-stream") -> None:
        self._told = {"whole": whole.decode(), "events": [event.decode() for event in events], "gap": gap_us, "kind": kind}
        self.url = ""

    def __enter__(self) -> "Canned":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.canned"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._told) + "\n")
        self._process.stdin.flush()
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


async def _serve(told: dict[str, object]) -> None:
    body = str(told["whole"]).encode()
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    events = [text.encode() for text in told["events"]] if isinstance(told["events"], list) else []
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {told['kind']}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    gap = float(str(told["gap"])) / 1e6

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in asked.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
                text = await reader.readexactly(length)
                if b"stream" not in asked.split(b" ", 2)[1] and b'"stream":true' not in text:
                    writer.write(whole)
                    continue
                writer.write(head if gap else head + b"".join(pieces) + b"0\r\n\r\n")
                if gap:
                    for piece in pieces:
                        writer.write(piece)
                        await asyncio.sleep(gap)
                    writer.write(b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.stdin.readline())))
