"""What a server of each dialect writes to say a given thing: whole, and as a stream; the other half of every codec."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from attrs import evolve, field, frozen

from llm_manager.domain.usage import Usage

Bucket = Literal["input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"]


@frozen(kw_only=True)
class Called:
    """A tool call that the model makes."""

    name: str
    arguments: Mapping[str, Any]
    id: str


@frozen(kw_only=True)
class Saying:
    """What the model is to say, and what it took."""

    text: str
    thinking: str = ""
    calls: tuple[Called, ...] = ()
    usage: Usage = field(factory=Usage)
    cut_by_length: bool = False


@frozen(kw_only=True)
class Server:
    """One dialect as its server writes it. ``buckets`` are those it tells apart; ``frames`` end with the terminator."""

    provider: str
    model: str | None = None
    whole: Callable[[Saying], Any]
    events: Callable[[Saying, Sequence[str]], list[tuple[str, Any]]]
    lines: bool = False
    buckets: tuple[Bucket, ...]
    own_ids: bool = True

    @property
    def content_type(self) -> str:
        """What its streams are sent as."""
        return "application/x-ndjson" if self.lines else "text/event-stream"

    def able(self, saying: Saying) -> Saying:
        """The saying with nothing that this dialect cannot tell."""
        usage = Usage(**{name: getattr(saying.usage, name) for name in self.buckets})
        return evolve(saying, usage=usage)

    def body(self, saying: Saying) -> bytes:
        """The whole answer."""
        return json.dumps(self.whole(saying)).encode()

    def frames(self, saying: Saying, pieces: Sequence[str]) -> list[bytes]:
        """The stream, frame by frame, its text cut into ``pieces``."""
        return [self.frame(name, data) for name, data in self.events(saying, pieces)]

    def frame(self, name: str, data: Any) -> bytes:
        """One event as it is sent."""
        text = data if isinstance(data, str) else json.dumps(data)
        if self.lines:
            return f"{text}\n".encode("utf-8", "surrogatepass")
        return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode("utf-8", "surrogatepass")


def _chat_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _chat_finish(saying: Saying) -> str:
    return "length" if saying.cut_by_length else "tool_calls" if saying.calls else "stop"


def _chat_whole(saying: Saying) -> Any:
    message: dict[str, Any] = {"role": "assistant", "content": saying.text}
    if saying.thinking:
        message["reasoning_content"] = saying.thinking
    if saying.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}
            for call in saying.calls
        ]
    choice = {"index": 0, "message": message, "finish_reason": _chat_finish(saying)}
    return {"id": "c-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": _chat_usage(saying.usage)}


def _chat_events(saying: Saying, pieces: Sequence[str]) -> list[tuple[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> tuple[str, Any]:
        return "", {"id": "c-1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    told = [chunk({"role": "assistant", "content": ""})]
    told += [chunk({"reasoning_content": saying.thinking})] if saying.thinking else []
    told += [chunk({"content": piece}) for piece in pieces]
    for index, call in enumerate(saying.calls):
        text = json.dumps(call.arguments)
        told.append(chunk({"tool_calls": [{"index": index, "id": call.id, "function": {"name": call.name, "arguments": ""}}]}))
        told += [chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}) for part in (text[:3], text[3:]) if part]
    told.append(chunk({}, _chat_finish(saying)))
    told.append(("", {"id": "c-1", "model": "m", "choices": [], "usage": _chat_usage(saying.usage)}))
    return [*told, ("", "[DONE]")]


def _claude_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": usage.completion_tokens,
    }


def _claude_stop(saying: Saying) -> str:
    return "max_tokens" if saying.cut_by_length else "tool_use" if saying.calls else "end_turn"


def _claude_blocks(saying: Saying) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if saying.thinking:
        blocks.append({"type": "thinking", "thinking": saying.thinking, "signature": "proof"})
    if saying.text:
        blocks.append({"type": "text", "text": saying.text})
    blocks.extend({"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)} for call in saying.calls)
    return blocks


def _claude_whole(saying: Saying) -> Any:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": _claude_blocks(saying),
        "stop_reason": _claude_stop(saying),
        "stop_sequence": None,
        "usage": _claude_usage(saying.usage),
    }


def _claude_events(saying: Saying, pieces: Sequence[str]) -> list[tuple[str, Any]]:
    def event(kind: str, **more: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **more}

    first = {**_claude_usage(saying.usage), "output_tokens": 1 if saying.usage.completion_tokens else 0}
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": first}
    told = [event("message_start", message=message), event("ping")]
    for index, block in enumerate(_claude_blocks(saying)):
        start: dict[str, Any]
        match block["type"]:
            case "thinking":
                start = {"type": "thinking", "thinking": "", "signature": ""}
                deltas = [
                    {"type": "thinking_delta", "thinking": block["thinking"]},
                    {"type": "signature_delta", "signature": block["signature"]},
                ]
            case "text":
                start = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
            case _:
                text = json.dumps(block["input"])
                start = {**block, "input": {}}
                deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", text[:4], text[4:])]
        told.append(event("content_block_start", index=index, content_block=start))
        told += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        told.append(event("content_block_stop", index=index))
    told.append(
        event(
            "message_delta",
            delta={"stop_reason": _claude_stop(saying), "stop_sequence": None},
            usage={"output_tokens": saying.usage.completion_tokens},
        )
    )
    return [*told, event("message_stop")]


def _gemini_usage(usage: Usage) -> dict[str, Any]:
    return {
        "promptTokenCount": usage.prompt_tokens,
        "cachedContentTokenCount": usage.cache_read_tokens,
        "candidatesTokenCount": usage.output_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "totalTokenCount": usage.total_tokens,
    }


def _gemini_reply(parts: list[dict[str, Any]], finish: str | None, usage: Usage | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if finish is not None:
        candidate["finishReason"] = finish
    told: dict[str, Any] = {"candidates": [candidate], "modelVersion": "m", "responseId": "r-1"}
    if usage is not None:
        told["usageMetadata"] = _gemini_usage(usage)
    return told


def _gemini_calls(saying: Saying) -> list[dict[str, Any]]:
    return [{"functionCall": {"name": call.name, "args": dict(call.arguments)}} for call in saying.calls]


def _gemini_whole(saying: Saying) -> Any:
    thought = [{"text": saying.thinking, "thought": True}] if saying.thinking else []
    text = [{"text": saying.text}] if saying.text else []
    return _gemini_reply([*thought, *text, *_gemini_calls(saying)], "MAX_TOKENS" if saying.cut_by_length else "STOP", saying.usage)


def _gemini_events(saying: Saying, pieces: Sequence[str]) -> list[tuple[str, Any]]:
    parts = [[{"text": saying.thinking, "thought": True}]] if saying.thinking else []
    parts += [[{"text": piece}] for piece in pieces]
    parts += [[part] for part in _gemini_calls(saying)]
    told = [("", _gemini_reply(part, None, None)) for part in parts]
    return [*told, ("", _gemini_reply([{"text": ""}], "MAX_TOKENS" if saying.cut_by_length else "STOP", saying.usage))]


def _ollama_end(saying: Saying) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": "length" if saying.cut_by_length else "stop",
        "prompt_eval_count": saying.usage.input_tokens,
        "eval_count": saying.usage.output_tokens,
        "eval_duration": 1_000_000_000,
        "total_duration": 2_000_000_000,
        "load_duration": 1,
        "prompt_eval_duration": 1,
    }


def _ollama_calls(saying: Saying) -> dict[str, Any]:
    if not saying.calls:
        return {}
    return {"tool_calls": [{"function": {"name": call.name, "arguments": dict(call.arguments)}} for call in saying.calls]}


def _ollama_whole(saying: Saying) -> Any:
    thinking = {"thinking": saying.thinking} if saying.thinking else {}
    message = {"role": "assistant", "content": saying.text, **thinking, **_ollama_calls(saying)}
    return {"model": "m", "created_at": "2026-11-20T00:00:00Z", "message": message, **_ollama_end(saying)}


def _ollama_events(saying: Saying, pieces: Sequence[str]) -> list[tuple[str, Any]]:
    def line(message: dict[str, Any], **more: Any) -> tuple[str, Any]:
        return "", {"model": "m", "created_at": "x", "message": {"role": "assistant", "content": "", **message}, "done": False, **more}

    told = [line({"thinking": saying.thinking})] if saying.thinking else []
    told += [line({"content": piece}) for piece in pieces]
    told += [line(_ollama_calls(saying))] if saying.calls else []
    return [*told, line({}, **_ollama_end(saying))]


def _cohere_end(saying: Saying) -> dict[str, Any]:
    usage = saying.usage
    billed = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}
    through = {"input_tokens": usage.prompt_tokens + 200, "output_tokens": usage.completion_tokens + 2}
    return {
        "finish_reason": "MAX_TOKENS" if saying.cut_by_length else "TOOL_CALL" if saying.calls else "COMPLETE",
        "usage": {"billed_units": billed, "tokens": through, "cached_tokens": usage.cache_read_tokens},
    }


def _cohere_call(call: Called, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _cohere_whole(saying: Saying) -> Any:
    content = [{"type": "thinking", "thinking": saying.thinking}] if saying.thinking else []
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if saying.calls:
        message["tool_plan"] = saying.text
        message["tool_calls"] = [_cohere_call(call, json.dumps(call.arguments)) for call in saying.calls]
    else:
        content.append({"type": "text", "text": saying.text})
    return {"id": "c-1", "message": message, **_cohere_end(saying)}


def _cohere_events(saying: Saying, pieces: Sequence[str]) -> list[tuple[str, Any]]:
    def event(kind: str, index: int | None = None, **message: Any) -> tuple[str, Any]:
        place = {} if index is None else {"index": index}
        return kind, {"type": kind, **place, **({"delta": {"message": message}} if message else {})}

    told = [("message-start", {"id": "c-1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}})]
    if saying.thinking:
        told.append(event("content-start", 0, content={"type": "thinking", "thinking": ""}))
        told += [event("content-delta", 0, content={"thinking": saying.thinking}), event("content-end", 0)]
    if saying.calls:
        told += [event("tool-plan-delta", tool_plan=piece) for piece in pieces]
    else:
        told.append(event("content-start", 1, content={"type": "text", "text": ""}))
        told += [*(event("content-delta", 1, content={"text": piece}) for piece in pieces), event("content-end", 1)]
    for index, call in enumerate(saying.calls):
        text = json.dumps(call.arguments)
        told.append(event("tool-call-start", index, tool_calls=_cohere_call(call, "")))
        told += [event("tool-call-delta", index, tool_calls={"function": {"arguments": part}}) for part in (text[:3], text[3:])]
        told.append(event("tool-call-end", index))
    return [*told, ("message-end", {"type": "message-end", "delta": _cohere_end(saying)})]


def _responses_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _responses_items(saying: Saying) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if saying.thinking:
        items.append({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": saying.thinking}]})
    if saying.text:
        content = [{"type": "output_text", "text": saying.text, "annotations": []}]
        items.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content})
    items.extend(
        {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": call.id,
            "name": call.name,
            "arguments": json.dumps(call.arguments),
            "status": "completed",
        }
        for number, call in enumerate(saying.calls)
    )
    return items


def _responses_whole(saying: Saying) -> Any:
    return {
        "id": "resp_1",
        "object": "response",
        "model": "m",
        "status": "incomplete" if saying.cut_by_length else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if saying.cut_by_length else None,
        "error": None,
        "output": _responses_items(saying),
        "usage": _responses_usage(saying.usage),
    }


def _responses_events(saying: Saying, pieces: Sequence[str]) -> list[tuple[str, Any]]:
    def event(kind: str, **more: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **more}

    empty = {"id": "resp_1", "object": "response", "model": "m", "status": "in_progress", "output": []}
    told = [event("response.created", response=empty), event("response.in_progress", response=empty)]
    for index, item in enumerate(_responses_items(saying)):
        match item["type"]:
            case "reasoning":
                told.append(event("response.output_item.added", output_index=index, item={**item, "summary": []}))
                told.append(
                    event(
                        "response.reasoning_summary_text.delta", output_index=index, summary_index=0, item_id="rs_1", delta=saying.thinking
                    )
                )
            case "message":
                told.append(event("response.output_item.added", output_index=index, item={**item, "content": []}))
                told += [
                    event("response.output_text.delta", output_index=index, content_index=0, item_id="msg_1", delta=piece)
                    for piece in pieces
                ]
            case _:
                text = item["arguments"]
                told.append(event("response.output_item.added", output_index=index, item={**item, "arguments": ""}))
                told += [
                    event("response.function_call_arguments.delta", output_index=index, item_id=item["id"], delta=part)
                    for part in (text[:3], text[3:])
                    if part
                ]
        told.append(event("response.output_item.done", output_index=index, item=item))
    kind = "response.incomplete" if saying.cut_by_length else "response.completed"
    return [*told, event(kind, response=_responses_whole(saying))]


_ALL: tuple[Bucket, ...] = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")

SERVERS = {
    "openai_chat": Server(provider="openai", whole=_chat_whole, events=_chat_events, buckets=_ALL),
    "anthropic_messages": Server(
        provider="anthropic",
        whole=_claude_whole,
        events=_claude_events,
        buckets=("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"),
    ),
    "gemini": Server(
        provider="gemini",
        whole=_gemini_whole,
        events=_gemini_events,
        buckets=("input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens"),
        own_ids=False,
    ),
    "cohere": Server(
        provider="cohere",
        whole=_cohere_whole,
        events=_cohere_events,
        buckets=("input_tokens", "cache_read_tokens", "output_tokens"),
    ),
    "ollama": Server(
        provider="ollama",
        whole=_ollama_whole,
        events=_ollama_events,
        lines=True,
        buckets=("input_tokens", "output_tokens"),
        own_ids=False,
    ),
    "openai_responses": Server(
        provider="openai",
        model="gpt-5.5-pro",
        whole=_responses_whole,
        events=_responses_events,
        buckets=_ALL,
    ),
}
"""Every dialect that is spoken over HTTP; a new one joins by a line here."""
