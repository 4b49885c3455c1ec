"""The connection pools of one event loop: ceil(in flight / 32) for each kind, since a pool's cost grows with its connections.

Imported only when something is sent.
"""

import logging
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, NamedTuple, TypeAlias

import httpcore2
import httpx2
from attrs import define, field, frozen

from llm_manager.clients.sockets import Sockets
from llm_manager.policies.addresses import Location
from llm_manager.policies.proxying import Proxy
from llm_manager.services.transport import Envelope

IN_FLIGHT_PER_POOL = 32
_LOCAL_IDLE_SECONDS = 4.0
_CLOUD_IDLE_SECONDS = 30.0

Timeouts: TypeAlias = dict[str, float | None]
Exchange: TypeAlias = Callable[["Route", Envelope, Timeouts], Coroutine[Any, Any, httpcore2.Response]]


class Kind(NamedTuple):
    """What connections of one pool have in common."""

    tls: bool
    local: bool
    proxied: bool


@frozen(kw_only=True)
class Route:
    """A URL made ready once: where it leads, and the fields that every request to it carries."""

    kind: Kind
    url: httpcore2.URL
    fields: tuple[tuple[bytes, bytes], ...]


@define(kw_only=True)
class Pool:
    """One pool, and how many calls are under way in it."""

    exchange: Exchange
    close: Callable[[], Coroutine[Any, Any, None]]
    in_flight: int = 0


@define(kw_only=True)
class Pools:
    """The pools of one event loop, by kind; ``routes`` remembers the URLs met so far."""

    faults: ClassVar[tuple[type[Exception], ...]] = (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.ProxyError,
        httpcore2.UnsupportedProtocol,
        httpx2.TransportError,
    )
    """What is raised when the way is broken; whatever else is raised is a bug."""

    tls: Callable[[], ssl.SSLContext]
    proxy: Proxy | None = None
    make: Callable[[], httpx2.AsyncBaseTransport] | None = None
    routes: dict[tuple[str, bool], Route] = field(factory=dict)
    _sockets: Sockets = field(factory=Sockets)
    _kinds: dict[Kind, list[Pool]] = field(factory=dict)

    def route(self, place: Location, target: str, *, local: bool, proxied: bool) -> Route:
        """Make a URL ready; the transport's own fields are written here and nowhere else."""
        kind = Kind(tls=place.scheme == "https", local=local, proxied=proxied)
        url = httpcore2.URL(scheme=place.scheme, host=place.host, port=place.port, target=target)
        host = place.origin.partition("://")[2].encode()
        return Route(kind=kind, url=url, fields=((b"Host", host), (b"Accept-Encoding", b"identity")))

    def enter(self, kind: Kind) -> Pool:
        """Count a call in the lowest-numbered pool with room; whoever enters takes one from ``in_flight`` at the end."""
        pools = self._kinds.setdefault(kind, [])
        for pool in pools:
            if pool.in_flight < IN_FLIGHT_PER_POOL:
                break
        else:
            pool = self._made(kind)
            pools.append(pool)
        pool.in_flight += 1
        return pool

    async def close(self) -> None:
        """Close every connection of this loop."""
        pools = [pool for kind in self._kinds.values() for pool in kind]
        self._kinds.clear()
        for pool in pools:
            await pool.close()

    def abandon(self) -> None:
        """Disconnect everything, when the event loop is closed already."""
        self._kinds.clear()
        self._sockets.abandon()

    def _made(self, kind: Kind) -> Pool:
        if self.make is not None:
            return _adapted(self.make())
        logging.getLogger("httpcore2.http11").addFilter(_without_headers)
        settings: dict[str, Any] = {
            "ssl_context": self.tls() if kind.tls else None,
            "max_connections": None,
            "max_keepalive_connections": IN_FLIGHT_PER_POOL,
            "keepalive_expiry": _LOCAL_IDLE_SECONDS if kind.local else _CLOUD_IDLE_SECONDS,
            "network_backend": self._sockets,
        }
        if kind.proxied and self.proxy is not None:
            place = self.proxy.location
            password = "" if self.proxy.password is None else self.proxy.password.reveal()
            return _pool(
                httpcore2.AsyncHTTPProxy(
                    httpcore2.URL(scheme=place.scheme, host=place.host, port=place.port, target=b"/"),
                    proxy_auth=None if self.proxy.user is None else (self.proxy.user.encode(), password.encode()),
                    proxy_ssl_context=self.tls() if place.scheme == "https" else None,
                    **settings,
                )
            )
        return _pool(httpcore2.AsyncConnectionPool(**settings))


def _pool(pool: httpcore2.AsyncConnectionPool) -> Pool:
    async def exchange(route: Route, envelope: Envelope, timeouts: Timeouts) -> httpcore2.Response:
        return await pool.handle_async_request(
            httpcore2.Request(
                envelope.method,
                route.url,
                headers=[*route.fields, (b"Content-Length", b"%d" % len(envelope.body)), *envelope.headers],
                content=envelope.body,
                extensions={"timeout": timeouts},
            )
        )

    return Pool(exchange=exchange, close=pool.aclose)


def _adapted(transport: httpx2.AsyncBaseTransport) -> Pool:
    """Send through a transport of httpx2 that somebody else chose."""

    async def exchange(route: Route, envelope: Envelope, timeouts: Timeouts) -> httpcore2.Response:
        request = httpx2.Request(
            envelope.method,
            envelope.url,
            headers=[*route.fields, *envelope.headers],
            content=envelope.body,
            extensions={"timeout": timeouts},
        )
        response = await transport.handle_async_request(request)
        body = response.stream if isinstance(response.stream, httpx2.AsyncByteStream) else response.content
        return httpcore2.Response(response.status_code, headers=response.headers.raw, content=body)

    return Pool(exchange=exchange, close=transport.aclose)


def _without_headers(record: logging.LogRecord) -> bool:
    """Keep the headers of answers out of debug logs: they may repeat what was sent."""
    record.msg = str(record.msg).partition(" return_value=")[0]
    return True
