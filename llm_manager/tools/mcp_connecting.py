"""Connecting to MCP servers, through the extra ``mcp``, which is imported when one is connected: programs, addresses, sessions."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.distribution import install_hint
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked, ToolFailed
from llm_manager.domain.models import Locality
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.addresses import locate, parse_endpoint
from llm_manager.policies.headers import header_fields

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from mcp import Client, ClientSession
    from mcp.types import Tool as ServersTool

LARGEST_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Of one answer over HTTP, or of one stream of events."""
_SERVER: Final = "the MCP server"
_LONGEST: Final = 2_000
_CONNECT_SECONDS: Final = 30.0
_READ_SECONDS: Final = 300.0
_MOST_PAGES: Final = 100


@frozen(kw_only=True)
class McpCommand:
    """An MCP server that is a program here: it is started, and spoken to over its standard streams."""

    command: str = field(kw_only=False)
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(factory=dict, repr=False)
    """What it is given beside the few variables that every program needs."""
    folder: str | None = None


@frozen(kw_only=True)
class McpUrl:
    """An MCP server at a URL; plain http goes to local hosts only."""

    url: str = field(kw_only=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)


McpServer: TypeAlias = "McpCommand | McpUrl | Client | ClientSession"
"""A server to connect to, or a client or session of the library mcp that is connected."""


Connected: TypeAlias = "tuple[ClientSession, Locality, list[ServersTool]]"
"""A session, where its server is, and what tools it told."""


@asynccontextmanager
async def connection(server: McpServer, config: LLMConfig, seconds: float) -> "AsyncGenerator[Settled[Connected, LLMError], None]":
    """A session that stays open until the context ends, or why there is none: at the latest after so many seconds.

    It is opened and closed in a task of its own: a server that is given up may take its time to end, and a connection that
    breaks ends nothing of the caller's but what waits for it.
    """
    ended = asyncio.Event()
    opened: asyncio.Future[Settled[Connected, LLMError]] = asyncio.get_running_loop().create_future()

    async def keep() -> None:
        async with AsyncExitStack() as stack:
            opened.set_result(await _connected(stack, server, config))
            await ended.wait()

    keeping = asyncio.create_task(keep())
    closed = asyncio.gather(keeping, return_exceptions=True)  # what closing fails with is nobody's any more
    try:
        try:
            async with asyncio.timeout(seconds):
                outcome = await asyncio.shield(opened)
        except TimeoutError:
            why = f"the MCP server cannot be reached: it told no tools within {seconds:g} s"
            outcome = Failure(ToolFailed(tool=_name(server), message=why, reason="timeout"))
        finally:
            if not opened.done():
                keeping.cancel()  # once: a second time would cut its closing short
        yield outcome
    finally:
        ended.set()
        await asyncio.shield(closed)


async def _connected(stack: AsyncExitStack, server: McpServer, config: LLMConfig) -> "Settled[Connected, LLMError]":
    try:
        import mcp  # noqa: F401 - whether it is there; what is needed of it is imported where it is used
    except ImportError:
        return Failure(ConfigurationError(message=f"MCP servers need one more package: {install_hint('mcp')}"))
    at: Locality = "cloud"
    if isinstance(server, McpUrl):
        judged = sealed(parse_endpoint(_SERVER, server.url, config.network.local_hosts))
        sendable = sealed(header_fields(_SERVER, server.headers))
        if isinstance(judged, Failure):
            return judged
        if isinstance(sendable, Failure):
            return sendable
        at = judged.unwrap().locality
        if config.routing.airgap and at != "local":
            return Failure(PolicyBlocked(message="airgap: the MCP server is not local", policy="airgap"))
    elif isinstance(server, McpCommand):
        at = "local"
    try:
        session = await _session(stack, server, proxy=None if at == "local" else config.network.proxy)
        return Success((session, at, await _listed(session)))
    except Exception as error:  # noqa: BLE001 - whatever keeps a server from telling its tools is its failure
        return Failure(ToolFailed(tool=_name(server), message=f"the MCP server cannot be reached: {_reason(error)}"))


async def _session(stack: AsyncExitStack, server: McpServer, *, proxy: str | None) -> "ClientSession":
    from mcp import Client, ClientSession, StdioServerParameters

    match server:
        case ClientSession():
            return server
        case Client():
            return server.session
        case McpCommand():
            program = StdioServerParameters(command=server.command, args=[*server.arguments], env=dict(server.environ), cwd=server.folder)
            return (await stack.enter_async_context(Client(program))).session
        case McpUrl():
            from mcp.client.streamable_http import streamable_http_client

            http = await stack.enter_async_context(_http(server.headers, proxy=proxy))
            carrier = streamable_http_client(server.url, http_client=http)
            return (await stack.enter_async_context(Client(carrier))).session
        case _:
            assert_never(server)


def _http(headers: Mapping[str, str], *, proxy: str | None) -> "AsyncClient":
    """A client that reads no answer longer than one of ours may be: who sends more, or packs it, is cut off."""
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = LARGEST_ANSWER_BYTES
            async for chunk in self._stream:
                left -= len(chunk)
                if left < 0:
                    raise httpx2.ReadError(f"the answer is longer than {LARGEST_ANSWER_BYTES} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx2.DecodingError("the answer is packed, which was not asked for")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream)

    patience = httpx2.Timeout(_CONNECT_SECONDS, read=_READ_SECONDS)
    plain = {"Accept-Encoding": "identity", **headers}
    return httpx2.AsyncClient(headers=plain, timeout=patience, proxy=proxy, trust_env=False, event_hooks={"response": [bound]})


async def _listed(session: "ClientSession") -> "list[ServersTool]":
    """All pages of the list; one that never ends is cut."""
    from mcp.types import PaginatedRequestParams

    found: list[ServersTool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
        found += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _name(server: McpServer) -> str:
    """What an error calls the server: its program or its host, never its arguments, headers or path."""
    match server:
        case McpCommand(command=command):
            return command
        case McpUrl(url=url):
            return locate(url).map(lambda place: place.origin).value_or("mcp")
        case _:
            return "mcp"


def _reason(error: BaseException) -> str:
    """The first failure within those that were gathered, in a line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    words = getattr(error, "strerror", None) or " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"[:_LONGEST] if words else type(error).__name__
