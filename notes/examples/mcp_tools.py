"""MCP both ways, in one process: a manager served to others, and its tools called by the model of another manager.

A server that is a program is `McpCommand("program", arguments=(...))`, one on the network `McpUrl("https://...")`. To serve
your own models to an editor or an assistant, have it start `llm-manager mcp`. Needs the extra `mcp`.
"""

import asyncio

from mcp import Client

from llm_manager import LLMRequest, LLMResponse, ToolCall, mcp_server_of, settle, tools_of_mcp_server
from llm_manager.testing import scripted, scripted_manager

ASKING = ToolCall(id="1", name="generate", arguments='{"prompt": "Capital of France?"}')
CALLER = scripted(LLMResponse(content="", model="m", provider="p", finish="tool_calls", tool_calls=(ASKING,)), "The other one says Paris.")


async def main() -> None:
    """One model asks another as a tool."""
    served = mcp_server_of(scripted_manager(scripted("Paris."))).unwrap()
    async with Client(served) as client, tools_of_mcp_server(client) as found, scripted_manager(CALLER) as manager:
        tools = found.unwrap()
        print([tool.spec.name for tool in tools])  # -> ['generate', 'plan', 'models']
        run = (await settle(manager.call_tools(LLMRequest("Ask the other one for the capital of France."), tools))).unwrap()
        print(run.steps[0].result)  # -> Paris.
        print(run.response.content)  # -> The other one says Paris.


asyncio.run(main())
