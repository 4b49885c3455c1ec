"""The transport against a real server on loopback, well and badly behaved."""

import asyncio
import gc
import logging
import os
import socket
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2
import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.http import make_transport
from llm_manager.clients.http_bodies import LARGEST_BODY_BYTES
from llm_manager.clients.http_faults import fault_of, place_of
from llm_manager.clients.pools import IN_FLIGHT_PER_POOL
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import NetworkSettings
from llm_manager.domain.error_questions import resend
from llm_manager.domain.errors import (
    ConfigurationError,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    Origin,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.policies.addresses import locate
from llm_manager.services.transport import Envelope, Transport, WireStream
from tests.loopback import (
    Chunked,
    Cut,
    Endless,
    Hang,
    Raw,
    Received,
    Reset,
    Respond,
    fault_server,
    gzipped,
    html_page,
    json_reply,
    rate_limited,
    redirect,
    refused_url,
    sse,
)

CANARY = "sk-canary-hunter2"
SHORT = Limits(connect_seconds=1.0, silence_seconds=0.15, attempt_seconds=0.15)
CERTIFICATES = Path(__file__).parents[1] / "certificates"


def envelope(url: str, *, limits: Limits | None = None, local: bool = True, body: bytes = b'{"q":1}') -> Envelope:
    return Envelope(
        method="POST",
        url=url + "/v1/chat/completions",
        headers=((b"Authorization", b"Bearer " + CANARY.encode()), (b"Content-Type", b"application/json")),
        body=body,
        limits=Limits() if limits is None else limits,
        local=local,
        provider="openai",
        model="m",
        endpoint="openai " + url,
    )


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = make_transport()
    yield made
    await made.close()


def error_in(outcome: Settled[WireReply, LLMError] | Settled[WireStream, LLMError]) -> LLMError:
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert CANARY not in repr(error)
    return error


async def drained(stream: WireStream) -> tuple[bytes, LLMError | None]:
    body: list[bytes] = []
    async for chunk in stream.chunks:
        if isinstance(chunk, Failure):
            return b"".join(body), chunk.failure()
        body.append(chunk.unwrap())
    return b"".join(body), None


async def streamed(transport: Transport, asked: Envelope) -> tuple[bytes, LLMError | None]:
    opened = await transport.open(asked)
    assert isinstance(opened, Success)
    return await drained(opened.unwrap())


# What goes out and what comes back


async def test_a_request_arrives_as_written_and_its_answer_comes_whole(transport: Transport) -> None:
    with fault_server(json_reply({"ok": True}, 200, (("X-Request-ID", "r1"),))) as server:
        reply = (await transport.send(envelope(server.url))).unwrap()
    received = server.requests[0]
    assert (received.method, received.path, received.json()) == ("POST", "/v1/chat/completions", {"q": 1})
    assert received.headers == {
        "host": server.url.removeprefix("http://"),
        "accept-encoding": "identity",
        "content-length": "7",
        "authorization": f"Bearer {CANARY}",
        "content-type": "application/json",
    }
    assert (reply.status, reply.body, reply.header("x-request-id")) == (200, b'{"ok": true}', "r1")


async def test_a_large_body_arrives_whole_and_a_large_answer_comes_back_whole(transport: Transport) -> None:
    with fault_server(lambda received: Respond(200, (), received.body)) as server:
        body = os.urandom(3_000_000)
        assert (await transport.send(envelope(server.url, body=body))).unwrap().body == body


async def test_the_query_of_a_url_is_sent(transport: Transport) -> None:
    with fault_server(json_reply({})) as server:
        await transport.send(evolve(envelope(server.url), method="GET", url=server.url + "/v1/models/a%2Fb?alt=sse", body=b""))
    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/models/a%2Fb?alt=sse")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_calls_in_a_row_share_a_connection(transport: Transport, host: str) -> None:
    with fault_server(json_reply({}), host=host) as server:
        for _ in range(3):
            assert (await transport.send(envelope(server.url))).unwrap().status == 200
    assert server.connections == 1


async def test_a_connection_that_the_server_closed_is_not_used_again(transport: Transport) -> None:
    with fault_server(json_reply({})) as server:
        assert isinstance(await transport.send(envelope(server.url)), Success)
    await asyncio.sleep(0.02)
    with fault_server(json_reply({})) as another:
        assert isinstance(await transport.send(evolve(envelope(another.url))), Success)
    assert isinstance(error_in(await transport.send(envelope(server.url))), ModelUnavailable)


async def test_cookies_are_not_kept(transport: Transport) -> None:
    with fault_server(json_reply({}, 200, (("Set-Cookie", "a=1"),))) as server:
        await transport.send(envelope(server.url))
        await transport.send(envelope(server.url))
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize("form", [("Retry-After", "2"), ("Retry-After", "Fri, 20 Nov 2026 00:00:00 GMT"), ("retry-after-ms", "1500")])
async def test_every_form_of_retry_after_reaches_the_codec(transport: Transport, form: tuple[str, str]) -> None:
    with fault_server(rate_limited(form)) as server:
        reply = (await transport.send(envelope(server.url))).unwrap()
    assert (reply.status, reply.header(form[0].lower())) == (429, form[1])


async def test_statuses_and_html_are_for_the_codec_to_judge(transport: Transport) -> None:
    with fault_server(json_reply({}, 500), html_page()) as server:
        assert (await transport.send(envelope(server.url))).unwrap().status == 500
        assert (await transport.send(envelope(server.url))).unwrap().body.startswith(b"<!doctype")


async def test_a_stream_comes_piece_by_piece(transport: Transport) -> None:
    with fault_server(sse({"a": 1}, {"a": 2}, gap_seconds=0.01)) as server:
        stream = (await transport.open(envelope(server.url))).unwrap()
        assert (stream.status, dict(stream.headers)["content-type"]) == (200, "text/event-stream")
        assert await drained(stream) == (b'data: {"a": 1}\n\ndata: {"a": 2}\n\ndata: [DONE]\n\n', None)


async def test_a_slow_reader_loses_nothing(transport: Transport) -> None:
    pieces = [bytes([place]) * 100_000 for place in range(30)]
    with fault_server(Chunked(pieces)) as server:
        stream = (await transport.open(envelope(server.url))).unwrap()
        await asyncio.sleep(0.1)
        assert await drained(stream) == (b"".join(pieces), None)


# What goes wrong before the answer


async def test_nobody_listening_locally_means_not_running(transport: Transport) -> None:
    with refused_url() as url:
        error = error_in(await transport.send(envelope(url)))
    assert isinstance(error, ModelUnavailable)
    assert (error.reason, error.origin) == ("not_running", Origin(provider="openai", endpoint="openai " + url))
    assert error.message.startswith(f"nothing answers at {url.partition('://')[2].partition('/')[0]}: is the server running?")
    assert resend(error) == "once"


async def test_nobody_listening_elsewhere_is_a_network_error_that_sent_nothing() -> None:
    made = make_transport(make_pool=raising(httpx2.ConnectError("refused")))
    error = error_in(await made.send(envelope("https://api.example.com", local=False)))
    assert isinstance(error, NetworkError)
    assert not error.sent
    assert (error.message, resend(error)) == ("no connection to api.example.com:443 could be made", "freely")


async def test_a_name_that_is_not_known_is_a_network_error(transport: Transport) -> None:
    asked = evolve(envelope("http://localhost:1"), url="http://" + "a" * 63 + "." + "b" * 63 + ".localhost/v1")
    made = make_transport(make_pool=raising(httpx2.ConnectError(str(OSError())), socket.gaierror(-2, "unknown")))
    error = error_in(await made.send(asked))
    assert isinstance(error, NetworkError)
    assert "resolved" in error.message
    assert "localhost:80 " in error.message
    assert resend(error) == "once"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://api.example.com/v1/chat?key=s3cret", "api.example.com:443"),
        ("http://127.0.0.1:9/v1/s3cret", "127.0.0.1:9"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
        ("https://me:s3cret@api.example.com/v1", "the server"),
        ("s3cret", "the server"),
    ],
)
def test_an_error_names_host_and_port_and_no_more_of_an_address(url: str, place: str) -> None:
    assert place_of(evolve(envelope("http://localhost:1"), url=url)) == place


async def test_the_proxy_on_the_way_is_named_without_its_password() -> None:
    """It is the proxy's name that is not known, or the proxy that takes no connection, whatever host lies behind it."""
    asked = envelope("https://api.example.com", local=False)
    proxy = locate("http://proxy.lan:3128").unwrap()
    nameless = httpx2.ConnectError("unknown")
    nameless.__cause__ = socket.gaierror(-2, "unknown")
    told = {
        str(getattr(fault_of(error, asked, "attempt", proxy=proxy), "message", ""))
        for error in (nameless, httpx2.ReadError("cut"), httpx2.ProxyError("407"))
    }
    assert told == {
        "the name of the proxy proxy.lan:3128 cannot be resolved",
        "the connection to api.example.com:443 broke before the answer was whole (through the proxy proxy.lan:3128)",
        "openai: the proxy proxy.lan:3128 refused the connection",
    }
    with refused_url() as url:
        place = url.partition("://")[2].partition("/")[0]
        made = make_transport(NetworkSettings(proxy=f"http://me:s3cret@{place}"))
        error = error_in(await made.send(asked))
        await made.close()
    assert isinstance(error, NetworkError)
    assert error.message == f"no connection to the proxy {place} could be made"


@pytest.mark.parametrize("answer", [Reset("after_reading"), Reset("amid_body")])
async def test_a_reset_is_a_network_error_that_may_be_charged(transport: Transport, answer: Reset) -> None:
    with fault_server(answer) as server:
        error = error_in(await transport.send(envelope(server.url)))
    assert isinstance(error, NetworkError)
    assert error.sent
    assert error.origin is not None
    assert error.origin.charge == "possible"


async def test_a_reset_at_once_is_seen_while_connecting_or_just_after(transport: Transport) -> None:
    with fault_server(Reset("before_reading")) as server:
        assert isinstance(error_in(await transport.send(envelope(server.url))), NetworkError | ModelUnavailable)


@pytest.mark.parametrize("answer", [Cut(), Raw(b""), Raw(b"SSH-2.0-OpenSSH\r\n\r\n"), Raw(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")])
async def test_an_answer_that_is_no_whole_http_is_a_network_error(transport: Transport, answer: Cut | Raw) -> None:
    with fault_server(answer) as server:
        error = error_in(await transport.send(envelope(server.url)))
    assert isinstance(error, NetworkError)
    assert error.sent


async def test_silence_ends_a_whole_answer_at_the_attempts_limit(transport: Transport) -> None:
    with fault_server(Hang()) as server:
        error = error_in(await transport.send(envelope(server.url, limits=SHORT)))
        assert await server.until(lambda known: known.hung_up == 1)
    assert isinstance(error, RequestTimeout)
    assert (error.phase, error.timeout_ms) == ("attempt", 150)


async def test_silence_before_a_stream_is_a_timeout_to_the_first_byte(transport: Transport) -> None:
    with fault_server(Hang()) as server:
        error = error_in(await transport.open(envelope(server.url, limits=SHORT)))
    assert isinstance(error, RequestTimeout)
    assert error.phase == "first_byte"


async def test_a_shorter_limit_on_a_used_connection_is_kept(transport: Transport) -> None:
    with fault_server(json_reply({}), Hang()) as server:
        assert isinstance(await transport.send(envelope(server.url)), Success)
        error = error_in(await transport.send(envelope(server.url, limits=SHORT)))
    assert isinstance(error, RequestTimeout)
    assert server.connections == 1


async def test_connecting_has_its_own_limit() -> None:
    made = make_transport(make_pool=raising(httpx2.ConnectTimeout("late")))
    error = error_in(await made.send(envelope("https://api.example.com", limits=SHORT, local=False)))
    assert isinstance(error, RequestTimeout)
    assert (error.phase, error.timeout_ms) == ("connect", 1000)


async def test_a_server_that_takes_the_connection_and_says_no_tls_is_a_late_connection(transport: Transport) -> None:
    limits = Limits(connect_seconds=0.1, silence_seconds=1, attempt_seconds=1)
    with fault_server(Hang()) as server:
        error = error_in(await transport.send(envelope(server.url.replace("http://", "https://"), limits=limits)))
    assert isinstance(error, RequestTimeout)
    assert error.phase == "connect"


# What goes wrong amid the answer


async def test_a_stream_that_is_cut_ends_with_a_network_error(transport: Transport) -> None:
    with fault_server(sse({"a": 1}, cut=True, done=False)) as server:
        body, error = await streamed(transport, envelope(server.url))
    assert body == b'data: {"a": 1}\n\n'
    assert isinstance(error, NetworkError)
    assert error.origin is not None
    assert (error.sent, error.origin.charge, error.origin.status) == (True, "certain", 200)


async def test_a_stream_that_stalls_ends_with_a_timeout(transport: Transport) -> None:
    with fault_server(Chunked([b"data: 1\n\n", b"data: 2\n\n"], gap_seconds=5)) as server:
        body, error = await streamed(transport, envelope(server.url, limits=SHORT))
        assert await server.until(lambda known: known.hung_up == 1)
    assert body == b"data: 1\n\n"
    assert isinstance(error, RequestTimeout)
    assert (error.phase, error.timeout_ms) == ("stall", 150)


async def test_a_slow_drip_within_the_limit_is_read_to_its_end(transport: Transport) -> None:
    with fault_server(Chunked([b"x"] * 10, gap_seconds=0.03)) as server:
        assert await streamed(transport, envelope(server.url, limits=SHORT)) == (b"x" * 10, None)


async def test_an_endless_body_is_refused(transport: Transport) -> None:
    with fault_server(Endless()) as server:
        error = error_in(await transport.send(envelope(server.url)))
        assert await server.until(lambda known: known.hung_up == 1)
    assert isinstance(error, MalformedResponse)


async def test_an_endless_stream_is_refused_after_its_cap(transport: Transport) -> None:
    with fault_server(Endless()) as server:
        opened = (await transport.open(envelope(server.url))).unwrap()
        size, error = 0, None
        async for chunk in opened.chunks:
            if isinstance(chunk, Failure):
                error = chunk.failure()
            else:
                size += len(chunk.unwrap())
    assert isinstance(error, MalformedResponse)
    assert size <= LARGEST_BODY_BYTES


# Compression that nobody asked for


@pytest.mark.parametrize("answer", [gzipped(b'{"ok": true}'), gzipped(b'{"ok": true}', "X-GZIP")])
async def test_a_body_compressed_unasked_is_read(transport: Transport, answer: Respond) -> None:
    with fault_server(answer, evolve(answer, body=answer.body * 2)) as server:
        assert (await transport.send(envelope(server.url))).unwrap().body == b'{"ok": true}'
        assert (await transport.send(envelope(server.url))).unwrap().body == b'{"ok": true}' * 2


async def test_a_stream_compressed_unasked_is_read(transport: Transport) -> None:
    packed = zlib.compress(b"data: 1\n\n")
    with fault_server(Chunked([packed[:5], packed[5:]], headers=(("Content-Encoding", "deflate"),))) as server:
        assert await streamed(transport, envelope(server.url)) == (b"data: 1\n\n", None)


async def test_a_bomb_is_refused_before_it_goes_off(transport: Transport) -> None:
    bomb = gzipped(b"0" * (LARGEST_BODY_BYTES * 2))
    with fault_server(bomb, bomb, gzipped(bomb.body)) as server:
        assert isinstance(error_in(await transport.send(envelope(server.url))), MalformedResponse)
        assert isinstance((await streamed(transport, envelope(server.url)))[1], MalformedResponse)
        assert len((await transport.send(envelope(server.url))).unwrap().body) == len(bomb.body)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
async def test_an_unknown_compression_is_malformed(transport: Transport, encoding: str) -> None:
    with fault_server(gzipped(b"{}", encoding)) as server:
        assert isinstance(error_in(await transport.send(envelope(server.url))), MalformedResponse)


async def test_a_damaged_compression_is_malformed(transport: Transport) -> None:
    whole = gzipped(b'{"ok": true}')
    cut = evolve(whole, body=whole.body[:-6])
    with fault_server(evolve(whole, body=b"not gzip"), cut, cut) as server:
        assert isinstance(error_in(await transport.send(envelope(server.url))), MalformedResponse)
        assert isinstance(error_in(await transport.send(envelope(server.url))), MalformedResponse)
        assert isinstance((await streamed(transport, envelope(server.url)))[1], MalformedResponse)


async def test_identity_is_no_compression(transport: Transport) -> None:
    with fault_server(Respond(200, (("Content-Encoding", "identity"),), b"{}")) as server:
        assert (await transport.send(envelope(server.url))).unwrap().body == b"{}"


# Redirects, TLS and settings


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(transport: Transport, status: int) -> None:
    with fault_server(json_reply({})) as second, fault_server(redirect(second.url + "/v1", status)) as first:
        error = error_in(await transport.send(envelope(first.url)))
        assert isinstance(error, ConfigurationError)
        assert error.origin is not None
        assert error.origin.status == status
        assert isinstance(error_in(await transport.open(envelope(first.url))), ConfigurationError)
    assert (len(first.requests), len(second.requests), second.connections) == (2, 0, 0)


async def test_tls_with_a_trusted_certificate_works() -> None:
    made = make_transport(ca_bundle=str(CERTIFICATES / "authority.pem"))
    with fault_server(json_reply({"ok": True}), tls=CERTIFICATES / "right.pem") as server:
        for _ in range(2):
            assert (await made.send(envelope(server.url))).unwrap().status == 200
            assert (await streamed(made, envelope(server.url.replace("127.0.0.1", "localhost"), local=False)))[1] is None
        await made.close()


@pytest.mark.parametrize("certificate", ["misnamed", "expired", "unknown"])
async def test_tls_with_a_wrong_certificate_is_a_matter_of_settings(certificate: str) -> None:
    made = make_transport(ca_bundle=str(CERTIFICATES / "authority.pem"))
    with fault_server(json_reply({}), tls=CERTIFICATES / f"{certificate}.pem") as server:
        error = error_in(await made.send(envelope(server.url)))
        await made.close()
    assert isinstance(error, ConfigurationError)
    assert error.faults[0].key == "ca_bundle"
    assert server.requests == []


async def test_certificates_of_the_system_do_not_trust_ours(transport: Transport) -> None:
    with fault_server(json_reply({}), tls=CERTIFICATES / "right.pem") as server:
        assert isinstance(error_in(await transport.send(envelope(server.url))), ConfigurationError)


async def test_tls_to_a_plain_server_is_a_matter_of_settings(transport: Transport) -> None:
    async def say_no(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    plain = await asyncio.start_server(say_no, "127.0.0.1", 0)
    error = error_in(await transport.send(envelope(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}")))
    plain.close()
    assert isinstance(error, ConfigurationError)
    assert error.faults[0].key == "base_url"


async def test_a_reset_amid_the_handshake_is_no_matter_of_settings(transport: Transport) -> None:
    with fault_server(Reset("before_reading")) as server:
        asked = envelope(server.url.replace("http://", "https://"))
        assert isinstance(error_in(await transport.send(asked)), ModelUnavailable)
        assert isinstance(error_in(await transport.send(evolve(asked, local=False))), NetworkError)


async def test_a_ca_bundle_that_cannot_be_read_is_a_matter_of_settings(tmp_path: Path) -> None:
    made = make_transport(ca_bundle=str(tmp_path / "missing.pem"))
    error = error_in(await made.send(envelope("https://127.0.0.1:1")))
    assert isinstance(error, ConfigurationError)
    assert error.faults[0].key == "ca_bundle"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://u:hunter2@127.0.0.1", "http://127.1", "http://127.0.0.1\\@evil", "127.0.0.1"])
async def test_a_url_that_cannot_be_sent_to_is_refused(transport: Transport, url: str) -> None:
    error = error_in(await transport.send(envelope(url)))
    assert isinstance(error, ConfigurationError)
    assert isinstance(error_in(await transport.open(envelope(url))), ConfigurationError)


async def test_plain_http_is_refused_for_what_is_not_local(transport: Transport) -> None:
    assert isinstance(error_in(await transport.send(envelope("http://127.0.0.1:1", local=False))), ConfigurationError)


@pytest.mark.parametrize("field", [(b"X-A", b"1\r\nX-Evil: 1"), (b"X A", b"1"), (b"X-A", b"\x00")])
async def test_a_header_that_http_does_not_know_is_never_sent(transport: Transport, field: tuple[bytes, bytes]) -> None:
    with fault_server(json_reply({})) as server:
        asked = envelope(server.url)
        error = error_in(await transport.send(evolve(asked, headers=(*asked.headers, field))))
        assert isinstance(error, ConfigurationError)
        assert server.requests == []


# Proxies


def proxy_settings(url: str, *exempt: str) -> NetworkSettings:
    return NetworkSettings(proxy=url.replace("http://", "http://user:pass@"), no_proxy=exempt)


async def test_a_proxy_that_refuses_is_a_matter_of_settings() -> None:
    with fault_server(Respond(407)) as proxy:
        made = make_transport(proxy_settings(proxy.url), ca_bundle=str(CERTIFICATES / "authority.pem"))
        error = error_in(await made.send(envelope("https://api.example.com", local=False)))
        await made.close()
    assert isinstance(error, ConfigurationError)
    assert error.faults[0].key == "proxy"
    assert (proxy.requests[0].method, proxy.requests[0].path) == ("CONNECT", "api.example.com:443")
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
    assert CANARY not in str(proxy.requests)


async def test_a_tunnel_leads_to_the_server_encrypted() -> None:
    with fault_server(json_reply({"ok": True}), tls=CERTIFICATES / "right.pem") as server:
        port = int(server.url.rpartition(":")[2])

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"CONNECT localhost:")
            there = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while text := await source.read(65_536):
                    target.write(text)
                target.close()

            await asyncio.gather(copy(reader, there[1]), copy(there[0], writer), return_exceptions=True)

        tunnel = await asyncio.start_server(carry, "127.0.0.1", 0)
        proxy = f"http://127.0.0.1:{tunnel.sockets[0].getsockname()[1]}"
        made = make_transport(NetworkSettings(proxy=proxy), ca_bundle=str(CERTIFICATES / "authority.pem"))
        reply = await made.send(envelope(f"https://localhost:{port}", local=False))
        await made.close()
        tunnel.close()
        await asyncio.sleep(0.02)
    assert reply.unwrap().body == b'{"ok": true}'


async def test_local_hosts_and_exempt_ones_are_reached_without_the_proxy() -> None:
    bundle = str(CERTIFICATES / "authority.pem")
    with fault_server(Respond(500)) as proxy, fault_server(json_reply({}), tls=CERTIFICATES / "right.pem") as server:
        made = make_transport(proxy_settings(proxy.url, "127.0.0.0/8"), ca_bundle=bundle)
        assert isinstance(await made.send(envelope(server.url, local=True)), Success)
        assert isinstance(await made.send(envelope(server.url, local=False)), Success)
        await made.close()
    assert proxy.connections == 0


async def test_a_proxy_that_cannot_be_read_keeps_cloud_calls_at_home_and_local_ones_going() -> None:
    made = make_transport(NetworkSettings(proxy="socks5://hunter2@proxy"))
    error = error_in(await made.send(envelope("https://api.example.com", local=False)))
    assert isinstance(error, ConfigurationError)
    assert "hunter2" not in repr(error)
    with fault_server(json_reply({})) as server:
        assert isinstance(await made.send(envelope(server.url)), Success)
    await made.close()


async def test_proxies_of_the_environment_are_not_used(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    with fault_server(json_reply({})) as proxy, fault_server(json_reply({})) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert isinstance(await transport.send(envelope(server.url)), Success)
    assert (proxy.connections, len(server.requests)) == (0, 1)


# Many calls, cancellation, loops


async def test_many_calls_at_once_each_get_their_own_answer(transport: Transport) -> None:
    def echo(received: Received) -> Respond:
        return Respond(200, (), received.body)

    with fault_server(echo) as server:
        bodies = [str(number).encode() for number in range(3 * IN_FLIGHT_PER_POOL)]
        replies = await asyncio.gather(*[transport.send(envelope(server.url, body=body)) for body in bodies])
        assert [reply.unwrap().body for reply in replies] == bodies
        again = await asyncio.gather(*[transport.send(envelope(server.url, body=body)) for body in bodies[:10]])
        assert [reply.unwrap().body for reply in again] == bodies[:10]
    assert server.connections <= len(bodies)


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_cancelled_call_closes_its_connection(transport: Transport, streaming: bool) -> None:
    with fault_server(Hang(), json_reply({"ok": True})) as server:
        asked = envelope(server.url)
        call: asyncio.Future[object] = asyncio.ensure_future(transport.open(asked) if streaming else transport.send(asked))
        assert await server.until(lambda known: len(known.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await server.until(lambda known: known.hung_up == 1)
        assert (await transport.send(envelope(server.url))).unwrap().body == b'{"ok": true}'
    assert server.connections == 2


async def test_a_cancelled_reader_closes_the_connection(transport: Transport) -> None:
    with fault_server(Chunked([b"data: 1\n\n", b"data: 2\n\n"], gap_seconds=5)) as server:
        reading = asyncio.ensure_future(streamed(transport, envelope(server.url)))
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await server.until(lambda known: known.hung_up == 1)


@pytest.mark.parametrize("read", [0, 1])
async def test_a_stream_closed_early_closes_its_connection(transport: Transport, read: int) -> None:
    with fault_server(Chunked([b"data: 1\n\n"] * 3, gap_seconds=5)) as server:
        stream = (await transport.open(envelope(server.url))).unwrap()
        for _ in range(read):
            assert (await anext(stream.chunks)).unwrap() == b"data: 1\n\n"
        await stream.chunks.aclose()
        assert await server.until(lambda known: known.hung_up == 1)


async def _left_at_the_last_word(transport: Transport, url: str, *, local: bool) -> None:
    for _ in range(3):
        stream = (await transport.open(envelope(url, local=local))).unwrap()
        async for chunk in stream.chunks:
            if b"[DONE]" in chunk.unwrap():
                break
        await stream.chunks.aclose()


@pytest.mark.parametrize("gap", [0.0, 0.005])
async def test_a_stream_left_at_its_last_word_keeps_its_connection(gap: float) -> None:
    made = make_transport(ca_bundle=str(CERTIFICATES / "authority.pem"))
    with fault_server(sse({"a": 1}, gap_seconds=gap), tls=CERTIFICATES / "right.pem") as server:
        await _left_at_the_last_word(made, server.url, local=False)
        await made.close()
    assert server.connections == 1


async def test_a_connection_to_a_local_server_carries_one_stream_and_says_so(transport: Transport) -> None:
    with fault_server(sse({"a": 1})) as server:
        await _left_at_the_last_word(transport, server.url, local=True)
    assert server.connections == 3
    assert {request.headers["connection"] for request in server.requests} == {"close"}


async def test_a_stream_left_amid_its_events_does_not(transport: Transport) -> None:
    with fault_server(sse(*range(100), gap_seconds=0.005)) as server:
        stream = (await transport.open(envelope(server.url))).unwrap()
        await anext(stream.chunks)
        await stream.chunks.aclose()
        assert await server.until(lambda known: known.hung_up == 1)


def test_one_transport_serves_event_loops_one_after_another_and_leaves_no_socket() -> None:
    made = make_transport()

    def files() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0

    async def ask(url: str) -> int:
        return (await made.send(envelope(url))).unwrap().status

    with fault_server(json_reply({})) as server:
        assert asyncio.run(ask(server.url)) == 200
        before = files()
        for _ in range(5):
            assert asyncio.run(ask(server.url)) == 200
        assert files() == before
        assert server.connections == 6
        asyncio.run(made.close())
    assert server.wait_until(lambda known: known.connections == 6)


def test_tls_connections_of_a_closed_loop_are_disconnected_too() -> None:
    made = make_transport(ca_bundle=str(CERTIFICATES / "authority.pem"))

    async def ask(url: str) -> int:
        return (await made.send(envelope(url))).unwrap().status

    async def ask_and_close(url: str) -> int:
        status = await ask(url)
        await made.close()
        return status

    with fault_server(json_reply({}), tls=CERTIFICATES / "right.pem") as server:
        assert asyncio.run(ask(server.url)) == 200
        assert asyncio.run(ask_and_close(server.url)) == 200
        assert server.wait_until(lambda known: known.left == 2)


async def test_closing_twice_and_asking_again_both_work(transport: Transport) -> None:
    with fault_server(json_reply({})) as server:
        assert isinstance(await transport.send(envelope(server.url)), Success)
        await transport.close()
        await transport.close()
        assert isinstance(await transport.send(envelope(server.url)), Success)
    assert server.connections == 2


# What must not be seen, and what must not be loaded


async def test_debug_logs_hold_no_key_even_when_the_server_repeats_it(transport: Transport, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with fault_server(json_reply({}, 401, (("X-Echo", CANARY),))) as server:
        reply = (await transport.send(envelope(server.url))).unwrap()
    assert reply.header("x-echo") == CANARY
    assert "receive_response_headers" in caplog.text
    assert CANARY not in caplog.text


def test_making_a_transport_imports_no_http_library() -> None:
    script = (
        "import sys\nfrom llm_manager.clients.http import make_transport\nmake_transport()\n"
        "assert not {'httpx2', 'httpcore2', 'h11', 'anyio'} & set(sys.modules), sys.modules.keys()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# Through a transport of httpx2


def raising(error: httpx2.TransportError, cause: Exception | None = None) -> Callable[[], httpx2.AsyncBaseTransport]:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise error from cause

    return lambda: httpx2.MockTransport(handler)


async def test_another_transport_of_httpx2_may_carry_the_calls() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, headers={"X-Request-ID": "r1"}, json={"ok": True})

    made = make_transport(make_pool=lambda: httpx2.MockTransport(handler))
    asked = envelope("https://api.example.com", local=False)
    assert (await made.send(asked)).unwrap().header("x-request-id") == "r1"
    assert await streamed(made, asked) == (b'{"ok":true}', None)
    await made.close()
    assert seen[0].content == asked.body
    assert seen[0].headers["authorization"] == f"Bearer {CANARY}"
    assert seen[0].headers["host"] == "api.example.com"


async def test_the_pools_of_httpx2_themselves_work_too() -> None:
    made = make_transport(make_pool=httpx2.AsyncHTTPTransport)
    with fault_server(json_reply({"ok": True}), sse({"a": 1}), Reset()) as server:
        assert (await made.send(envelope(server.url))).unwrap().body == b'{"ok": true}'
        assert (await streamed(made, envelope(server.url)))[0].endswith(b"[DONE]\n\n")
        assert isinstance(error_in(await made.send(envelope(server.url))), NetworkError)
        await made.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.PoolTimeout("full"), RateLimitExceeded),
        (httpx2.WriteTimeout("slow"), RequestTimeout),
        (httpx2.WriteError("gone"), NetworkError),
        (httpx2.ProxyError("407"), ConfigurationError),
        (httpx2.UnsupportedProtocol("gopher"), ConfigurationError),
        (httpx2.LocalProtocolError("illegal"), ConfigurationError),
    ],
)
async def test_each_exception_of_the_library_has_its_meaning(error: httpx2.TransportError, kind: type[LLMError]) -> None:
    made = make_transport(make_pool=raising(error))
    found = error_in(await made.send(envelope("https://api.example.com", local=False)))
    assert isinstance(found, kind)
    if isinstance(found, RateLimitExceeded):
        assert found.local


async def test_a_bug_is_not_turned_into_a_value() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise ZeroDivisionError

    made = make_transport(make_pool=lambda: httpx2.MockTransport(handler))
    with pytest.raises(ZeroDivisionError):
        await made.send(envelope("https://api.example.com", local=False))
    with pytest.raises(ZeroDivisionError):
        await made.open(envelope("https://api.example.com", local=False))
