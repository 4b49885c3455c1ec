"""The tools of an MCP server, through the extra ``mcp``, which is imported when a server is connected."""

import re
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never

from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.distribution import install_hint
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked, ToolFailed
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.models import Locality
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.addresses import locate, parse_endpoint
from llm_manager.policies.headers import header_fields
from llm_manager.services.tools import ReadyCall, Tool
from llm_manager.services.world import RunBlocking
from llm_manager.tools.descriptions import read_tool_spec
from llm_manager.tools.from_schema import checking, read_arguments
from llm_manager.tools.results import result_text

if TYPE_CHECKING:
    from mcp import Client, ClientSession
    from mcp.types import CallToolResult
    from mcp.types import Tool as ServersTool

_SERVER: Final = "the MCP server"
_LONGEST: Final = 2_000
_LONGEST_NAME: Final = 64
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")
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


@asynccontextmanager
async def tools_of_mcp_server(
    server: McpServer,
    /,
    *,
    config: LLMConfig | None = None,
    only: Collection[str] | None = None,
    prefix: str = "",
    locality: Locality | None = None,
    timeout_seconds: float = 30.0,
) -> AsyncGenerator[Settled[tuple[Tool, ...], LLMError], None]:
    """Connect to an MCP server and give its tools, which can be called until the context ends.

    A tool has side effects unless its server says that it only reads. It is local only when its server is and says that
    the tool reaches nothing else; ``locality`` decides for all of them instead. ``config`` tells airgap, local hosts and
    proxy. ``only`` names the tools that are wanted; ``prefix`` comes before every name, so that those of two servers differ.
    """
    raised: Exception | None = None
    async with AsyncExitStack() as stack:
        outcome = await _connected(stack, server, LLMConfig() if config is None else config, timeout_seconds)
        try:
            if isinstance(outcome, Failure):
                yield outcome
            else:
                session, at, listed = outcome.unwrap()
                reach = _Reach(session=session, timeout_seconds=timeout_seconds, locality=locality, at=at)
                wanted = [each for each in listed if only is None or each.name in only]
                yield _all(map(reach.tool, wanted, _names(prefix, wanted)))
        except Exception as error:  # noqa: BLE001 - raised again below: the connection would gather it into a group
            raised = error
    if raised is not None:
        raise raised


@frozen(kw_only=True)
class _Reach:
    """A connected server, and how its tools are called."""

    session: "ClientSession"
    timeout_seconds: float
    locality: Locality | None
    at: Locality

    def tool(self, described: "ServersTool", name: str) -> Settled[Tool, LLMError]:
        read = sealed(read_tool_spec({"name": described.name, "description": described.description, "inputSchema": described.input_schema}))
        if isinstance(read, Failure):
            return read
        spec = read.unwrap()
        checked = sealed(checking(name, spec.input_schema, trusted=False))
        if isinstance(checked, Failure):
            return checked
        problem, session, hints = checked.unwrap(), self.session, described.annotations

        def prepare(arguments: str) -> Settled[ReadyCall, LLMError]:
            given = read_arguments(name, arguments, problem)
            if isinstance(given, Failure):
                return given

            async def call(_: RunBlocking) -> Settled[str, LLMError]:
                return read_result(name, await session.call_tool(spec.name, given.unwrap()))

            return Success(call)

        closed = hints is not None and hints.open_world_hint is False
        return Success(
            Tool(
                spec=ToolSpec(name=name, description=spec.description, input_schema=spec.input_schema),
                prepare=prepare,
                side_effects=hints is None or hints.read_only_hint is not True,
                timeout_seconds=self.timeout_seconds,
                locality=self.locality or (self.at if closed else "cloud"),
            )
        )


def read_result(tool: str, result: "CallToolResult") -> Settled[str, LLMError]:
    """What a server answered, as text: its texts, else its structured value; what is no text is named only."""
    said = "\n".join(filter(None, map(_block_text, result.content)))
    if not said and result.structured_content is not None:
        said = result_text(tool, result.structured_content).value_or("")
    if result.is_error:
        return Failure(ToolFailed(tool=tool, message=said[:_LONGEST] or "the server gave no reason"))
    return Success(said)


def _block_text(block: Any) -> str:
    match block.type:
        case "text":
            return str(block.text)
        case "resource":
            return str(getattr(block.resource, "text", f"[{block.resource.uri}]"))
        case "resource_link":
            return f"[{block.uri}]"
        case kind:
            return f"[{kind}: {getattr(block, 'mime_type', None) or 'unknown'}]"


async def _connected(
    stack: AsyncExitStack, server: McpServer, config: LLMConfig, seconds: float
) -> "Settled[tuple[ClientSession, Locality, list[ServersTool]], LLMError]":
    """A session that stays open until the stack ends, where its server is, and what tools it told."""
    import asyncio

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
        async with asyncio.timeout(seconds):
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
            import httpx2
            from mcp.client.streamable_http import streamable_http_client

            patience = httpx2.Timeout(_CONNECT_SECONDS, read=_READ_SECONDS)
            http = httpx2.AsyncClient(headers=dict(server.headers), timeout=patience, proxy=proxy, trust_env=False)
            carrier = streamable_http_client(server.url, http_client=await stack.enter_async_context(http))
            return (await stack.enter_async_context(Client(carrier))).session
        case _:
            assert_never(server)


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


def _names(prefix: str, tools: "Iterable[ServersTool]") -> Iterator[str]:
    """What models call the tools: letters that every provider takes, at most 64, and no two alike."""
    given: set[str] = set()
    for tool in tools:
        whole = _NOT_IN_NAMES.sub("_", prefix + tool.name)
        tails = ("", *(f"_{number}" for number in range(2, len(given) + 3)))
        name = next(name for tail in tails if (name := whole[: _LONGEST_NAME - len(tail)] + tail) not in given)
        given.add(name)
        yield name


def _all(tools: Iterable[Settled[Tool, LLMError]]) -> Settled[tuple[Tool, ...], LLMError]:
    made: list[Tool] = []
    for tool in tools:
        if isinstance(tool, Failure):
            return tool
        made.append(tool.unwrap())
    return Success(tuple(made))


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
