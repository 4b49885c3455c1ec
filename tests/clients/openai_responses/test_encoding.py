"""Saying requests in the words of responses, and when that is needed."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from returns.result import Failure, Success

from llm_manager.clients.data.openai_chat import GROQ, OPENAI
from llm_manager.clients.fitting import Defaults
from llm_manager.clients.openai_responses.encoding import encode, streamed
from llm_manager.clients.openai_responses.transport import needed
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import (
    DocumentData,
    DocumentUrl,
    ImageData,
    ImageUrl,
    Message,
    TextPart,
    Thought,
    ToolCall,
    ToolSpec,
    UseTool,
)
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import sealed
from llm_manager.testing import strategies
from llm_manager.testing.laws import codecs

PRO = ModelProfile(
    name="gpt-5.5-pro",
    provider="openai",
    vision=True,
    documents=True,
    reasoning=True,
    unsupported=("temperature", "top_p", "stop"),
)
PLAIN = ModelProfile(name="gpt-4o", provider="openai")
TOOL = ToolSpec(name="weather", description="of a city", input_schema={"type": "object", "properties": {"city": {"type": "string"}}})
NO_DEFAULTS = Defaults()


def wire(request: LLMRequest, profile: ModelProfile = PRO, defaults: Defaults = NO_DEFAULTS) -> WireRequest:
    outcome = sealed(encode(request, profile, OPENAI, defaults))
    assert isinstance(outcome, Success), outcome
    return outcome.unwrap()


def body(request: LLMRequest, profile: ModelProfile = PRO) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(wire(request, profile).body)
    return decoded


def test_a_plain_question_byte_for_byte() -> None:
    """These bytes are part of the cache key; nothing of the answer is kept by the provider."""
    request = LLMRequest("Hi", system="Be brief.", preferences=Preferences(max_tokens=5, temperature=0.5, top_p=1.0))
    assert wire(request, PLAIN).body == (
        b'{"model":"gpt-4o","input":[{"role":"user","content":"Hi"}],"store":false,"instructions":"Be brief.",'
        b'"max_output_tokens":5,"temperature":0.5,"top_p":1.0}'
    )
    assert wire(request).path == "/responses"
    assert json.loads(streamed(wire(request).body))["stream"] is True


def test_a_model_that_reasons() -> None:
    """Its thinking is asked for in a form that can be sent back; what it refuses is left out, which is told."""
    request = LLMRequest("x", preferences=Preferences(temperature=0.5, stop=("a",), seed=1, reasoning="high"))
    sent = wire(request)
    said = json.loads(sent.body)
    assert said["reasoning"] == {"effort": "high"}
    assert said["include"] == ["reasoning.encrypted_content"]
    assert not {"temperature", "stop", "seed"} & said.keys()
    assert len(sent.notices) == 3
    assert isinstance(encode(request, PRO, OPENAI, Defaults(strict_parameters=True)), Failure)
    assert "include" not in body(LLMRequest("x"), PLAIN)
    kept = body(LLMRequest("x", preferences=Preferences(prompt_cache="long")), evolve(PRO, name="gpt-6-luna"))
    assert kept["prompt_cache_options"] == {"ttl": "12h"}


CONVERSATION = LLMRequest(
    messages=(
        Message(role="system", content="one more rule"),
        Message(
            role="user",
            content=[
                TextPart(text="what is this?"),
                ImageUrl(url="https://x.example/a.png"),
                ImageData(data=b"\x01"),
                DocumentUrl(url="https://x.example/a.pdf"),
                DocumentData(data=b"%PDF", name="a.pdf"),
            ],
        ),
        Message(
            role="assistant",
            tool_calls=(ToolCall(id="c1", name="weather", arguments='{"city":"Oslo"}'),),
            thoughts=(
                Thought(text="hm", signature='{"id":"rs_1","encrypted_content":"gA="}'),
                Thought(signature='{"id":"rs_2","encrypted_content":"gB="}'),
                Thought(text="another provider's", signature="EqQBCg"),
                Thought(signature='{"id":3}'),
            ),
        ),
        Message(role="tool", content="rain", tool_call_id="c1"),
        Message(role="assistant", content="It rains."),
        Message(role="user"),
    ),
    tools=(TOOL,),
)


def test_a_conversation_with_everything() -> None:
    """Every kind of message and part; thinking goes back as it came, and only to whom it came from."""
    assert body(CONVERSATION)["input"] == [
        {"role": "system", "content": "one more rule"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "what is this?"},
                {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "auto"},
                {"type": "input_image", "image_url": "data:image/png;base64,AQ==", "detail": "auto"},
                {"type": "input_file", "file_url": "https://x.example/a.pdf"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gA="},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gB="},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Oslo"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It rains."}]},
        {"role": "user", "content": ""},
    ]
    unreasoned = evolve(PRO, reasoning=False)
    assert not any(item.get("type") == "reasoning" for item in body(CONVERSATION, unreasoned)["input"])


def test_tools() -> None:
    """Never strict: that would refuse schemas that are good elsewhere."""
    told = {"type": "function", "name": "weather", "description": "of a city", "parameters": dict(TOOL.input_schema), "strict": False}
    said = body(LLMRequest("x", tools=(TOOL,)))
    assert said["tools"] == [told]
    assert "tool_choice" not in said
    assert body(LLMRequest("x", tools=(TOOL,), tool_choice="required"))["tool_choice"] == "required"
    named = body(LLMRequest("x", tools=(TOOL,), tool_choice=UseTool(name="weather")))
    assert named["tool_choice"] == {"type": "function", "name": "weather"}


def test_json_answers() -> None:
    """Any JSON, a schema, and what stands for it where it is not known."""
    schema = JsonSchema(schema={"type": "object"}, name="my answer!")
    assert body(LLMRequest("x", output=AnyJson()))["text"] == {"format": {"type": "json_object"}}
    told = {"type": "json_schema", "name": "my_answer_", "strict": True, "schema": {"type": "object"}}
    assert body(LLMRequest("x", output=schema))["text"] == {"format": told}
    sent = wire(LLMRequest("x", output=schema), evolve(PRO, json_schema=False))
    assert '{"type":"object"}' in json.loads(sent.body)["input"][0]["content"]
    assert sent.notices


def test_a_system_prompt_alone_is_a_message() -> None:
    """There must be one."""
    assert body(LLMRequest(system="x"))["input"] == [{"role": "system", "content": "x"}]


@pytest.mark.parametrize(
    ("request_", "profile"),
    [
        (LLMRequest(), PRO),
        (LLMRequest("x", tools=(TOOL,)), evolve(PRO, tools=False)),
        (LLMRequest("x", tools=(TOOL,), tool_choice=UseTool(name="other")), PRO),
        (LLMRequest(messages=(Message(role="user", content=[ImageUrl(url="x"), TextPart(text="x")]),)), PLAIN),
        (LLMRequest(messages=(Message(role="user", content=[DocumentUrl(url="x")]),)), PLAIN),
        (LLMRequest(messages=(Message(role="tool", content=[ImageUrl(url="x")]),)), PRO),
        (LLMRequest("\ud800"), PRO),
    ],
    ids=range(7),
)
def test_what_cannot_be_said_is_refused_before_it_is_sent(request_: LLMRequest, profile: ModelProfile) -> None:
    """Content is never left out in silence."""
    outcome = encode(request_, profile, OPENAI, NO_DEFAULTS)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), InvalidRequest)


@settings(max_examples=40, deadline=None)
@given(request=strategies.requests(), profile=strategies.profiles())
def test_any_request_is_written_or_refused(request: LLMRequest, profile: ModelProfile) -> None:
    """The law of encoding."""
    codecs.encodes(lambda asked, model: encode(asked, model, OPENAI, NO_DEFAULTS), request, profile)


@pytest.mark.parametrize(
    ("name", "plainly", "with_tools"),
    [
        ("gpt-4o-mini", False, False),
        ("gpt-5.1", False, False),
        ("gpt-5.4", False, True),
        ("gpt-5.6-sol", False, True),
        ("gpt-6-luna", False, True),
        ("gpt-6.1-sol", False, True),
        *((name, True, True) for name in ("gpt-5-pro", "gpt-5.5-pro-2026-04-23", "o1-pro", "o3-pro-2025-06-10", "gpt-5.3-codex")),
        *((name, True, True) for name in ("codex-mini-latest", "o3-deep-research", "o4-mini-deep-research-2025-06-26", "gpt-6-cyber")),
        *(
            (name, True, True)
            for name in ("computer-use-preview", "gpt-daybreak-blue-latest", "gpt-rosalind-research", "gpt-5.1-codex-max")
        ),
        ("ft:gpt-4o:acme:my-project:1", False, False),
        ("gpt-4o-search-preview", False, False),
    ],
)
def test_when_chat_completions_will_not_do(name: str, plainly: bool, with_tools: bool) -> None:
    """For models that only responses serve, and for tools with models that always reason."""
    model = ModelProfile(name=name, provider="openai")
    assert needed(OPENAI, OPENAI.base_url)(LLMRequest("x"), model) is plainly
    assert needed(OPENAI, OPENAI.base_url)(LLMRequest("x", tools=(TOOL,)), model) is with_tools
    assert not needed(GROQ, GROQ.base_url)(LLMRequest("x", tools=(TOOL,)), model)


@pytest.mark.parametrize(
    ("base_url", "with_tools"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://proxy.example/v1", False),
        ("https://notapi.openai.com.example/v1", False),
        ("http://localhost:4000", False),
    ],
)
def test_another_server_is_asked_in_the_words_that_it_has(base_url: str, with_tools: bool) -> None:
    """A proxy that lacks responses takes tools in chat completions; a model that stands nowhere else is still asked for there."""
    tools, plain = LLMRequest("x", tools=(TOOL,)), LLMRequest("x")
    assert needed(OPENAI, base_url)(tools, ModelProfile(name="gpt-6-sol", provider="openai")) is with_tools
    assert needed(OPENAI, base_url)(plain, ModelProfile(name="gpt-5.5-pro", provider="openai"))
