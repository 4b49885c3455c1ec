"""Answers of `/v1/responses` as their servers shape them, for the tests beside this file."""

import json
from collections.abc import Sequence
from typing import Any

from returns.result import Failure

from llm_manager.clients.frames import START, end_sse, feed_sse
from llm_manager.clients.openai_responses.codec import decode_event
from llm_manager.clients.telling import Event, begun, cut
from llm_manager.clients.who import Who

WHO = Who(provider="openai", model="gpt-5.5-pro", endpoint="https://api.openai.com/v1")

COMMON: dict[str, Any] = {
    "object": "response",
    "created_at": 1795165885,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "model": "gpt-5.5-pro-2026-04-23",
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "store": False,
    "truncation": "disabled",
    "text": {"format": {"type": "text"}},
}
USAGE = {
    "input_tokens": 1117,
    "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 0},
    "output_tokens": 46,
    "output_tokens_details": {"reasoning_tokens": 32},
    "total_tokens": 1163,
}
THINKING = {
    "id": "rs_68af",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "First this."}, {"type": "summary_text", "text": "Then that."}],
    "encrypted_content": "gAAAA=",
}
MESSAGE = {
    "id": "msg_68af",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "positive", "annotations": [], "logprobs": []}],
}
CALLS = [
    {
        "id": f"fc_{number}",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{number}x",
        "name": name,
        "arguments": arguments,
    }
    for number, (name, arguments) in enumerate((("weather", '{"city":"Oslo"}'), ("time", "{}")))
]

ANSWER = {**COMMON, "id": "resp_1", "status": "completed", "output": [THINKING, MESSAGE], "usage": USAGE}
CALLING = {**COMMON, "id": "resp_2", "status": "completed", "output": [THINKING, *CALLS], "usage": USAGE}
CUT = {
    **COMMON,
    "id": "resp_3",
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": [MESSAGE],
    "usage": USAGE,
}
FILTERED = {**CUT, "id": "resp_4", "incomplete_details": {"reason": "content_filter"}}
REFUSED = {
    **COMMON,
    "id": "resp_5",
    "status": "completed",
    "output": [{**MESSAGE, "content": [{"type": "refusal", "refusal": "I cannot help with that."}]}],
    "usage": USAGE,
}
FAILED = {
    **COMMON,
    "id": "resp_6",
    "status": "failed",
    "error": {"code": "server_error", "message": "The model failed to generate a response."},
    "output": [],
    "usage": None,
}
LLAMACPP = {
    "completed_at": 1795165885,
    "created_at": 1795165885,
    "id": "resp_BKElC7kb",
    "model": "smollm2-135m",
    "object": "response",
    "output": [
        {
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "Paris."}],
            "id": "msg_zz7",
            "role": "assistant",
            "status": "completed",
            "type": "message",
        }
    ],
    "status": "completed",
    "usage": {"input_tokens": 25, "output_tokens": 12, "total_tokens": 37, "input_tokens_details": {"cached_tokens": 0}},
}
WHOLE = {"answer": ANSWER, "calling": CALLING, "cut": CUT, "filtered": FILTERED, "refused": REFUSED, "llamacpp": LLAMACPP}


def split(answer: dict[str, Any], *, indexed: bool = True) -> list[dict[str, Any]]:
    """The events that say what a whole answer says, letter by letter; some servers number no items."""
    told: list[dict[str, Any]] = []

    def say(kind: str, index: int | None = None, **more: Any) -> None:
        place = {"output_index": index} if indexed and index is not None else {}
        told.append({"type": kind, "sequence_number": len(told), **place, **more})

    begun_ = {**answer, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None, "error": None}
    say("response.created", response=begun_)
    say("response.in_progress", response=begun_)
    for index, item in enumerate(answer["output"]):
        _say_item(say, index, item)
    kind = {"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"}[answer["status"]]
    say(kind, response=answer)
    return told


def _say_item(say: Any, index: int, item: dict[str, Any]) -> None:
    started = {**item, "status": "in_progress"}
    match item["type"]:
        case "reasoning":
            say("response.output_item.added", index, item={**started, "summary": [], "encrypted_content": "gA"})
            for number, part in enumerate(item["summary"]):
                blank = {"type": "summary_text", "text": ""}
                say("response.reasoning_summary_part.added", index, item_id=item["id"], summary_index=number, part=blank)
                for letter in part["text"]:
                    say("response.reasoning_summary_text.delta", index, item_id=item["id"], summary_index=number, delta=letter)
                say("response.reasoning_summary_text.done", index, item_id=item["id"], summary_index=number, text=part["text"])
        case "message":
            say("response.output_item.added", index, item={**started, "content": []})
            for number, part in enumerate(item["content"]):
                word, said = ("refusal", part.get("refusal")) if part["type"] == "refusal" else ("output_text", part.get("text"))
                empty: dict[str, Any] = {"type": part["type"], word.removeprefix("output_"): "", "annotations": []}
                say("response.content_part.added", index, item_id=item["id"], content_index=number, part=empty)
                for letter in said:
                    say(f"response.{word}.delta", index, item_id=item["id"], content_index=number, delta=letter, logprobs=[])
                done = {word.removeprefix("output_"): said}
                say(f"response.{word}.done", index, item_id=item["id"], content_index=number, logprobs=[], **done)
                say("response.content_part.done", index, item_id=item["id"], content_index=number, part=part)
        case _:
            say("response.output_item.added", index, item={**started, "arguments": ""})
            for letter in item["arguments"]:
                say("response.function_call_arguments.delta", index, item_id=item["id"], delta=letter)
            say("response.function_call_arguments.done", index, item_id=item["id"], name=item["name"], arguments=item["arguments"])
    say("response.output_item.done", index, item=item)


def sse(events: Sequence[dict[str, Any]]) -> bytes:
    """A stream's body."""
    return b"".join(b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events)


def told(chunks: Sequence[bytes], who: Who = WHO) -> list[Event]:
    """All events of a body that comes in these chunks and then ends."""
    state, framing = begun(wall=0.0), START
    events: list[Event] = []
    for data in chunks:
        framing, arrived = feed_sse(framing, data)
        for event in arrived:
            state, happened = decode_event(state, event.data, who, event.name)
            events.extend(happened)
    for event in end_sse(framing):
        state, happened = decode_event(state, event.data, who, event.name)
        events.extend(happened)
    return events if state.over else [*events, Failure(cut(state, who))]
