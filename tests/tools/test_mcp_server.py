"""A manager served to others, asked by a real MCP client."""

import json
from typing import Any

import pytest
from mcp import Client
from mcp.client._memory import InMemoryTransport

from llm_manager.distribution import distribution_version
from llm_manager.domain.errors import ModelUnavailable
from llm_manager.testing import scripted, scripted_manager
from llm_manager.tools.from_mcp import tools_of_mcp_server
from llm_manager.tools.mcp_server import mcp_server_of


def text_of(result: Any) -> str:
    (block,) = result.content
    return str(block.text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_others_ask_the_models_of_a_manager(mode: str) -> None:
    model = scripted("Paris.", provider="lmstudio")
    server = mcp_server_of(scripted_manager(model), name="mine").unwrap()
    async with Client(server if mode == "auto" else InMemoryTransport(server), mode=mode) as client:
        assert client.server_info is not None
        assert client.server_info.name == "mine"
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(listed) == {"generate", "plan", "models"}
        assert listed["generate"].input_schema["required"] == ["prompt"]
        assert listed["generate"].input_schema["properties"]["private"]["description"] == "Whether only local models may see the prompt."
        asked = {"prompt": "Capital of France?", "system": "Be brief.", "max_tokens": 5, "private": True, "model": "scripted-1"}
        assert text_of(await client.call_tool("generate", asked)) == "Paris."
        (request,) = model.requests
        assert (request.prompt, request.system, request.sensitivity) == ("Capital of France?", "Be brief.", "private")
        assert (request.preferences.max_tokens, request.preferences.model, request.preferences.exact) == (5, "scripted-1", True)


async def test_plans_and_models_are_told_as_json() -> None:
    server = mcp_server_of(scripted_manager(scripted("x", provider="lmstudio"), scripted("y", provider="openai", model="gpt"))).unwrap()
    async with Client(server) as client:
        plan = json.loads(text_of(await client.call_tool("plan", {"prompt": "hello", "provider": "openai"})))
        assert plan["steps"][0]["profile"]["name"] == "gpt"
        every = json.loads(text_of(await client.call_tool("models", {})))
        assert {each["name"] for each in every} == {"scripted-1", "gpt"}
        some = json.loads(text_of(await client.call_tool("models", {"provider": "gpt"})))
        assert [each["name"] for each in some] == ["gpt"]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("generate", {"prompt": "x"}, "gone"),
        ("generate", {"prompt": 1}, "$.prompt: Expected `str`, got `int`"),
        ("generate", {}, "missing required field `prompt`"),
        ("plan", {"prompt": "x", "provider": "nobody"}, "nobody"),
        ("destroy", {}, "there is no tool of this name"),
    ],
)
async def test_failures_are_told_as_such(name: str, arguments: dict[str, Any], words: str) -> None:
    model = scripted(ModelUnavailable(model="m", message="gone", reason="permanent"))
    async with Client(mcp_server_of(scripted_manager(model)).unwrap()) as client:
        result = await client.call_tool(name, arguments)
        assert result.is_error
        assert words in text_of(result)


async def test_a_manager_may_call_another_as_a_tool() -> None:
    served = mcp_server_of(scripted_manager(scripted("Paris."))).unwrap()
    async with Client(served) as client, tools_of_mcp_server(client, only=("generate",), prefix="other_") as tools:
        (tool,) = tools.unwrap()
        assert (tool.spec.name, tool.side_effects, tool.locality) == ("other_generate", False, "cloud")


async def test_its_version_is_that_of_the_package() -> None:
    async with Client(mcp_server_of(scripted_manager(scripted("x"))).unwrap()) as client:
        assert client.session.server_info is not None
        assert client.session.server_info.version == distribution_version()
