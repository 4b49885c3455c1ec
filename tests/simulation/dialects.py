"""What a server of each dialect writes: answers whole and in pieces, and how it says that there are too many requests."""

import json
from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

Headers: TypeAlias = tuple[tuple[str, str], ...]

JSON: Headers = (("content-type", "application/json"),)
EVENTS: Headers = (("content-type", "text/event-stream"),)
LINES: Headers = (("content-type", "application/x-ndjson"),)


@frozen(kw_only=True)
class Saying:
    """What is answered, and how many tokens that took."""

    text: str
    prompt_tokens: int
    completion_tokens: int


@frozen(kw_only=True)
class Refusal:
    """An answer that is none: status, header fields, body."""

    status: int
    headers: Headers
    body: bytes


@frozen(kw_only=True)
class Dialect:
    """The ways of one kind of server. ``pieces`` are the network's: the last one ends the stream as the dialect demands."""

    whole: Callable[[Saying], bytes]
    pieces: Callable[[Saying], tuple[bytes, bytes, bytes]]
    broken: bytes
    """An error in the middle of a stream."""
    stream_headers: Headers
    limited: Callable[[float], Refusal]
    """Too many requests; ask again in so many seconds."""


def _chat_whole(saying: Saying) -> bytes:
    return (
        b'{"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"%b"},'
        b'"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}'
        % (saying.text.encode(), saying.prompt_tokens, saying.completion_tokens, saying.prompt_tokens + saying.completion_tokens)
    )


def _chat_chunk(delta: bytes, finish: bytes = b"null") -> bytes:
    return b'data: {"id":"c-1","model":"m","choices":[{"index":0,"delta":{%b},"finish_reason":%b}]}\n\n' % (delta, finish)


def _chat_pieces(saying: Saying) -> tuple[bytes, bytes, bytes]:
    first, last = _halves(saying.text)
    return (
        _chat_chunk(b'"role":"assistant","content":"%b"' % first),
        _chat_chunk(b'"content":"%b"' % last),
        _chat_chunk(b"", b'"stop"')
        + b'data: {"id":"c-1","model":"m","choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}\n\n'
        b"data: [DONE]\n\n" % (saying.prompt_tokens, saying.completion_tokens, saying.prompt_tokens + saying.completion_tokens),
    )


def _chat_limited(milliseconds: bool) -> Callable[[float], Refusal]:
    body = b'{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}'

    def limited(seconds: float) -> Refusal:
        exact = (("retry-after-ms", f"{seconds * 1000:.0f}"),) if milliseconds else ()
        return Refusal(status=429, headers=(*JSON, ("retry-after", f"{_ceiling(seconds)}"), *exact), body=body)

    return limited


def _router_limited(seconds: float) -> Refusal:
    body = b'{"error":{"code":429,"message":"Rate limit exceeded"}}'
    return Refusal(status=429, headers=(*JSON, ("retry-after", f"{_ceiling(seconds)}")), body=body)


def _gemini_usage(saying: Saying) -> bytes:
    total = saying.prompt_tokens + saying.completion_tokens
    return b'{"promptTokenCount":%d,"candidatesTokenCount":%d,"totalTokenCount":%d}' % (
        saying.prompt_tokens,
        saying.completion_tokens,
        total,
    )


def _gemini_whole(saying: Saying) -> bytes:
    return (
        b'{"candidates":[{"content":{"parts":[{"text":"%b"}],"role":"model"},"finishReason":"STOP","index":0}],'
        b'"usageMetadata":%b,"modelVersion":"m","responseId":"r"}' % (saying.text.encode(), _gemini_usage(saying))
    )


def _gemini_chunk(text: bytes) -> bytes:
    return (
        b'data: {"candidates":[{"content":{"parts":[{"text":"%b"}],"role":"model"},"index":0}],'
        b'"modelVersion":"m","responseId":"r"}\r\n\r\n' % text
    )


def _gemini_pieces(saying: Saying) -> tuple[bytes, bytes, bytes]:
    first, last = _halves(saying.text)
    end = (
        b'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],'
        b'"usageMetadata":%b,"modelVersion":"m","responseId":"r"}\r\n\r\n' % _gemini_usage(saying)
    )
    return _gemini_chunk(first), _gemini_chunk(last), end


def _gemini_limited(seconds: float) -> Refusal:
    violation = {"quotaMetric": "requests", "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "15"}
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds:.3f}s"},
    ]
    error = {"code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED", "details": details}
    return Refusal(status=429, headers=JSON, body=json.dumps({"error": error}).encode())


def _cohere_usage(saying: Saying) -> bytes:
    return (
        b'"usage":{"billed_units":{"input_tokens":%d,"output_tokens":%d},"tokens":{"input_tokens":%d,"output_tokens":%d},"cached_tokens":0}'
        % (saying.prompt_tokens, saying.completion_tokens, saying.prompt_tokens, saying.completion_tokens)
    )


def _cohere_whole(saying: Saying) -> bytes:
    return b'{"id":"c-1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"%b"}]},%b}' % (
        saying.text.encode(),
        _cohere_usage(saying),
    )


def _cohere_text(text: bytes) -> bytes:
    return b'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"%b"}}}}\n\n' % text


def _cohere_pieces(saying: Saying) -> tuple[bytes, bytes, bytes]:
    first, last = _halves(saying.text)
    begin = (
        b'event: message-start\ndata: {"id":"c-1","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}\n\n'
        b'event: content-start\ndata: {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}\n\n'
    )
    end = b'event: message-end\ndata: {"type":"message-end","delta":{"finish_reason":"COMPLETE",%b}}\n\n' % _cohere_usage(saying)
    return begin + _cohere_text(first), _cohere_text(last), end


def _cohere_limited(seconds: float) -> Refusal:
    body = b'{"id":"x","message":"You are past the per minute request limit, please wait and try again later."}'
    return Refusal(status=429, headers=(*JSON, ("retry-after", f"{_ceiling(seconds)}")), body=body)


def _ollama_end(saying: Saying) -> bytes:
    return b'"done":true,"done_reason":"stop","prompt_eval_count":%d,"eval_count":%d,"eval_duration":1000000000' % (
        saying.prompt_tokens,
        saying.completion_tokens,
    )


def _ollama_whole(saying: Saying) -> bytes:
    return b'{"model":"m","message":{"role":"assistant","content":"%b"},%b}' % (saying.text.encode(), _ollama_end(saying))


def _ollama_line(text: bytes) -> bytes:
    return b'{"model":"m","message":{"role":"assistant","content":"%b"},"done":false}\n' % text


def _ollama_pieces(saying: Saying) -> tuple[bytes, bytes, bytes]:
    first, last = _halves(saying.text)
    end = b'{"model":"m","message":{"role":"assistant","content":""},%b}\n' % _ollama_end(saying)
    return _ollama_line(first), _ollama_line(last), end


def _ollama_limited(_: float) -> Refusal:
    body = b'{"error":"server busy, please try again.  maximum pending requests exceeded"}'
    return Refusal(status=503, headers=JSON, body=body)


def _claude_whole(saying: Saying) -> bytes:
    return (
        b'{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"%b"}],"stop_reason":"end_turn",'
        b'"stop_sequence":null,"usage":{"input_tokens":%d,"output_tokens":%d}}'
        % (saying.text.encode(), saying.prompt_tokens, saying.completion_tokens)
    )


def _claude_event(name: bytes, more: bytes) -> bytes:
    return b'event: %b\ndata: {"type":"%b"%b}\n\n' % (name, name, more)


def _claude_text(text: bytes) -> bytes:
    return _claude_event(b"content_block_delta", b',"index":0,"delta":{"type":"text_delta","text":"%b"}' % text)


def _claude_pieces(saying: Saying) -> tuple[bytes, bytes, bytes]:
    first, last = _halves(saying.text)
    message = (
        b',"message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,'
        b'"usage":{"input_tokens":%d,"output_tokens":1}}' % saying.prompt_tokens
    )
    stopped = b',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":%d}' % saying.completion_tokens
    begin = _claude_event(b"message_start", message) + _claude_event(
        b"content_block_start", b',"index":0,"content_block":{"type":"text","text":""}'
    )
    end = (
        _claude_event(b"content_block_stop", b',"index":0') + _claude_event(b"message_delta", stopped) + _claude_event(b"message_stop", b"")
    )
    return begin + _claude_text(first), _claude_text(last), end


def _claude_limited(seconds: float) -> Refusal:
    body = b'{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your rate limit."}}'
    return Refusal(status=429, headers=(*JSON, ("retry-after", f"{_ceiling(seconds)}")), body=body)


def _halves(text: str) -> tuple[bytes, bytes]:
    encoded = text.encode()
    middle = len(encoded) // 2
    return encoded[:middle], encoded[middle:]


def _ceiling(seconds: float) -> int:
    return int(seconds) + (seconds > int(seconds))


def _chat(limited: Callable[[float], Refusal]) -> Dialect:
    choice = b'{"index":0,"delta":{"content":""},"finish_reason":"error"}'
    broken = b'data: {"error":{"code":502,"message":"it broke off"},"choices":[%b]}\n\n' % choice
    return Dialect(whole=_chat_whole, pieces=_chat_pieces, broken=broken, stream_headers=EVENTS, limited=limited)


CHAT = _chat(_chat_limited(milliseconds=False))
OPENAI = _chat(_chat_limited(milliseconds=True))
OPENROUTER = _chat(_router_limited)
GEMINI = Dialect(
    whole=_gemini_whole,
    pieces=_gemini_pieces,
    broken=b'data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}\r\n\r\n',
    stream_headers=EVENTS,
    limited=_gemini_limited,
)
COHERE = Dialect(
    whole=_cohere_whole,
    pieces=_cohere_pieces,
    broken=b'event: message-end\ndata: {"type":"message-end","delta":{"finish_reason":"ERROR","error":"it broke off"}}\n\n',
    stream_headers=EVENTS,
    limited=_cohere_limited,
)
OLLAMA = Dialect(
    whole=_ollama_whole,
    pieces=_ollama_pieces,
    broken=b'{"error":"unexpected EOF"}\n',
    stream_headers=LINES,
    limited=_ollama_limited,
)
CLAUDE = Dialect(
    whole=_claude_whole,
    pieces=_claude_pieces,
    broken=_claude_event(b"error", b',"error":{"type":"overloaded_error","message":"Overloaded"}'),
    stream_headers=EVENTS,
    limited=_claude_limited,
)
