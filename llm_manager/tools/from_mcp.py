"""The tools of an MCP server, through the extra ``mcp``, which is imported when a server is connected."""

import re
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError, ToolFailed
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.models import Locality
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.names import nearest
from llm_manager.services.tools import ReadyCall, Tool
from llm_manager.services.world import RunBlocking
from llm_manager.tools.descriptions import read_tool_spec
from llm_manager.tools.from_schema import checking, read_arguments
from llm_manager.tools.mcp_connecting import McpServer, connection
from llm_manager.tools.results import result_text

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult
    from mcp.types import Tool as ServersTool

_LONGEST: Final = 2_000
_LONGEST_NAME: Final = 64
_MOST_NAMES: Final = 8
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")


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
    proxy. ``only`` names the tools that are wanted, each of them one that the server has; ``prefix`` comes before every name,
    so that those of two servers differ. ``timeout_seconds`` bounds connecting and telling the tools, then each call.
    """
    async with connection(server, LLMConfig() if config is None else config, timeout_seconds) as outcome:
        if isinstance(outcome, Failure):
            yield outcome
            return
        session, at, listed = outcome.unwrap()
        reach = _Reach(session=session, timeout_seconds=timeout_seconds, locality=locality, at=at)
        names = (only,) if isinstance(only, str) else only
        absent = None if names is None else _absent(names, [each.name for each in listed])
        if absent is not None:
            yield Failure(absent)
            return
        wanted = [each for each in listed if names is None or each.name in names]
        yield _all(map(reach.tool, wanted, _names(prefix, wanted)))


def _absent(wanted: Iterable[str], there: Sequence[str]) -> ToolFailed | None:
    """Say which wanted tool the server has not, and which one was probably meant."""
    name = next((name for name in wanted if name not in there), None)
    if name is None:
        return None
    near = nearest(name, there) or tuple(there[:_MOST_NAMES])
    hint = f"; did you mean {', '.join(near)}?" if near else "; it has none at all"
    return ToolFailed(tool=name, message=f"the MCP server has no tool of this name{hint}", reason="unknown")


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
