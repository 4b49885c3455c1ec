"""Tools of real MCP servers: in this process, in one of their own, and over HTTP on loopback."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import pytest
import uvicorn
from mcp import Client, types
from mcp.client._memory import InMemoryTransport
from mcp.server import Server
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked, ToolFailed
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.tools import Tool
from llm_manager.testing import FakeWorld, scripted, scripted_manager
from llm_manager.tools.from_mcp import read_result, tools_of_mcp_server
from llm_manager.tools.mcp_connecting import LARGEST_ANSWER_BYTES, McpCommand, McpUrl


class Book(BaseModel):
    """A book."""

    title: str
    year: int


def library() -> MCPServer:
    """A server as others write them."""
    server = MCPServer("library")

    @server.tool(annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False))
    def find(title: str, limit: Annotated[int, Field(ge=1)] = 3) -> list[Book]:
        """Find books by their title."""
        return [Book(title=title, year=1900 + place) for place in range(limit)]

    @server.tool(annotations=types.ToolAnnotations(destructive_hint=True))
    def remove(book: Book) -> str:
        """Take a book out."""
        return f"{book.title} is gone"

    @server.tool(name="shelf.count!")
    def count() -> str:
        raise ValueError("the shelf fell down")

    return server


async def told(tool: Tool, arguments: str = "{}") -> Settled[str, LLMError]:
    prepared = tool.prepare(arguments)
    return prepared if isinstance(prepared, Failure) else await prepared.unwrap()(FakeWorld().run_blocking)


@asynccontextmanager
async def connected(server: Any, **options: Any) -> AsyncIterator[dict[str, Tool]]:
    async with Client(server) as client, tools_of_mcp_server(client, **options) as tools:
        yield {tool.spec.name: tool for tool in tools.unwrap()}


async def test_tools_come_with_schema_words_and_hints() -> None:
    async with connected(library()) as tools:
        find, remove, count = tools["find"], tools["remove"], tools["shelf_count_"]
        assert find.spec.description == "Find books by their title."
        assert find.spec.input_schema["required"] == ["title"]
        assert (find.side_effects, remove.side_effects, count.side_effects) == (False, True, True)
        assert {tool.locality for tool in tools.values()} == {"cloud"}


async def test_a_call_gives_its_text_and_a_failure_is_one() -> None:
    async with connected(library()) as tools:
        assert '"year": 1900' in (await told(tools["find"], '{"title": "Emma", "limit": 1}')).unwrap()
        assert (await told(tools["remove"], '{"book": {"title": "Emma", "year": 1815}}')).unwrap() == "Emma is gone"
        failed = (await told(tools["shelf_count_"])).failure()
        assert isinstance(failed, ToolFailed)
        assert (failed.tool, failed.reason) == ("shelf_count_", "failed")


async def test_arguments_are_checked_before_they_are_sent() -> None:
    async with connected(library()) as tools:
        wrong = (await told(tools["remove"], '{"book": {"title": "Emma", "year": "1815"}}')).failure()
        assert wrong == ToolFailed(tool="remove", message='$.book.year: does not fit type "integer"', reason="arguments")


async def test_tools_are_chosen_named_and_placed() -> None:
    async with connected(library(), only=("find", "remove"), prefix="my.", locality="local", timeout_seconds=2.0) as tools:
        assert list(tools) == ["my_find", "my_remove"]
        assert {(tool.locality, tool.timeout_seconds) for tool in tools.values()} == {("local", 2.0)}


async def test_a_session_will_do_and_so_will_the_older_handshake() -> None:
    async with (
        Client(InMemoryTransport(library()), mode="legacy") as client,
        tools_of_mcp_server(client.session, only=("remove",)) as tools,
    ):
        assert (await told(tools.unwrap()[0], '{"book": {"title": "Emma", "year": 1815}}')).unwrap() == "Emma is gone"


async def test_a_model_calls_them() -> None:
    call = ToolCall(id="c", name="find", arguments='{"title": "Emma", "limit": 1}')
    model = scripted(LLMResponse(content="", model="m", provider="p", finish="tool_calls", tool_calls=(call,)), "In 1900.")
    async with Client(library()) as client, tools_of_mcp_server(client) as tools, scripted_manager(model) as manager:
        run = (await settle(manager.call_tools(LLMRequest("When was Emma written?"), tools.unwrap()))).unwrap()
    assert (run.response.content, run.steps[0].error) == ("In 1900.", None)
    assert "1900" in run.steps[0].result


def paged(pages: int, schema: dict[str, Any] | None = None) -> "Server[Any]":
    """A server whose list has pages, each with one tool."""

    async def listing(_: Any, asked: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        page = int(asked.cursor) if asked and asked.cursor else 0
        tool = types.Tool(name=f"t{page}", input_schema=schema or {"type": "object"})
        return types.ListToolsResult(tools=[tool], next_cursor=str(page + 1) if page + 1 < pages else None)

    return Server("paged", on_list_tools=listing)


async def test_all_pages_are_read_and_an_endless_list_is_cut() -> None:
    async with connected(paged(3)) as tools:
        assert list(tools) == ["t0", "t1", "t2"]
    async with connected(paged(1000)) as tools:
        assert len(tools) == 100


async def test_no_two_tools_of_a_server_come_to_have_one_name() -> None:
    names = ("a.b", "a_b", "a-b", "a b", "c" * 70 + "1", "c" * 70 + "2")

    async def listing(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in names])

    async with connected(Server("alike", on_list_tools=listing)) as tools:
        assert list(tools) == ["a_b", "a_b_2", "a-b", "a_b_3", "c" * 64, "c" * 62 + "_2"]


async def test_a_tool_without_a_schema_is_told_by_name() -> None:
    for schema in ({"type": "object", "properties": []}, {"type": "object", "required": "x"}):
        async with Client(paged(1, schema)) as client, tools_of_mcp_server(client) as tools:
            assert isinstance(tools, Failure)
            error = tools.failure()
            assert isinstance(error, ConfigurationError)
            assert "t0" in error.message


PROGRAM = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("adder")

@server.tool(annotations={"readOnlyHint": True, "openWorldHint": False})
def add(a: int, b: int) -> int:
    return a + b

server.run()
"""


async def test_a_program_is_started_and_ended(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(PROGRAM)
    async with tools_of_mcp_server(McpCommand(sys.executable, arguments=(str(program),), folder=str(tmp_path))) as tools:
        (add,) = tools.unwrap()
        assert (add.side_effects, add.locality) == (False, "local")
        assert (await told(add, '{"a": 2, "b": 3}')).unwrap() == "5"


async def test_what_is_raised_inside_comes_out_as_it_is(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(PROGRAM)
    with pytest.raises(ValueError, match="mine"):
        async with tools_of_mcp_server(McpCommand(sys.executable, arguments=(str(program),))):
            raise ValueError("mine")


async def test_a_server_that_dies_fails_its_tools_and_no_more(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(PROGRAM.replace("return a + b", "__import__('os')._exit(3)"))
    asked = tuple(ToolCall(id=id_, name="add", arguments='{"a": 1, "b": 2}') for id_ in ("c", "d"))
    model = scripted(LLMResponse(content="", model="m", provider="p", finish="tool_calls", tool_calls=asked), "It is gone.")
    command = McpCommand(sys.executable, arguments=(str(program),))
    async with tools_of_mcp_server(command) as tools, scripted_manager(model, world=real_world({})) as manager:
        run = (await settle(manager.call_tools(LLMRequest("1 + 2?"), tools.unwrap()))).unwrap()
    assert run.response.content == "It is gone."
    assert [step.result for step in run.steps] == ["MCPError: Connection closed"] * 2


@pytest.mark.parametrize("server", [McpCommand("no-such-program-anywhere"), McpUrl("http://127.0.0.1:9/mcp", headers={"x": "secret"})])
async def test_a_server_that_cannot_be_reached_is_a_failure(server: McpCommand | McpUrl) -> None:
    async with tools_of_mcp_server(server, timeout_seconds=5.0) as tools:
        assert isinstance(tools, Failure)
        error = tools.failure()
        assert isinstance(error, ToolFailed)
        assert error.message.startswith("the MCP server cannot be reached: ")
        assert error.tool in ("no-such-program-anywhere", "http://127.0.0.1:9")
        assert "secret" not in f"{error}{server}"


async def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    """In time, even one that does not end when it is told to; it is waited for only when the context ends."""
    program = tmp_path / "silent.py"
    program.write_text("import time; time.sleep(60)")
    clock = asyncio.get_running_loop().time
    began = clock()
    async with tools_of_mcp_server(McpCommand(sys.executable, arguments=(str(program),)), timeout_seconds=0.3) as tools:
        assert clock() - began < 1.5
        error = tools.failure()
        assert isinstance(error, ToolFailed)
        assert (error.reason, error.message) == ("timeout", "the MCP server cannot be reached: it told no tools within 0.3 s")


async def test_who_is_cancelled_while_connecting_leaves_nothing_behind(tmp_path: Path) -> None:
    program = tmp_path / "silent.py"
    program.write_text("import sys; sys.stdin.read()")

    async def connect() -> None:
        async with tools_of_mcp_server(McpCommand(sys.executable, arguments=(str(program),))):
            raise AssertionError("it told no tools")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connect(), 0.3)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("only", "message"),
    [
        (["fnid"], "the MCP server has no tool of this name; did you mean find?"),
        (("find", "xyz"), "the MCP server has no tool of this name; did you mean find, remove, shelf.count!?"),
        ("fin", "the MCP server has no tool of this name; did you mean find?"),
    ],
)
async def test_a_wanted_tool_that_is_not_there_is_told_with_the_nearest(only: Any, message: str) -> None:
    async with Client(library()) as client, tools_of_mcp_server(client, only=only) as tools:
        error = tools.failure()
        assert isinstance(error, ToolFailed)
        assert (error.reason, error.message) == ("unknown", message)


async def test_one_name_is_one_wanted_tool() -> None:
    async with connected(library(), only="find") as tools:
        assert list(tools) == ["find"]


async def test_where_a_server_may_be_is_judged_first() -> None:
    airgap = LLMConfig(routing=RoutingPolicy(airgap=True))
    async with tools_of_mcp_server(McpUrl("https://tools.example.com/mcp"), config=airgap) as tools:
        assert isinstance(tools.failure(), PolicyBlocked)
    async with tools_of_mcp_server(McpUrl("http://tools.example.com/mcp")) as tools:
        assert isinstance(tools.failure(), ConfigurationError)


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer canary\nX: y"}, {"Authorization": "Bearer canary\0"}, {"X\n": "canary"}])
async def test_a_header_that_cannot_be_sent_is_told_without_its_value(headers: dict[str, str]) -> None:
    """The HTTP library would repeat it."""
    async with tools_of_mcp_server(McpUrl("http://127.0.0.1:9/mcp", headers=headers)) as tools:
        assert isinstance(tools, Failure)
        assert isinstance(tools.failure(), ConfigurationError)
        assert "canary" not in repr(tools)


@pytest.mark.parametrize("packed", [b"", b"Content-Encoding: gzip\r\n"])
async def test_an_answer_without_end_is_not_read_to_its_end(packed: bytes) -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.read(2000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n" + packed + b"\r\n")
        with suppress(ConnectionError):
            while sent < 3 * LARGEST_ANSWER_BYTES:
                writer.write(b"[" * 1_000_000)
                sent += 1_000_000
                await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
        async with tools_of_mcp_server(McpUrl(url), timeout_seconds=9.0) as tools:
            assert isinstance(tools, Failure)
    assert sent < 2 * LARGEST_ANSWER_BYTES


async def test_over_http_headers_are_sent() -> None:
    seen: list[str | None] = []
    app = library().streamable_http_app()

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append(dict(scope["headers"]).get(b"x-mine", b"").decode())
        await app(scope, receive, send)

    serving = uvicorn.Server(uvicorn.Config(noting, host="127.0.0.1", port=0, log_level="error", lifespan="on"))
    running = asyncio.create_task(serving.serve())
    while not serving.started:  # noqa: ASYNC110 - it tells in no other way
        await asyncio.sleep(0.01)
    port = serving.servers[0].sockets[0].getsockname()[1]
    try:
        async with tools_of_mcp_server(McpUrl(f"http://127.0.0.1:{port}/mcp", headers={"X-Mine": "yes"})) as tools:
            found = {tool.spec.name: tool for tool in tools.unwrap()}
            assert (await told(found["remove"], '{"book": {"title": "Emma", "year": 1815}}')).unwrap() == "Emma is gone"
            assert (found["find"].locality, found["remove"].locality) == ("local", "cloud")
    finally:
        serving.should_exit = True
        await running
    assert set(seen) == {"yes"}


async def test_without_its_package_it_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    async with tools_of_mcp_server(McpCommand("x")) as tools:
        error = tools.failure()
    assert isinstance(error, ConfigurationError)
    assert "[mcp]" in error.message


@pytest.mark.parametrize(
    ("content", "structured", "text"),
    [
        ([types.TextContent(type="text", text="a"), types.TextContent(type="text", text="b")], None, "a\nb"),
        ([], {"a": 1}, '{"a":1}'),
        ([types.ImageContent(type="image", data="AA==", mime_type="image/png")], None, "[image: image/png]"),
        ([types.ResourceLink(type="resource_link", uri="file:///a", name="a")], None, "[file:///a]"),
        (
            [types.EmbeddedResource(type="resource", resource=types.TextResourceContents(uri="file:///a", text="words"))],
            None,
            "words",
        ),
        (
            [types.EmbeddedResource(type="resource", resource=types.BlobResourceContents(uri="file:///a", blob="AA=="))],
            None,
            "[file:///a]",
        ),
    ],
)
def test_every_kind_of_answer_is_text(content: list[Any], structured: Any, text: str) -> None:
    result = types.CallToolResult(content=content, structured_content=structured)
    assert read_result("t", result) == Success(text)
    failed = types.CallToolResult(content=content, structured_content=structured, is_error=True)
    assert read_result("t", failed).failure() == ToolFailed(tool="t", message=text)


def test_a_failure_without_words_is_one() -> None:
    assert read_result("t", types.CallToolResult(content=[], is_error=True)).failure() == ToolFailed(
        tool="t", message="the server gave no reason"
    )
