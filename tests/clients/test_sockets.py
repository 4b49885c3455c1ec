"""Connections as httpcore2 uses them, and a little beyond."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpcore2
import pytest

from llm_manager.clients.sockets import Sockets


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that sends back what it gets, in upper case, and leaves on ``bye``."""

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (text := await reader.read(65_536)) not in (b"", b"bye"):
            writer.write(text.upper())
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def connected(port: int) -> httpcore2.AsyncNetworkStream:
    return await Sockets().connect_tcp("127.0.0.1", port, timeout=5)


async def test_what_is_written_goes_out_with_the_next_read(port: int) -> None:
    connection = await connected(port)
    await connection.write(b"a")
    await connection.write(b"b")
    assert await connection.read(100) == b"AB"
    await connection.aclose()


async def test_no_more_is_read_than_asked(port: int) -> None:
    connection = await connected(port)
    await connection.write(b"abcdef")
    assert await connection.read(4, timeout=5) == b"ABCD"
    assert connection.get_extra_info("is_readable")
    assert await connection.read(4, timeout=5) == b"EF"
    assert not connection.get_extra_info("is_readable")
    await connection.aclose()


async def test_each_read_has_its_own_limit(port: int) -> None:
    connection = await connected(port)
    for limit in (5, 0.02, 0.05, 0.02):
        await connection.write(b"a")
        assert await connection.read(10, timeout=limit) == b"A"
        await asyncio.sleep(0.03)
    with pytest.raises(httpcore2.ReadTimeout):
        await connection.read(10, timeout=0.02)
    await connection.write(b"a")
    assert await connection.read(10) == b"A"
    await connection.aclose()


async def test_a_limit_that_is_moved_is_not_over_early(port: int) -> None:
    connection = await connected(port)
    await connection.write(b"a")
    assert await connection.read(10, timeout=0.05) == b"A"
    reading = asyncio.ensure_future(connection.read(10, timeout=0.3))
    await asyncio.sleep(0.1)
    assert not reading.done()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await connection.aclose()


async def test_the_end_is_read_as_nothing_and_what_is_written_after_it_is_dropped(port: int) -> None:
    connection = await connected(port)
    await connection.write(b"bye")
    assert await connection.read(10) == b""
    await asyncio.sleep(0)
    await connection.write(b"more")
    assert await connection.read(10) == b""
    assert connection.get_extra_info("is_readable")
    await connection.aclose()


async def test_a_connection_that_is_gone_cannot_go_on_encrypted(port: int) -> None:
    connection = await connected(port)
    await connection.aclose()
    with pytest.raises(httpcore2.ConnectError):
        await connection.start_tls(ssl.create_default_context())


async def test_connecting_too_slowly_and_to_nobody_are_told_apart(port: int) -> None:
    with pytest.raises(httpcore2.ConnectTimeout):
        await Sockets().connect_tcp("127.0.0.1", port, timeout=0)
    with pytest.raises(httpcore2.ConnectError):
        await Sockets().connect_tcp("127.0.0.1", 1, timeout=5)


async def test_what_nobody_asks_is_not_known(port: int) -> None:
    connection = await connected(port)
    assert connection.get_extra_info("server_addr") is None
    assert connection.get_extra_info("ssl_object") is None
    await connection.aclose()


async def test_a_connection_is_abandoned_once(port: int) -> None:
    sockets = Sockets()
    connection = await sockets.connect_tcp("127.0.0.1", port, timeout=5)
    sockets.abandon()
    sockets.abandon()
    await connection.aclose()
    assert connection.get_extra_info("socket") is None
