"""Answers as Cohere's reference and guides show them, for the tests beside this file."""

import json
from collections.abc import Sequence
from typing import Any

from returns.result import Failure

from llm_manager.clients.cohere.codec import decode_event
from llm_manager.clients.frames import START, end_sse, feed_sse
from llm_manager.clients.telling import Event, begun, cut
from llm_manager.clients.who import Who

WHO = Who(provider="cohere", model="command-a-03-2025", endpoint="https://api.cohere.com/v2")

TEXT: dict[str, Any] = {
    "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "LLMs stand for Large Language Models."}]},
    "usage": {
        "billed_units": {"input_tokens": 12, "output_tokens": 9},
        "tokens": {"input_tokens": 507, "output_tokens": 11},
        "cached_tokens": 4,
    },
}

THOUGHTS: dict[str, Any] = {
    "id": "0e1b1d3e-7f0c-4a9f-a7a2-1d34f0f0aa11",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Three brothers, so "}, {"type": "text", "text": "Three sisters."}],
    },
    "usage": {"billed_units": {"input_tokens": 40, "output_tokens": 30}, "tokens": {"input_tokens": 140, "output_tokens": 33}},
}

TOOLS: dict[str, Any] = {
    "id": "99a6b1e3-52d1-4d4a-b9b1-5b4d1c9ac8d4",
    "finish_reason": "TOOL_CALL",
    "message": {
        "role": "assistant",
        "tool_plan": "I will look up the sales of that day, then the products.",
        "tool_calls": [
            {
                "id": "query_daily_sales_report_hgxxmkby3wta",
                "type": "function",
                "function": {"name": "query_daily_sales_report", "arguments": '{"day":"2023-09-29"}'},
            },
            {"id": "now_nsz5zm3w56q3", "type": "function", "function": {"name": "now", "arguments": ""}},
        ],
        "citations": [{"start": 0, "end": 3, "text": "I w", "sources": [{"type": "tool", "id": "x:0"}]}],
    },
    "usage": {"tokens": {"input_tokens": 1028.0, "output_tokens": 63.0}},
}

WHOLE = {"text": TEXT, "thoughts": THOUGHTS, "tools": TOOLS}


def split(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The same answer as the events of a stream, in pieces."""
    message, events = answer["message"], [{"type": "message-start", "id": answer["id"], "delta": {"message": {"role": "assistant"}}}]
    for index, block in enumerate(message.get("content", ())):
        kind = block["type"]
        text = block["thinking" if kind == "thinking" else "text"]
        key = "thinking" if kind == "thinking" else "text"
        events.append({"type": "content-start", "index": index, "delta": {"message": {"content": {"type": kind, key: ""}}}})
        events += [
            {"type": "content-delta", "index": index, "delta": {"message": {"content": {key: part}}}} for part in (text[:5], text[5:])
        ]
        events.append({"type": "content-end", "index": index})
    if "tool_plan" in message:
        plan = message["tool_plan"]
        events += [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": part}}} for part in (plan[:9], plan[9:])]
    for index, call in enumerate(message.get("tool_calls", ())):
        function = {"name": call["function"]["name"], "arguments": ""}
        events.append({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": {**call, "function": function}}}})
        text = call["function"]["arguments"]
        events += [
            {"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": {"function": {"arguments": part}}}}}
            for part in (text[:4], text[4:])
        ]
        events.append({"type": "tool-call-end", "index": index})
    events.append({"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"start": 0, "end": 3, "text": "LLM"}}}})
    return [*events, {"type": "citation-end", "index": 0}, end(answer["finish_reason"], usage=answer["usage"])]


def end(reason: str | None = "COMPLETE", **more: Any) -> dict[str, Any]:
    """The last event of a stream."""
    return {"type": "message-end", "delta": {**({} if reason is None else {"finish_reason": reason}), **more}}


def text(words: str) -> dict[str, Any]:
    """A piece of the answer's text."""
    return {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": words}}}}


def sse(*events: object, end: bytes = b"\n") -> bytes:
    """A stream's body."""
    frames: list[bytes] = []
    for event in events:
        name = f"event: {event['type']}".encode() + end if isinstance(event, dict) and "type" in event else b""
        frames.append(name + b"data: " + (event if isinstance(event, str) else json.dumps(event)).encode() + end + end)
    return b"".join(frames)


def told(chunks: Sequence[bytes], who: Who = WHO) -> list[Event]:
    """What is made of a stream in chunks, as `talking` does it."""
    framing, state, events = START, begun(wall=0.0), list[Event]()
    for chunk in (*chunks, None):
        if chunk is None:
            arrived = end_sse(framing)
        else:
            framing, arrived = feed_sse(framing, chunk)
        for data, name in arrived:
            state, happened = decode_event(state, data, who, name)
            events.extend(happened)
    return events if state.over else [*events, Failure(cut(state, who))]
