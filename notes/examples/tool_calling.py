"""Let a model call a tool, run it, and give back what it found.

The built-in model knows no tools by itself: a JSON schema holds it to the form of a call, so what it fills in is well
formed, though not always wise. Running tools is up to the program; here it is a lookup in a table.
"""
# needs the embedded model

import asyncio
import json

from llm_manager import LLMConfig, LLMRequest, Message, Preferences, ToolSpec, make_llm_manager, settle

WEATHER = {"Paris": "rain, 11 degrees", "Rome": "sun, 19 degrees"}
TOOL = ToolSpec(
    name="get_weather",
    description="The weather in a city right now.",
    input_schema={
        "type": "object",
        "properties": {"city": {"type": "string", "enum": list(WEATHER)}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


async def main() -> None:
    """Ask; the model calls; the tool answers; the model says it in words."""
    preferences = Preferences(provider="embedded", max_tokens=60, temperature=0.0)
    question = Message(role="user", content="How is the weather in Paris?")
    async with make_llm_manager(LLMConfig()).unwrap() as manager:
        called = (await settle(manager.generate(LLMRequest(messages=(question,), tools=(TOOL,), preferences=preferences)))).unwrap()
        (call,) = called.tool_calls
        city = json.loads(call.arguments)["city"]
        print(f"{called.finish}: {call.name}({city})")

        found = Message(role="tool", content=WEATHER[city], tool_call_id=call.id)
        said = Message(role="assistant", tool_calls=(call,))
        answer = await settle(manager.generate(LLMRequest(messages=(question, said, found), tools=(TOOL,), preferences=preferences)))
        print(f"{answer.unwrap().finish}: {answer.unwrap().content.strip()}")


asyncio.run(main())
