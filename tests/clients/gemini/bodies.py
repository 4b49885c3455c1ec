"""Answers as Gemini really shapes them, for the tests beside this file."""

import json
from collections.abc import Sequence
from typing import Any

from returns.result import Failure

from llm_manager.clients.frames import START, end_sse, feed_sse
from llm_manager.clients.gemini.codec import Event, Who, begun, cut, decode_event, ended

WHO = Who(provider="gemini", model="gemini-3.8-flash", endpoint="https://generativelanguage.googleapis.com/v1beta")

TEXT: dict[str, Any] = {
    "candidates": [
        {
            "content": {"parts": [{"text": "The capital is Paris."}], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
            "avgLogprobs": -0.12,
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 1117,
        "cachedContentTokenCount": 1024,
        "candidatesTokenCount": 14,
        "totalTokenCount": 1163,
        "thoughtsTokenCount": 32,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1117}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 1024}],
    },
    "modelVersion": "gemini-3.8-flash",
    "responseId": "kLcYabWvN9Cl1PIPlrzAyAg",
}

THOUGHTS: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "**Weighing it**\n\nFrance, so Paris.", "thought": True},
                    {"text": "Paris.", "thoughtSignature": "EtcBCtQBAXLI2nwF"},
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 71, "thoughtsTokenCount": 60},
    "modelVersion": "gemini-3.8-flash",
    "responseId": "mrcYaf",
}

TOOLS: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {
                        "functionCall": {"name": "weather", "args": {"city": "Oslo", "days": 2}, "id": "fc_8a1"},
                        "thoughtSignature": "CiQBcsjafP8=",
                    },
                    {"functionCall": {"name": "time", "args": {}}},
                    {"functionCall": {"name": "now"}},
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
            "finishMessage": "Model generated function call(s).",
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 50,
        "candidatesTokenCount": 21,
        "toolUsePromptTokenCount": 7,
        "thoughtsTokenCount": 12,
        "totalTokenCount": 90,
    },
    "modelVersion": "gemini-3.8-flash",
    "responseId": "tools1",
}

WHOLE = {"text": TEXT, "thoughts": THOUGHTS, "tools": TOOLS}

PROMPT_BLOCKED: dict[str, Any] = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
    "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
    "modelVersion": "gemini-3.8-flash",
    "responseId": "b1",
}


def chunk(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A piece of a stream."""
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"parts": list(parts), "role": "model"}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-3.8-flash", "responseId": "s1", **more}


def sse(*chunks: object, end: bytes = b"\r\n") -> bytes:
    """A stream's body, with the line ends that Gemini writes."""
    texts = [piece if isinstance(piece, str) else json.dumps(piece) for piece in chunks]
    return b"".join(b"data: " + text.encode() + end + end for text in texts)


def split(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The stream that says what a whole answer says: texts letter by letter, calls whole, what it took growing on the way."""
    named = {"modelVersion": answer["modelVersion"], "responseId": answer["responseId"]}
    usage = answer["usageMetadata"]
    growing = {"promptTokenCount": usage["promptTokenCount"], "totalTokenCount": usage["promptTokenCount"]}
    pieces: list[dict[str, Any]] = []
    for part in answer["candidates"][0]["content"]["parts"]:
        signature = {"thoughtSignature": part["thoughtSignature"]} if "thoughtSignature" in part else {}
        if "functionCall" in part:
            pieces.append(chunk(part) | named | {"usageMetadata": growing})
            continue
        thought = {"thought": True} if part.get("thought") else {}
        pieces += [chunk({"text": letter, **thought}) | named | {"usageMetadata": growing} for letter in part["text"]]
        if signature:
            pieces.append(chunk({"text": "", **thought, **signature}) | named)
    return [*pieces, chunk({"text": ""}, finish=answer["candidates"][0]["finishReason"]) | named | {"usageMetadata": usage}]


def told(chunks: Sequence[bytes], who: Who = WHO) -> list[Event]:
    """All events of a body that comes in these chunks and then ends."""
    state, framing = begun(wall=0.0), START
    events: list[Event] = []
    for data in chunks:
        framing, arrived = feed_sse(framing, data)
        for event in arrived:
            state, happened = decode_event(state, event.data, who)
            events.extend(happened)
    for event in end_sse(framing):
        state, happened = decode_event(state, event.data, who)
        events.extend(happened)
    state, happened = ended(state, who)
    events.extend(happened)
    return events if state.over else [*events, Failure(cut(state, who))]
