"""Let a model call the functions of a program until it has its answer.

A function's types and its docstring are all that the model is told. What the model writes is read strictly before anything
is called; whatever goes wrong is told to the model, which may try another way. A tool that does something asks first.
"""

import asyncio

from llm_manager import LLMRequest, LLMResponse, ToolCall, ToolSpec, settle, tool_from_function
from llm_manager.testing import scripted, scripted_manager

STOCK = {"teapot": 4, "kettle": 0}


def stock(item: str) -> int:
    """How many of an item are left.

    Args:
        item: Its name, in the singular.
    """
    return STOCK[item]


async def order(item: str, pieces: int = 10) -> str:
    """Order more of an item."""
    STOCK[item] += pieces
    return f"{pieces} of {item} ordered"


def confirm(call: ToolCall, tool: ToolSpec) -> bool:
    """Where a person would be asked."""
    print(f"asked: {tool.name} {call.arguments}")
    return True


def calling(name: str, arguments: str) -> LLMResponse:
    """What a model that calls a tool answers."""
    call = ToolCall(id="", name=name, arguments=arguments)
    return LLMResponse(content="", model="m", provider="p", finish="tool_calls", tool_calls=(call,))


MODEL = scripted(
    calling("stock", '{"item": 4}'),
    calling("stock", '{"item": "kettle"}'),
    calling("order", '{"item": "kettle"}'),
    "There was no kettle left; ten are on their way.",
)


async def main() -> None:
    """One question, three calls."""
    tools = [tool_from_function(stock).unwrap(), tool_from_function(order, side_effects=True).unwrap()]
    async with scripted_manager(MODEL) as manager:
        run = (await settle(manager.call_tools(LLMRequest("Are there kettles?"), tools, confirm=confirm))).unwrap()
    # -> asked: order {"item": "kettle"}
    for step in run.steps:
        print(f"{step.step}. {step.call.name}: {step.result}")
    # -> 1. stock: $.item: Expected `str`, got `int`
    # -> 2. stock: 0
    # -> 3. order: 10 of kettle ordered
    print(run.response.content)  # -> There was no kettle left; ten are on their way.


asyncio.run(main())
