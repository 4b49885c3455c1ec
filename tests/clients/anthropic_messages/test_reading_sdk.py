"""Anthropic's own SDK reads the same answers: text, thinking, tool calls, counts and endings are what we read."""

import json
from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message, TextBlock, ThinkingBlock, ToolUseBlock

from llm_manager.clients.anthropic_messages.codec import decode
from llm_manager.clients.anthropic_messages.encoding import encode
from llm_manager.clients.anthropic_messages.models import fitted
from llm_manager.clients.data.anthropic import API_VERSION
from llm_manager.clients.fitting import Defaults
from llm_manager.domain.messages import DocumentData, ImageUrl, TextPart, ToolCall, ToolSpec
from llm_manager.domain.messages import Message as Said
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.domain.wire_requests import WireReply
from tests.clients.anthropic_messages.bodies import (
    PLAIN,
    PLAIN_STREAM,
    THINKING,
    THINKING_STREAM,
    TOOLS,
    TOOLS_STREAM,
    WHO,
    heard,
    without,
)

FINISHES = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "stop_sequence": "stop"}


def sdk(handler: Any) -> AsyncAnthropic:
    transport = httpx2.MockTransport(handler)
    return AsyncAnthropic(api_key="k", max_retries=0, http_client=httpx2.AsyncClient(transport=transport))


async def whole(body: dict[str, Any]) -> Message:
    client = sdk(lambda _: httpx2.Response(200, json=body))
    return await client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])


async def streamed(frames: list[bytes]) -> Message:
    client = sdk(lambda _: httpx2.Response(200, content=b"".join(frames), headers={"content-type": "text/event-stream"}))
    async with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream:
        return await stream.get_final_message()


def same(answer: LLMResponse, read: Message) -> None:
    """What we read is what the SDK read."""
    assert answer.content == "".join(block.text for block in read.content if isinstance(block, TextBlock))
    assert answer.reasoning == "".join(block.thinking for block in read.content if isinstance(block, ThinkingBlock))
    assert [thought.signature for thought in answer.thoughts if thought.text] == [
        block.signature for block in read.content if isinstance(block, ThinkingBlock)
    ]
    assert [(call.id, call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [
        (block.id, block.name, block.input) for block in read.content if isinstance(block, ToolUseBlock)
    ]
    assert read.stop_reason is not None
    assert answer.finish == FINISHES[read.stop_reason]
    assert answer.model == read.model
    assert answer.usage is not None
    usage = read.usage
    assert answer.usage.input_tokens == usage.input_tokens
    assert answer.usage.cache_read_tokens == usage.cache_read_input_tokens
    assert answer.usage.cache_write_tokens == usage.cache_creation_input_tokens
    assert answer.usage.completion_tokens == usage.output_tokens


@pytest.mark.parametrize("body", [PLAIN, THINKING, TOOLS, {**PLAIN, "stop_reason": "max_tokens"}])
async def test_a_whole_answer(body: dict[str, Any]) -> None:
    same(decode(WireReply(status=200, body=json.dumps(body).encode()), WHO, 0.0).unwrap(), await whole(body))


@pytest.mark.parametrize("frames", [PLAIN_STREAM, THINKING_STREAM, TOOLS_STREAM])
async def test_a_stream(frames: list[bytes]) -> None:
    ended = heard(frames)[-1].unwrap()
    assert isinstance(ended, StreamFinished)
    same(ended.response, await streamed(frames))


async def test_what_we_write_the_sdk_would_write() -> None:
    """The same request, said to the SDK in its own words, makes the same body."""
    seen: list[Any] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(json.loads(request.content))
        return httpx2.Response(200, json=without(PLAIN))

    profile = ModelProfile(name="claude-haiku-4-5", provider="anthropic", vision=True, documents=True)
    request = LLMRequest(
        "And now?",
        system="Be brief.",
        messages=(
            Said(role="user", content=(TextPart(text="Look"), ImageUrl(url="https://x.example/a.png"), DocumentData(data=b"%PDF"))),
            Said(role="assistant", tool_calls=(ToolCall(id="a", name="now", arguments='{"zone": "UTC"}'),)),
            Said(role="tool", tool_call_id="a", content="noon", tool_failed=True),
        ),
        tools=(ToolSpec(name="now", description="The time"),),
        output=JsonSchema(schema={"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}),
        preferences=Preferences(max_tokens=4000, reasoning="low", stop=("END",), prompt_cache="long"),
    )
    kept: Any = {"type": "ephemeral", "ttl": "1h"}
    await sdk(handler).messages.create(
        model="claude-haiku-4-5",
        max_tokens=4000,
        system=[{"type": "text", "text": "Be brief.", "cache_control": kept}],
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
                ],
            },
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "now", "input": {"zone": "UTC"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "noon", "is_error": True}]},
            {"role": "user", "content": [{"type": "text", "text": "And now?", "cache_control": kept}]},
        ],
        tools=[{"name": "now", "description": "The time", "input_schema": {"type": "object", "properties": {}}}],
        output_config={
            "format": {
                "type": "json_schema",
                "schema": {
                    "type": "object",
                    "properties": {"at": {"type": "string"}},
                    "required": ["at"],
                    "additionalProperties": False,
                },
            }
        },
        thinking={"type": "enabled", "budget_tokens": 2000},
        stop_sequences=["END"],
    )
    assert json.loads(encode(request, fitted(profile, API_VERSION), Defaults()).unwrap().body) == seen[0]
