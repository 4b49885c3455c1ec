"""Answers as providers really shape them, for the tests beside this file."""

import json
from collections.abc import Sequence
from typing import Any

from returns.result import Failure

from llm_manager.clients.frames import START, end_sse, feed_sse
from llm_manager.clients.openai_chat.codec import Event, Who, begun, cut, decode_event

WHO = Who(provider="openai", model="gpt-4o-mini", endpoint="https://api.openai.com/v1")

OPENAI = {
    "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
    "object": "chat.completion",
    "created": 1741570283,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "positive", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1117,
        "completion_tokens": 46,
        "total_tokens": 1163,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 32, "audio_tokens": 0, "accepted_prediction_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_fc9f1d7035",
}

LLAMACPP = {
    "choices": [
        {"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": "Paris.", "reasoning_content": "France"}}
    ],
    "created": 1760000000,
    "model": "loaded-model",
    "system_fingerprint": "b6210-a094f38",
    "object": "chat.completion",
    "usage": {"completion_tokens": 3, "prompt_tokens": 16, "total_tokens": 19},
    "id": "chatcmpl-x",
    "timings": {"prompt_n": 16, "prompt_ms": 30.1, "predicted_per_token_ms": 5.25},
}

TOOLS = {
    "id": "chatcmpl-t",
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
                    {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}


def chunk(delta: dict[str, Any] | None = None, *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A piece of a stream."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    return {"id": "chatcmpl-s", "object": "chat.completion.chunk", "model": "gpt-4o-mini-2024-07-18", "choices": choices, **more}


def sse(*chunks: object, done: bool = True, end: bytes = b"\n") -> bytes:
    """A stream's body; a comment stands in it, as OpenRouter sends them."""
    lines = [b": OPENROUTER PROCESSING"]
    lines += [b"data: " + (piece.encode() if isinstance(piece, str) else json.dumps(piece).encode()) for piece in chunks]
    lines += [b"data: [DONE]"] if done else []
    return b"".join(line + end + end for line in lines)


def split(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The stream that says what a whole answer says, letter by letter."""
    message, choice = answer["choices"][0]["message"], answer["choices"][0]
    named = {"id": answer["id"], "model": answer["model"]}
    pieces = [chunk({"role": "assistant", "content": ""}) | named]
    pieces += [chunk({"reasoning_content": letter}) | named for letter in message.get("reasoning_content") or ""]
    pieces += [chunk({"content": letter}) | named for letter in message.get("content") or ""]
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        pieces.append(
            chunk({"tool_calls": [{"index": index, "id": call["id"], "function": {"name": function["name"], "arguments": ""}}]}) | named
        )
        pieces += [chunk({"tool_calls": [{"index": index, "function": {"arguments": letter}}]}) | named for letter in function["arguments"]]
    pieces.append(chunk({}, finish=choice["finish_reason"]) | named)
    if "usage" in answer:
        pieces.append(chunk(usage=answer["usage"]) | named)
    return pieces


def told(chunks: Sequence[bytes], who: Who = WHO) -> list[Event]:
    """All events of a body that comes in these chunks and then ends."""
    state, framing = begun(wall=0.0), START
    events: list[Event] = []
    for data in chunks:
        framing, arrived = feed_sse(framing, data)
        for event in arrived:
            state, happened = decode_event(state, event.data, who, name=event.name)
            events.extend(happened)
    for event in end_sse(framing):
        state, happened = decode_event(state, event.data, who, name=event.name)
        events.extend(happened)
    return events if state.over else [*events, Failure(cut(state, who))]
