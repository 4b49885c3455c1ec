"""A server on loopback that misbehaves by script, for tests of whatever speaks HTTP.

    with fault_server(json_reply({"ok": True}), Reset(), Hang()) as server:
        ...                             # ask server.url; the first request gets the first answer, and so on,
        server.requests[0].body         # and the last answer is given again for all that follow

It runs in a thread of its own, so synchronous tests and subprocesses can use it too. A script may also be one function
from `Received` to an answer. Answers:

    Respond(status, headers, body)      a whole answer; json_reply, html_page, redirect, rate_limited, gzipped make some
    Chunked(pieces, gap_seconds, ...)   a chunked body; sse makes one; ``cut`` ends it without its end
    Cut(body, promised)                 fewer bytes than Content-Length promised, then the connection is closed
    Endless(piece)                      a chunked body that never ends
    Reset(when)                         the connection is reset: before the request is read, after it, or amid the body
    Hang(when)                          nothing more, until the client or the server goes: not even read, or after the request,
                                        amid the head of the answer, amid its body
    Raw(text)                           bytes as they stand, then the connection is closed
    Later(answer, when)                 the answer once somebody sets the event

`throttled` makes a script that answers so many a second and refuses the rest, as a token bucket does.

`refused_url` is an address where nobody listens. ``tls`` of `fault_server` names a PEM file with a key and a certificate.
"""

import asyncio
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

Headers: TypeAlias = Sequence[tuple[str, str]]


@frozen(kw_only=True)
class Received:
    """A request as it came: header names in lower case, ``number`` counts from 0."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@frozen
class Respond:
    """A whole answer."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""


@frozen
class Chunked:
    """A chunked body, piece by piece."""

    pieces: Sequence[bytes]
    gap_seconds: float = 0.0
    status: int = 200
    headers: Headers = (("Content-Type", "text/event-stream"),)
    cut: bool = False


@frozen
class Cut:
    """A body shorter than promised."""

    body: bytes = b'{"choices": ['
    promised: int = 1000
    headers: Headers = (("Content-Type", "application/json"),)


@frozen
class Endless:
    """A body without end."""

    piece: bytes = b"x" * 65_536
    headers: Headers = (("Content-Type", "text/event-stream"),)


@frozen
class Reset:
    """A connection reset."""

    when: Literal["before_reading", "after_reading", "amid_body"] = "after_reading"


@frozen
class Hang:
    """No answer at all, or one that stops."""

    when: Literal["before_reading", "after_reading", "amid_head", "amid_body"] = "after_reading"


@frozen
class Raw:
    """Bytes that may be no HTTP."""

    text: bytes


@frozen
class Later:
    """A whole answer that waits for an event of the test."""

    answer: Respond
    when: threading.Event


Answer: TypeAlias = Respond | Chunked | Cut | Endless | Reset | Hang | Raw | Later
Script: TypeAlias = Callable[[Received], Answer]


def json_reply(value: object, status: int = 200, headers: Headers = ()) -> Respond:
    """A JSON answer."""
    return Respond(status, (("Content-Type", "application/json"), *headers), json.dumps(value).encode())


def html_page(status: int = 200) -> Respond:
    """What a proxy or a captive portal says."""
    return Respond(status, (("Content-Type", "text/html"),), b"<!doctype html><html><body><h1>Sign in</h1></body></html>")


def redirect(location: str, status: int = 302) -> Respond:
    """An answer that sends the client elsewhere."""
    return Respond(status, (("Location", location),))


def rate_limited(*headers: tuple[str, str], body: object = None) -> Respond:
    """A 429 with whichever form of Retry-After: ``("Retry-After", "2")``, a date, ``("retry-after-ms", "1500")``, ..."""
    told = {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}} if body is None else body
    return json_reply(told, 429, headers)


def throttled(script: Answer | Script, *, rate: float, burst: float, refusal: Answer | None = None) -> Script:
    """Answer as the script says up to ``burst`` at once and ``rate`` a second, and refuse the rest with a 429."""
    room, last = burst, time.monotonic()
    refused = rate_limited() if refusal is None else refusal

    def answer(received: Received) -> Answer:
        nonlocal room, last
        now = time.monotonic()
        room, last = min(burst, room + (now - last) * rate), now
        if room < 1.0:
            return refused
        room -= 1.0
        return script(received) if callable(script) else script

    return answer


def gzipped(body: bytes, encoding: str = "gzip") -> Respond:
    """A body compressed though nobody asked; ``b"0" * 200_000_000`` is a bomb."""
    return Respond(200, (("Content-Type", "application/json"), ("Content-Encoding", encoding)), gzip.compress(body))


def sse(*events: object, done: bool = True, gap_seconds: float = 0.0, cut: bool = False) -> Chunked:
    """Server-sent events, one a chunk: texts and bytes as they are, other values as JSON."""
    texts = [event if isinstance(event, bytes) else (event if isinstance(event, str) else json.dumps(event)).encode() for event in events]
    return Chunked([b"data: " + text + b"\n\n" for text in [*texts, *([b"[DONE]"] if done else [])]], gap_seconds, cut=cut)


@define
class FaultServer:
    """A running server: where it is and what it received.

    ``connections`` came, ``left`` have ended, ``hung_up`` were ended by their client while it was being answered;
    ``under_way`` are being answered now, ``most_at_once`` were at one moment.
    """

    url: str
    requests: list[Received] = field(factory=list)
    connections: int = 0
    left: int = 0
    hung_up: int = 0
    under_way: int = 0
    most_at_once: int = 0
    _changed: threading.Condition = field(factory=threading.Condition)

    def wait_until(self, holds: Callable[["FaultServer"], bool], seconds: float = 5.0) -> bool:
        """Wait until something holds of this server; False when it does not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: holds(self), seconds)

    async def until(self, holds: Callable[["FaultServer"], bool], seconds: float = 5.0) -> bool:
        """`wait_until` for those who must not hold their own event loop meanwhile."""
        return await asyncio.to_thread(self.wait_until, holds, seconds)

    def note(self, change: Callable[["FaultServer"], None]) -> None:
        """Change what is known, and wake those who wait for it."""
        with self._changed:
            change(self)
            self._changed.notify_all()


@contextmanager
def fault_server(*script: Answer | Script, host: str = "127.0.0.1", port: int = 0, tls: Path | None = None) -> Iterator[FaultServer]:
    """Run a server that answers by script, at any free port unless one is given, and stop it at the end."""
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
    listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=4096)
    port = listening.getsockname()[1]
    name = f"[{host}]" if ":" in host else host
    server = FaultServer(f"{'http' if tls is None else 'https'}://{name}:{port}")
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(_serve(server, script, listening, context, stop))

    thread = threading.Thread(target=run, name="fault-server", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


@contextmanager
def refused_url(host: str = "127.0.0.1") -> Iterator[str]:
    """An address that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind((host, 0))
        yield f"http://{host}:{taken.getsockname()[1]}"


class _Reader(asyncio.StreamReader):
    """What a client sends; whoever answers it is cancelled when it goes."""

    answering: asyncio.Task[None] | None = None

    def feed_eof(self) -> None:
        super().feed_eof()
        self._left()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._left()

    def _left(self) -> None:
        if self.answering is not None:
            self.answering.cancel()


async def _serve(
    server: FaultServer,
    script: Sequence[Answer | Script],
    listening: socket.socket,
    context: ssl.SSLContext | None,
    stop: asyncio.Event,
) -> None:
    """Accept until told to stop; done by hand, since asyncio's own server loses a connection that comes as it closes."""
    loop = asyncio.get_running_loop()
    at_work: set[asyncio.Task[None]] = set()

    def accept() -> None:
        with suppress(BlockingIOError, ConnectionError):
            while True:
                connection, _ = listening.accept()
                connection.setblocking(False)
                task = asyncio.ensure_future(serve_one(connection))
                at_work.add(task)
                task.add_done_callback(at_work.discard)

    async def serve_one(connection: socket.socket) -> None:
        server.note(_count_connection)
        reader = _Reader(limit=2**20)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        except OSError:
            server.note(_count_end)
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await _answer_one(server, script, reader, writer):
                    pass
        finally:
            server.note(_count_end)
            transport.abort()

    listening.setblocking(False)
    loop.add_reader(listening, accept)
    await stop.wait()
    loop.remove_reader(listening)
    listening.close()
    await asyncio.sleep(0)
    for task in list(at_work):
        task.cancel()
    await asyncio.gather(*at_work, return_exceptions=True)
    await asyncio.sleep(0.005)


async def _answer_one(server: FaultServer, script: Sequence[Answer | Script], reader: _Reader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; False when the connection is at its end."""
    planned = script[min(len(server.requests), len(script) - 1)]
    if isinstance(planned, Reset) and planned.when == "before_reading":
        _reset(writer)
        return False
    if isinstance(planned, Hang) and planned.when == "before_reading":
        with _watching(server, reader):
            return await _play(planned, writer)
    received = await _received(len(server.requests), reader)
    if received is None:
        return False
    server.note(lambda known: known.requests.append(received))
    answer = planned(received) if callable(planned) else planned
    with _watching(server, reader):
        return await _play(answer, writer)


async def _play(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    match answer:
        case Respond(status, headers, body):
            writer.write(_head(status, (*headers, ("Content-Length", str(len(body))))) + body)
            await writer.drain()
            return True
        case Chunked(pieces, gap_seconds, status, headers, cut):
            writer.write(_head(status, (*headers, ("Transfer-Encoding", "chunked"))))
            for piece in pieces:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                await asyncio.sleep(gap_seconds)
            if not cut:
                writer.write(b"0\r\n\r\n")
                await writer.drain()
            else:
                writer.close()
            return not cut
        case Cut(body, promised, headers):
            writer.write(_head(200, (*headers, ("Content-Length", str(promised)))) + body)
            await writer.drain()
            writer.close()
            return False
        case Endless(piece, headers):
            writer.write(_head(200, (*headers, ("Transfer-Encoding", "chunked"))))
            while True:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
        case Reset(when):
            if when == "amid_body":
                writer.write(_head(200, (("Content-Length", "1000"),)) + b"{")
                await writer.drain()
                await asyncio.sleep(0.05)
            _reset(writer)
            return False
        case Hang(when):
            head = _head(200, (("Content-Length", "1000"),))
            writer.write({"amid_head": head[: len(head) // 2], "amid_body": head + b"{"}.get(when, b""))
            await asyncio.Event().wait()
            return False
        case Raw(text):
            writer.write(text)
            await writer.drain()
            writer.close()
            return False
        case Later(later, when):
            while not when.is_set():  # noqa: ASYNC110 - it is set in another thread
                await asyncio.sleep(0.01)
            return await _play(later, writer)


async def _received(number: int, reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(number=number, method=method, path=path, headers=headers, body=body)


@contextmanager
def _watching(server: FaultServer, reader: _Reader) -> Iterator[None]:
    """Note when the client goes while it is being answered."""
    reader.answering = asyncio.current_task()
    if reader.at_eof() or reader.exception() is not None:
        reader._left()
    server.note(_count_begin)
    try:
        yield
    except (ConnectionError, asyncio.CancelledError):
        server.note(_count_hang_up)
        raise
    finally:
        reader.answering = None
        server.note(_count_done)


def _count_connection(server: FaultServer) -> None:
    server.connections += 1


def _count_end(server: FaultServer) -> None:
    server.left += 1


def _count_hang_up(server: FaultServer) -> None:
    server.hung_up += 1


def _count_begin(server: FaultServer) -> None:
    server.under_way += 1
    server.most_at_once = max(server.most_at_once, server.under_way)


def _count_done(server: FaultServer) -> None:
    server.under_way -= 1


def _head(status: int, headers: Headers) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _reset(writer: asyncio.StreamWriter) -> None:
    known = writer.get_extra_info("socket")
    known.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
