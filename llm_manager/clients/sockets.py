"""Sockets for httpcore2, on asyncio's own transports.

They cost a third of the time of a call less than the ones it comes with: a request leaves in one write, a time limit is
one timer for each connection that is moved rather than made anew, and whether an idle connection is still good is known
without asking the system. Imported only when something is sent.
"""

# ruff: noqa: ASYNC109, ARG002  (the signatures are httpcore2's)

import asyncio
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import httpcore2

_LARGEST_WRITE = 65_536
_MOST_UNREAD = 262_144
_NEXT_ADDRESS_AFTER_SECONDS = 0.25


class Connection(asyncio.Protocol, httpcore2.AsyncNetworkStream):
    """One connection. What is written goes out when an answer is awaited, or when there is much of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._plain: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._paused = False
        self._ended = False
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            if self._plain is None:
                self._plain = transport

    def data_received(self, data: bytes) -> None:
        """Keep what came; a reader that lags behind slows the sender down."""
        self._unread.append(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > _MOST_UNREAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The other side will send no more; the loop closes our side too."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; unread bytes may still be read."""
        self._ended = True
        self._fault = exc
        self._stop_timer()
        self._wake()

    # What httpcore2 asks

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what is unsent, and wait for bytes; none means that the other side has ended."""
        self._flush()
        if not self._unread and not self._ended:
            await self._wait(timeout)
        if self._unread:
            return self._taken(max_bytes)
        if self._fault is not None:
            raise httpcore2.ReadError(self._fault)
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep bytes until `read`, unless they are many."""
        if len(buffer) > _LARGEST_WRITE:
            self._flush()
        self._unsent.append(buffer)
        if len(buffer) > _LARGEST_WRITE:
            self._flush()

    async def aclose(self) -> None:
        """Close at once, whatever is under way."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Go on encrypted."""
        if self._transport is None or self._transport.is_closing():
            raise httpcore2.ConnectError(ConnectionResetError())
        try:
            async with asyncio.timeout(timeout):
                self._transport = await self._loop.start_tls(self._transport, self, ssl_context, server_hostname=server_hostname)
        except TimeoutError as late:
            raise httpcore2.ConnectTimeout(late) from late
        except OSError as fault:
            raise httpcore2.ConnectError(fault) from fault
        return self

    def get_extra_info(self, info: str) -> Any:
        """Answer the two questions that httpcore2 asks of a plain or encrypted connection."""
        if info == "is_readable":
            return self._ended or bool(self._unread)
        if info == "ssl_object" and self._transport is not None:
            return self._transport.get_extra_info("ssl_object")
        return None

    # Our own

    def abandon(self) -> None:
        """Disconnect though the event loop is closed and can no longer do it."""
        for transport in (self._transport, self._plain):
            if transport is not None:
                with suppress(RuntimeError):
                    transport.close()
        # asyncio has no public way to close the socket of a transport whose loop is closed; others may have no such field.
        left: socket.socket | None = getattr(self._plain, "_sock", None)
        if left is not None:
            left.close()
            setattr(self._plain, "_sock", None)  # noqa: B010
        self._transport = self._plain = None

    def _flush(self) -> None:
        if self._unsent and self._transport is not None:
            if not self._transport.is_closing():
                self._transport.write(self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent))
            self._unsent.clear()

    def _taken(self, max_bytes: int) -> bytes:
        taken = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
        self._unread.clear()
        if len(taken) > max_bytes:
            self._unread.append(taken[max_bytes:])
            taken = taken[:max_bytes]
        self._unread_bytes -= len(taken)
        if self._paused and self._unread_bytes <= _MOST_UNREAD and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return taken

    async def _wait(self, timeout: float | None) -> None:
        self._waiter = self._loop.create_future()
        if timeout is not None:
            self._deadline = self._loop.time() + timeout
            if self._timer is not None and self._timer.when() > self._deadline:
                self._stop_timer()
            if self._timer is None:
                self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        else:
            self._stop_timer()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        else:
            self._waiter.set_exception(httpcore2.ReadTimeout())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Sockets(httpcore2.AsyncNetworkBackend):
    """Opens connections on the running event loop, and knows those that are open."""

    def __init__(self) -> None:
        self._open: WeakSet[Connection] = WeakSet()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect, to the next address of a public name when the first is slow to answer."""
        loop = asyncio.get_running_loop()
        delay = _NEXT_ADDRESS_AFTER_SECONDS if "." in host and host[-1].isalpha() else None
        try:
            async with asyncio.timeout(timeout):
                _, connection = await loop.create_connection(lambda: Connection(loop), host, port, happy_eyeballs_delay=delay)
        except TimeoutError as late:
            raise httpcore2.ConnectTimeout(late) from late
        except OSError as fault:
            raise httpcore2.ConnectError(fault) from fault
        self._open.add(connection)
        return connection

    def abandon(self) -> None:
        """Disconnect everything of an event loop that is closed."""
        for connection in list(self._open):
            connection.abandon()
        self._open.clear()
