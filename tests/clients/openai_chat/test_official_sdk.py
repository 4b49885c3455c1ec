"""OpenAI's own library reads the same answers as we do: same text, tool calls, usage and finish."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai
import pytest

from llm_manager.clients.openai_chat import codec, embeddings, images, moderations
from llm_manager.clients.openai_responses import codec as responses
from llm_manager.clients.who import Who
from llm_manager.domain.messages import ImageData
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.domain.wire_requests import WireReply
from tests.clients.openai_chat import bodies
from tests.clients.openai_chat.besides_bodies import DALL_E, DRAWN, FLOATS, MODERATED, PACKED
from tests.clients.openai_responses import bodies as responses_bodies

WHO = Who(provider="openai", model="m")
CHAT: dict[str, dict[str, Any]] = {"openai": bodies.OPENAI, "llama.cpp": bodies.LLAMACPP, "tools": bodies.TOOLS}


@contextmanager
def reader(body: bytes, kind: str = "application/json") -> Iterator[openai.OpenAI]:
    """The library, whose server gives this answer."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": kind}, content=body))
    with httpx2.Client(transport=transport) as client:
        yield openai.OpenAI(api_key="sk-test-key", max_retries=0, http_client=client)


def whole(answer: Any) -> WireReply:
    return WireReply(status=200, body=json.dumps(answer).encode())


def finished(events: list[Any]) -> LLMResponse:
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    return last.response


def same_usage(ours: LLMResponse, read: int, written: int, cached: int | None, reasoned: int | None) -> None:
    assert ours.usage is not None
    assert (ours.usage.prompt_tokens, ours.usage.completion_tokens) == (read, written)
    assert (ours.usage.cache_read_tokens, ours.usage.reasoning_tokens) == (cached or 0, reasoned or 0)


@pytest.mark.parametrize("name", CHAT)
def test_chat(name: str) -> None:
    """A whole answer."""
    answer = CHAT[name]
    ours = codec.decode(whole(answer), WHO, 0.0).unwrap()
    with reader(json.dumps(answer).encode()) as client:
        theirs = client.chat.completions.create(model="m", messages=[])
    message, usage = theirs.choices[0].message, theirs.usage
    assert ours.content == (message.content or "")
    assert ours.model == theirs.model
    assert ours.finish == theirs.choices[0].finish_reason
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or () if call.type == "function"]
    assert [(call.id, call.name, call.arguments) for call in ours.tool_calls] == calls
    assert usage is not None
    read, written = usage.prompt_tokens_details, usage.completion_tokens_details
    cached, reasoned = read.cached_tokens if read else 0, written.reasoning_tokens if written else 0
    same_usage(ours, usage.prompt_tokens, usage.completion_tokens, cached, reasoned)


@pytest.mark.parametrize("name", CHAT)
def test_a_chat_stream(name: str) -> None:
    """Piece by piece, comments included."""
    body = bodies.sse(*bodies.split(CHAT[name]))
    ours = finished(bodies.told([body]))
    text, finish, read, written, calls = "", "", 0, 0, dict[int, list[str]]()
    with reader(body, "text/event-stream") as client:
        for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
            if chunk.usage:
                read, written = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
                for call in choice.delta.tool_calls or ():
                    function = call.function
                    assert function is not None
                    known = calls.setdefault(call.index, [call.id or "", function.name or "", ""])
                    known[2] += function.arguments or ""
    assert (ours.content, ours.finish) == (text, finish)
    assert [[call.id, call.name, call.arguments] for call in ours.tool_calls] == list(calls.values())
    assert ours.usage is not None
    assert (ours.usage.prompt_tokens, ours.usage.completion_tokens) == (read, written)


ANSWERED = ("answer", "calling", "cut", "llamacpp")


def same_response(ours: LLMResponse, theirs: Any) -> None:
    """What both make of an answer of `/v1/responses`."""
    assert ours.content == theirs.output_text
    assert ours.model == theirs.model
    calls = [(item.call_id, item.name, item.arguments) for item in theirs.output if item.type == "function_call"]
    assert [(call.id, call.name, call.arguments) for call in ours.tool_calls] == calls
    reason = theirs.incomplete_details.reason if theirs.incomplete_details else None
    assert ours.finish == ("length" if reason == "max_output_tokens" else "tool_calls" if calls else "stop")
    proofs = [(item.id, item.encrypted_content) for item in theirs.output if item.type == "reasoning"]
    assert [tuple(json.loads(thought.signature).values()) for thought in ours.thoughts] == proofs
    usage = theirs.usage
    written = usage.output_tokens_details
    same_usage(
        ours, usage.input_tokens, usage.output_tokens, usage.input_tokens_details.cached_tokens, written and written.reasoning_tokens
    )


@pytest.mark.parametrize("name", ANSWERED)
def test_responses(name: str) -> None:
    """A whole answer."""
    answer = responses_bodies.WHOLE[name]
    with reader(json.dumps(answer).encode()) as client:
        same_response(responses.decode(whole(answer), WHO, 0.0).unwrap(), client.responses.create(model="m", input="x"))


@pytest.mark.parametrize("name", ANSWERED)
def test_a_stream_of_responses(name: str) -> None:
    """Piece by piece; the library puts the text together by itself."""
    body = responses_bodies.sse(responses_bodies.split(responses_bodies.WHOLE[name]))
    ours = finished(responses_bodies.told([body]))
    text = thinking = ""
    with reader(body, "text/event-stream") as client:
        for event in client.responses.create(model="m", input="x", stream=True):
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.reasoning_summary_text.delta":
                thinking += event.delta
            elif event.type in ("response.completed", "response.incomplete"):
                same_response(ours, event.response)
    assert ours.content == text
    assert ours.reasoning.replace("\n\n", "") == thinking


@pytest.mark.parametrize("answer", [FLOATS, PACKED], ids=["numbers", "packed"])
def test_embeddings(answer: Any) -> None:
    """The same numbers, packed or not."""
    ours = embeddings.decode(whole(answer), WHO, 0.0, count=2).unwrap()
    with reader(json.dumps(answer).encode()) as client:
        theirs = client.embeddings.create(model="m", input=["a", "b"])
    assert [list(vector) for vector in ours.vectors] == [row.embedding for row in theirs.data]
    assert ours.usage is not None
    assert ours.usage.input_tokens == theirs.usage.prompt_tokens


def test_moderation() -> None:
    """The same verdicts."""
    ours = moderations.decode(whole(MODERATED), WHO, 0.0, count=2).unwrap()
    with reader(json.dumps(MODERATED).encode()) as client:
        theirs = client.moderations.create(input=["a", "b"])
    for verdict, row in zip(ours.verdicts, theirs.results, strict=True):
        assert verdict.flagged == row.flagged
        assert verdict.categories == row.categories.to_dict()
        assert verdict.scores == row.category_scores.to_dict()


@pytest.mark.parametrize("answer", [DRAWN, DALL_E], ids=["gpt-image", "dall-e"])
def test_images(answer: Any) -> None:
    """The same pictures."""
    ours = images.decode(whole(answer), WHO, 0.0).unwrap()
    with reader(json.dumps(answer).encode()) as client:
        theirs = client.images.generate(model="m", prompt="x")
    assert theirs.data is not None
    for made, row in zip(ours.images, theirs.data, strict=True):
        assert isinstance(made.image, ImageData) is (row.b64_json is not None)
        assert made.revised_prompt == (row.revised_prompt or "")
    if theirs.usage is not None:
        assert ours.usage is not None
        assert (ours.usage.input_tokens, ours.usage.output_tokens) == (theirs.usage.input_tokens, theirs.usage.output_tokens)
