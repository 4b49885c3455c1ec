"""A manager as an MCP server, through the extra ``mcp``: other programs ask its models as they would call a tool."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.distribution import distribution_version, install_hint
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.wire import to_plain
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.names import AUTO, canonical_provider
from llm_manager.services.manager import LLMManager
from llm_manager.services.tools import Tool
from llm_manager.tools.from_function import tool_from_function

if TYPE_CHECKING:
    from mcp.server import Server

_Value = TypeVar("_Value")


def mcp_server_of(manager: LLMManager, *, name: str = "llm-manager") -> "Result[Server[Any], LLMError]":
    """Make an MCP server whose tools are `generate`, `plan` and `models` of a manager; serving it is the caller's."""
    try:
        from mcp import types
        from mcp.server import Server
    except ImportError:
        return Failure(ConfigurationError(message=f"serving MCP needs one more package: {install_hint('mcp')}"))

    offered = _Offered(manager=manager)
    tools = [tool_from_function(function).unwrap() for function in (offered.generate, offered.plan, offered.models)]
    known = {tool.spec.name: tool for tool in tools}
    hints = types.ToolAnnotations(read_only_hint=True, open_world_hint=True)
    described = [
        types.Tool(name=key, description=tool.spec.description, input_schema=dict(tool.spec.input_schema), annotations=hints)
        for key, tool in known.items()
    ]

    async def listing(_: Any, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=described)

    async def calling(_: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        outcome = await _called(known.get(asked.name), asked.arguments or {})
        text = describe(outcome.failure()) if isinstance(outcome, Failure) else outcome.unwrap()
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=isinstance(outcome, Failure))

    return Success(Server(name, version=distribution_version() or "", on_list_tools=listing, on_call_tool=calling))


async def serve_on_standard_streams(server: "Server[Any]") -> None:
    """Serve until the other side ends; nothing else may write to standard output meanwhile."""
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def _called(tool: Tool | None, arguments: Mapping[str, Any]) -> Settled[str, LLMError]:
    if tool is None:
        return Failure(ConfigurationError(message="there is no tool of this name"))
    prepared = tool.prepare(json.dumps(arguments))
    return prepared if isinstance(prepared, Failure) else await prepared.unwrap()(_at_once)


async def _at_once(work: Callable[[], _Value], /) -> _Value:
    """What is offered is async: nothing in it blocks."""
    return work()


def _request(
    prompt: str, *, system: str | None = None, model: str | None = None, provider: str | None = None, private: bool = False
) -> LLMRequest:
    """Who is named is asked and nobody else."""
    named = model is not None or provider not in (None, AUTO)
    return LLMRequest(
        prompt,
        system=system,
        sensitivity="private" if private else None,
        preferences=Preferences(model=model, provider=provider, exact=named),
    )


@frozen(kw_only=True)
class _Offered:
    """What others may ask of a manager, each a tool by its types and words."""

    manager: LLMManager

    async def generate(
        self,
        prompt: str,
        *,
        system: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        private: bool = False,
    ) -> Settled[str, LLMError]:
        """Ask a language model, on this machine or in a cloud, and get its answer.

        Args:
            prompt: What to ask.
            system: What the model is told before the prompt.
            model: The model to ask and no other; one that suits the prompt is chosen otherwise.
            provider: The provider to ask and no other, such as openai, anthropic, ollama or embedded.
            max_tokens: The longest answer, in tokens.
            temperature: 0 for the likeliest words, more for variety.
            private: Whether only local models may see the prompt.
        """
        request = _request(prompt, system=system, model=model, provider=provider, private=private)
        preferences = evolve(request.preferences, max_tokens=max_tokens, temperature=temperature)
        return await settle(self.manager.generate(evolve(request, preferences=preferences)).map(lambda answer: answer.content))

    async def plan(
        self, prompt: str, model: str | None = None, provider: str | None = None, private: bool = False
    ) -> Settled[Any, LLMError]:
        """Show which models would be asked for a prompt, in which order and why; nothing is sent.

        Args:
            prompt: What would be asked.
            model: The model that would be named.
            provider: The provider that would be named.
            private: Whether only local models may see the prompt.
        """
        await settle(self.manager.discover())
        return sealed(self.manager.plan(_request(prompt, model=model, provider=provider, private=private)).map(to_plain))

    async def models(self, provider: str | None = None) -> Settled[Any, LLMError]:
        """List the language models that can be asked, with their windows, prices and abilities.

        Args:
            provider: Only the models of this provider.
        """
        listed = await settle(self.manager.models())
        if isinstance(listed, Failure):
            return listed
        return Success([to_plain(each) for each in listed.unwrap() if provider is None or each.provider == canonical_provider(provider)])
