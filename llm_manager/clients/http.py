"""The transport that all clients share: envelopes over pooled HTTP/1.1 connections.

It follows no redirect, keeps no cookie, reads no environment and re-sends nothing. Nothing is imported, opened or
looked up before the first envelope.
"""

import logging
import re
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.clients.http_bodies import body_chunks, encoding_of, header_pairs, whole_reply
from llm_manager.clients.http_faults import Phase, fault_of, malformed, misconfigured
from llm_manager.clients.inflating import CompressionError, Inflating, inflating_for
from llm_manager.domain.configuration import NetworkSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.addresses import locate
from llm_manager.policies.proxying import is_exempt, parse_proxy
from llm_manager.services.transport import Envelope, Transport, WireStream

if TYPE_CHECKING:
    import ssl

    import httpcore2
    import httpx2

    from llm_manager.clients.pools import Pool, Pools, Route, Timeouts

_logger = logging.getLogger(__name__)

_MOST_ROUTES = 1024
_URL = re.compile(r"(https?://[^/?#\\]*)((?:/[!-\"$-\[\]-~]*)?)")


def make_transport(
    network: NetworkSettings | None = None,
    *,
    ca_bundle: str | None = None,
    make_pool: "Callable[[], httpx2.AsyncBaseTransport] | None" = None,
) -> Transport:
    """Make the transport; this opens and imports nothing.

    ``make_pool`` gives transports of httpx2 to send through instead of our own pools; timeouts, proxy and TLS are then
    theirs. ``close`` closes what belongs to the running event loop.
    """
    settings = NetworkSettings() if network is None else network
    loops = PerLoop(_making_pools(settings, ca_bundle, make_pool), lambda pools: pools.abandon())

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        pools = loops.get()
        routed = _routed(pools, envelope, settings)
        if isinstance(routed, Failure):
            return routed
        route = routed.unwrap()
        pool = pools.enter(route.kind)
        try:
            begun = await _begun(pools, pool, route, envelope, "attempt")
            if isinstance(begun, Failure):
                return begun
            return await whole_reply(*begun.unwrap(), envelope, pools.faults)
        finally:
            pool.in_flight -= 1

    async def open_stream(envelope: Envelope) -> Settled[WireStream, LLMError]:
        pools = loops.get()
        routed = _routed(pools, envelope, settings)
        if isinstance(routed, Failure):
            return routed
        route = routed.unwrap()
        if envelope.local:  # llama.cpp's server closes what carried a stream without a word, just as the next request goes out
            envelope = evolve(envelope, headers=(*envelope.headers, (b"Connection", b"close")))
        pool = pools.enter(route.kind)
        chunks: AsyncGenerator[Settled[bytes, LLMError], None] | None = None
        try:
            begun = await _begun(pools, pool, route, envelope, "first_byte")
            if isinstance(begun, Failure):
                return begun
            response, inflating = begun.unwrap()
            chunks = body_chunks(pool, response, inflating, envelope, pools.faults)
            await anext(chunks)
            return Success(WireStream(status=response.status, headers=header_pairs(response), chunks=chunks))
        finally:
            if chunks is None:
                pool.in_flight -= 1

    async def close() -> None:
        pools = loops.take()
        if pools is not None:
            await pools.close()

    return Transport(send=send, open=open_stream, close=close)


def _making_pools(
    network: NetworkSettings, ca_bundle: str | None, make_pool: "Callable[[], httpx2.AsyncBaseTransport] | None"
) -> "Callable[[], Pools]":
    contexts: list[ssl.SSLContext] = []

    def tls() -> "ssl.SSLContext":
        import ssl

        import httpx2

        if not contexts:
            contexts.append(ssl.create_default_context(cafile=ca_bundle) if ca_bundle else httpx2.create_ssl_context(trust_env=False))
        return contexts[0]

    def make() -> "Pools":
        from llm_manager.clients.pools import Pools

        proxy = None if network.proxy is None else parse_proxy(network.proxy).value_or(None)
        return Pools(tls=tls, proxy=proxy, make=make_pool)

    return make


def _routed(pools: "Pools", envelope: Envelope, network: NetworkSettings) -> "Settled[Route, LLMError]":
    """Make a URL ready, once for each; every reason not to send to it is found here."""
    known = pools.routes.get((envelope.url, envelope.local))
    if known is not None:
        return Success(known)
    parts = _URL.fullmatch(envelope.url)
    located = None if parts is None else sealed(locate(parts.group(1)))
    if parts is None or located is None or isinstance(located, Failure):
        return Failure(misconfigured(envelope, "base_url", "the URL is not one that can be sent to"))
    place = located.unwrap()
    if place.scheme == "http" and not envelope.local:
        return Failure(misconfigured(envelope, "base_url", "plain http goes to local hosts only", "write https://"))
    proxied = network.proxy is not None and not envelope.local and not is_exempt(place.host, network.no_proxy)
    if proxied and pools.proxy is None:
        return Failure(misconfigured(envelope, "network.proxy", "the proxy's address cannot be used", "write http://host:port"))
    if place.scheme == "https" and pools.make is None:
        try:
            pools.tls()
        except OSError:
            return Failure(misconfigured(envelope, "ca_bundle", "the certificates cannot be read", "name a file in PEM format"))
    if len(pools.routes) >= _MOST_ROUTES:
        pools.routes.clear()
    route = pools.route(place, parts.group(2) or "/", local=envelope.local, proxied=proxied)
    pools.routes[envelope.url, envelope.local] = route
    return Success(route)


async def _begun(
    pools: "Pools", pool: "Pool", route: "Route", envelope: Envelope, phase: Phase
) -> "Settled[tuple[httpcore2.Response, Inflating | None], LLMError]":
    """Send, and wait for the head of the answer."""
    limits = envelope.limits
    seconds = limits.attempt_seconds if phase == "attempt" else limits.silence_seconds
    timeouts: Timeouts = {"connect": limits.connect_seconds, "read": seconds, "write": seconds, "pool": seconds}
    if telling := _logger.isEnabledFor(logging.DEBUG):
        from llm_manager.clients.outlining import outlined_request

        _logger.debug("%s", outlined_request(envelope))
    try:
        response = await pool.exchange(route, envelope, timeouts)
    except pools.faults as error:
        proxy = pools.proxy.location if route.kind.proxied and pools.proxy is not None and pools.make is None else None
        return Failure(fault_of(error, envelope, phase, proxy=proxy))
    if telling:
        _logger.debug("%s answered %d", envelope.provider, response.status)
    try:
        inflating = inflating_for(encoding_of(response))
    except CompressionError:
        await response.aclose()
        return Failure(malformed(envelope, "the answer is compressed in a way that was not asked for", status=response.status))
    if 300 <= response.status < 400:
        await response.aclose()
        fix = "set the base URL to where the server really is"
        return Failure(misconfigured(envelope, "base_url", "the server redirects elsewhere", fix, status=response.status))
    return Success((response, inflating))
