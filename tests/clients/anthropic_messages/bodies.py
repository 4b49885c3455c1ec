"""Answers as Anthropic really shapes them, for the tests beside this file."""

import json
from collections.abc import Sequence
from typing import Any

from returns.result import Failure

from llm_manager.clients.anthropic_messages.codec import Event, Who, begun, cut, decode_event
from llm_manager.clients.frames import START, end_sse, feed_sse

WHO = Who(provider="anthropic", model="claude-haiku-4-5", endpoint="https://api.anthropic.com")
SIGNATURE = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds"
REDACTED = "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP"

PLAIN: dict[str, Any] = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "Hello!"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 12,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 46,
        "output_tokens_details": {"thinking_tokens": 32},
        "service_tier": "standard",
    },
}

THINKING: dict[str, Any] = {
    **PLAIN,
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": SIGNATURE},
        {"type": "redacted_thinking", "data": REDACTED},
        {"type": "text", "text": "It is "},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "sunny.", "citations": []},
    ],
}

TOOLS: dict[str, Any] = {
    **PLAIN,
    "content": [
        {"type": "text", "text": "I will look."},
        {"type": "tool_use", "id": "toolu_01D7FLrfh4GYq7yT1ULFeyMV", "name": "weather", "input": {"city": "Zürich", "days": 3}},
        {"type": "tool_use", "id": "toolu_02", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
}

REFUSED: dict[str, Any] = {
    **PLAIN,
    "content": [{"type": "text", "text": "I"}],
    "stop_reason": "refusal",
    "stop_details": {"type": "refusal", "category": "cyber", "explanation": "This could harm."},
}


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def event(kind: str, **more: Any) -> bytes:
    """An event as it stands in a stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def delta(kind: str, index: int = 0, **more: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **more})


def start(index: int = 0, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def stop(index: int = 0) -> bytes:
    return event("content_block_stop", index=index)


BEGIN = event(
    "message_start",
    message={
        **PLAIN,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 12, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 1},
    },
)
PING = event("ping")
DONE = event("message_stop")


def ending(reason: str | None = "end_turn", **more: Any) -> bytes:
    usage = more.pop("usage", {"output_tokens": 46, "output_tokens_details": {"thinking_tokens": 32}})
    return event("message_delta", delta={"stop_reason": reason, "stop_sequence": None, **more}, usage=usage)


PLAIN_STREAM = [
    BEGIN,
    start(type="text", text=""),
    PING,
    delta("text_delta", text="Hel"),
    delta("text_delta", text="lo!"),
    stop(),
    ending(),
    DONE,
]

THINKING_STREAM = [
    BEGIN,
    start(type="thinking", thinking="", signature=""),
    delta("thinking_delta", thinking="Let me "),
    delta("thinking_delta", thinking="see."),
    delta("signature_delta", signature=SIGNATURE),
    stop(),
    start(1, type="redacted_thinking", data=REDACTED),
    stop(1),
    start(2, type="text", text=""),
    delta("text_delta", 2, text="It is "),
    stop(2),
    start(3, type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
    delta("input_json_delta", 3, partial_json='{"query": "x"}'),
    stop(3),
    start(4, type="web_search_tool_result", tool_use_id="srvtoolu_1", content=[]),
    stop(4),
    start(5, type="text", text=""),
    delta("text_delta", 5, text="sunny."),
    delta("citations_delta", 5, citation={"type": "web_search_result_location", "url": "https://x.example", "title": "x"}),
    stop(5),
    ending(),
    DONE,
]

TOOLS_STREAM = [
    BEGIN,
    start(type="text", text=""),
    delta("text_delta", text="I will look."),
    stop(),
    start(1, type="tool_use", id="toolu_01D7FLrfh4GYq7yT1ULFeyMV", name="weather", input={}),
    delta("input_json_delta", 1, partial_json=""),
    delta("input_json_delta", 1, partial_json='{"city": "Z\\u00fc'),
    delta("input_json_delta", 1, partial_json='rich", "days": 3}'),
    stop(1),
    start(2, type="tool_use", id="toolu_02", name="now", input={}),
    stop(2),
    ending("tool_use"),
    DONE,
]


def heard(chunks: Sequence[bytes], who: Who = WHO) -> list[Event]:
    """What a stream tells, whatever its end."""
    framing, told, happened = START, begun(wall=0.0), list[Event]()
    for chunk in chunks:
        framing, arrived = feed_sse(framing, chunk)
        for data, name in arrived:
            told, more = decode_event(told, data, who, name)
            happened.extend(more)
    for data, name in end_sse(framing):
        told, more = decode_event(told, data, who, name)
        happened.extend(more)
    return happened if told.over else [*happened, Failure(cut(told, who))]
