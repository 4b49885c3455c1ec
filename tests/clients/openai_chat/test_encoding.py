"""Saying requests in the words of chat completions."""

import json
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from returns.result import Failure, Success

from llm_manager.clients.data.openai_chat import GROQ, LLAMACPP, LMSTUDIO, OPENAI, OPENROUTER, VLLM
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.fitting import Defaults
from llm_manager.clients.openai_chat.encoding import encode, streamed
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import DocumentData, DocumentUrl, ImageData, ImageUrl, Message, TextPart, ToolCall, ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences, PromptCache, Reasoning
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import sealed
from llm_manager.testing import strategies
from llm_manager.testing.laws import codecs

PROFILE = ModelProfile(name="gpt-4o-mini", provider="openai", vision=True)
REASONING = ModelProfile(name="gpt-6-luna", provider="openai", unsupported=("temperature", "top_p", "stop"))
TOOL = ToolSpec(name="weather", description="of a city", input_schema={"type": "object", "properties": {"city": {"type": "string"}}})
NO_DEFAULTS = Defaults()


def wire(
    request: LLMRequest, profile: ModelProfile = PROFILE, facts: ProviderFacts = OPENAI, defaults: Defaults = NO_DEFAULTS
) -> WireRequest:
    outcome = sealed(encode(request, profile, facts, defaults))
    assert isinstance(outcome, Success), outcome
    return outcome.unwrap()


def body(request: LLMRequest, **kwargs: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(wire(request, **kwargs).body)
    return decoded


def refused(request: LLMRequest, profile: ModelProfile = PROFILE) -> str:
    outcome = encode(request, profile, OPENAI, NO_DEFAULTS)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    assert error.request is request
    return error.message


def test_a_plain_question_byte_for_byte() -> None:
    """These bytes are part of the cache key: they change only on purpose."""
    request = LLMRequest("Hi", system="Be brief.", preferences=Preferences(max_tokens=5, temperature=0.0, top_p=1.0, stop=("\n",), seed=7))
    assert wire(request).body == (
        b'{"model":"gpt-4o-mini","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],'
        b'"max_tokens":5,"temperature":0.0,"top_p":1.0,"stop":["\\n"],"seed":7}'
    )
    assert wire(request).path == "/chat/completions"


def test_a_stream_is_asked_for_by_the_same_bytes_and_more() -> None:
    """Streaming adds two fields at the end."""
    request = LLMRequest("Hi")
    assert json.loads(streamed(wire(request).body)) == {**body(request), "stream": True, "stream_options": {"include_usage": True}}


def test_a_conversation_with_tools_and_images() -> None:
    """Every kind of message and part."""
    request = LLMRequest(
        messages=(
            Message(
                role="user", content=[TextPart(text="what is this?"), ImageUrl(url="https://x.example/a.png"), ImageData(data=b"\x01")]
            ),
            Message(role="assistant", tool_calls=(ToolCall(id="c1", name="weather", arguments='{"city":"Oslo"}'),)),
            Message(role="tool", content="rain", tool_call_id="c1"),
            Message(role="assistant", content="It rains."),
            Message(role="user"),
        ),
        tools=(TOOL,),
        tool_choice="required",
    )
    said = body(request)
    assert said["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQ=="}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "assistant", "content": "It rains."},
        {"role": "user", "content": ""},
    ]
    assert said["tools"] == [
        {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": dict(TOOL.input_schema)}}
    ]
    assert said["tool_choice"] == "required"
    assert "tool_choice" not in body(evolve(request, tool_choice="auto"))


def test_a_tool_that_must_be_called() -> None:
    """Servers that know no named choice are given that tool alone, which is the same demand."""
    other = ToolSpec(name="time")
    request = LLMRequest("x", tools=(other, TOOL), tool_choice=UseTool(name="weather"))
    assert body(request)["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    for facts in (LMSTUDIO, LLAMACPP):
        said = body(request, facts=facts)
        assert said["tool_choice"] == "required"
        assert [tool["function"]["name"] for tool in said["tools"]] == ["weather"]


def test_reasoning_models_of_openai() -> None:
    """They count their limit under another name and refuse sampling settings, which is told."""
    request = LLMRequest("x", preferences=Preferences(max_tokens=9, temperature=0.5, top_p=0.9, stop=("a",), seed=1))
    sent = wire(request, REASONING)
    said = json.loads(sent.body)
    assert said["max_completion_tokens"] == 9
    assert said["seed"] == 1
    assert not {"max_tokens", "temperature", "top_p", "stop"} & said.keys()
    assert len(sent.notices) == 3
    assert all("gpt-6-luna" in notice for notice in sent.notices)


OSS = ModelProfile(name="openai/gpt-oss-20b", provider="groq", reasoning=True)
QWEN = ModelProfile(name="qwen/qwen3.8-27b", provider="groq", reasoning=True)
LUNA, OLD = evolve(REASONING, reasoning=True), ModelProfile(name="o3-mini", provider="openai", reasoning=True)
PRO = ModelProfile(name="gpt-5-pro", provider="openai", reasoning=True)


@pytest.mark.parametrize(
    ("facts", "profile", "asked", "sent", "told"),
    [
        (OPENAI, LUNA, "off", "none", False),
        (OPENAI, LUNA, "high", "high", False),
        (OPENAI, OLD, "off", "low", True),
        (OPENAI, OLD, "medium", "medium", False),
        (OPENAI, PRO, "low", "high", True),
        (OPENAI, evolve(OLD, name="gpt-5-mini"), "off", "minimal", True),
        (OPENAI, evolve(OLD, name="gpt-5.1"), "off", "none", False),
        (OPENAI, PROFILE, "low", None, True),
        (OPENAI, PROFILE, "off", None, False),
        (GROQ, OSS, "off", "low", True),
        (GROQ, QWEN, "off", "none", False),
        (GROQ, QWEN, "high", "default", True),
        (LLAMACPP, PROFILE, "off", None, False),
        (VLLM, OSS, "off", None, False),
        (VLLM, OSS, "medium", "medium", False),
    ],
)
def test_how_much_a_model_is_asked_to_reason(
    facts: ProviderFacts, profile: ModelProfile, asked: Reasoning, sent: str | None, told: bool
) -> None:
    """In the efforts it takes; the nearest stands in, which is told, and with strict parameters nothing does."""
    request = LLMRequest("x", preferences=Preferences(reasoning=asked))
    made = wire(request, profile, facts)
    assert json.loads(made.body).get("reasoning_effort") == sent
    assert bool(made.notices) is told
    strict = encode(request, profile, facts, Defaults(strict_parameters=True))
    assert isinstance(strict, Failure) is told


def test_servers_that_turn_reasoning_off_in_their_template() -> None:
    """llama.cpp and vLLM know no effort for it."""
    said = body(LLMRequest("x", preferences=Preferences(reasoning="off")), facts=LLAMACPP)
    assert said["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in body(LLMRequest("x", preferences=Preferences(reasoning="low")), facts=LLAMACPP)


def test_how_long_the_beginning_of_a_prompt_is_kept() -> None:
    """Said to models that can be told; settings speak where the request does not."""
    told: tuple[tuple[PromptCache, dict[str, str]], ...]
    told = (("off", {"mode": "explicit"}), ("short", {"ttl": "30m"}), ("long", {"ttl": "30m"}))
    for wanted, said in told:
        request = LLMRequest("x", preferences=Preferences(prompt_cache=wanted))
        assert body(request, profile=LUNA)["prompt_cache_options"] == said
        assert "prompt_cache_options" not in body(request)
    assert "prompt_cache_options" in body(LLMRequest("x"), profile=LUNA, defaults=Defaults(prompt_cache="long"))
    assert "prompt_cache_options" not in body(LLMRequest("x"), profile=LUNA)


PDF = DocumentData(data=b"%PDF", name="a.pdf")


def test_documents() -> None:
    """The file itself in the shape of an address; its address where the provider fetches it."""
    reader = evolve(PROFILE, documents=True)
    request = LLMRequest(messages=(Message(role="user", content=[TextPart(text="read"), PDF]),))
    part = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}}
    assert body(request, profile=reader)["messages"][0]["content"][1] == part
    elsewhere = LLMRequest(messages=(Message(role="user", content=[DocumentUrl(url="https://x.example/a.pdf")]),))
    assert "fetches no documents" in refused(elsewhere, reader)
    sent = body(elsewhere, profile=reader, facts=OPENROUTER)["messages"][0]["content"]
    assert sent == [{"type": "file", "file": {"filename": "document", "file_data": "https://x.example/a.pdf"}}]
    assert "takes no documents" in refused(request)


def test_settings_speak_where_the_request_does_not() -> None:
    """Defaults of the provider, overridden one by one."""
    defaults = Defaults(max_tokens=100, temperature=0.7)
    assert body(LLMRequest("x"), defaults=defaults)["max_tokens"] == 100
    said = body(LLMRequest("x", preferences=Preferences(temperature=0.0)), defaults=defaults)
    assert (said["max_tokens"], said["temperature"]) == (100, 0.0)


def test_json_answers() -> None:
    """Any JSON, a schema, and what stands for them where they are not known."""
    schema = JsonSchema(schema=MappingProxyType({"type": "object", "x": MappingProxyType({})}), name="my answer!")
    assert body(LLMRequest("x", output=AnyJson()))["response_format"] == {"type": "json_object"}
    assert body(LLMRequest("x", output=schema))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "my_answer_", "strict": True, "schema": {"type": "object", "x": {}}},
    }
    loose = {"type": "json_schema", "json_schema": {"name": "answer", "strict": False, "schema": {"type": "object"}}}
    assert body(LLMRequest("x", output=AnyJson()), facts=LMSTUDIO)["response_format"] == loose
    for facts, form in ((OPENAI, {"type": "json_object"}), (LMSTUDIO, loose)):
        sent = wire(LLMRequest("x", output=schema), evolve(PROFILE, json_schema=False), facts)
        said = json.loads(sent.body)
        assert said["response_format"] == form
        assert '{"type":"object","x":{}}' in said["messages"][0]["content"]
        assert sent.notices


@pytest.mark.parametrize(
    ("request_", "profile"),
    [
        (LLMRequest(), PROFILE),
        (LLMRequest("\ud800"), PROFILE),
        (LLMRequest("x", preferences=Preferences(temperature=float("nan"))), PROFILE),
        (LLMRequest("x", preferences=Preferences(top_p=float("inf"))), PROFILE),
        (LLMRequest("x", tools=(TOOL,)), evolve(PROFILE, tools=False)),
        (LLMRequest("x", tools=(TOOL,), tool_choice=UseTool(name="other")), PROFILE),
        (LLMRequest("x", tool_choice=UseTool(name="other")), PROFILE),
        (LLMRequest("x", tools=(ToolSpec(name="f", input_schema={"default": object()}),)), PROFILE),
        (LLMRequest(messages=(Message(role="user", content=[ImageUrl(url="x")]),)), evolve(PROFILE, vision=False)),
        (LLMRequest(messages=(Message(role="tool", content=[ImageUrl(url="x")]),)), PROFILE),
    ],
    ids=range(10),
)
def test_what_cannot_be_said_is_refused_before_it_is_sent(request_: LLMRequest, profile: ModelProfile) -> None:
    """Content is never left out in silence."""
    assert refused(request_, profile)


@settings(max_examples=40, deadline=None)
@given(request=strategies.requests(), profile=strategies.profiles())
def test_any_request_is_written_or_refused(request: LLMRequest, profile: ModelProfile) -> None:
    """The law of encoding."""
    codecs.encodes(lambda asked, model: encode(asked, model, OPENAI, NO_DEFAULTS), request, profile)


def _sent(request: LLMRequest) -> tuple[object, ...]:
    """What of a request reaches a provider; texts of one message that cannot hold parts are one text."""
    return (
        request.system,
        tuple(
            (
                message.role,
                (message.content if len(message.content) > 1 else message.text) if message.role == "user" else message.text,
                message.content if any(not isinstance(part, TextPart) for part in message.content) else None,
                message.tool_calls if message.role == "assistant" else (),
                message.tool_call_id or "" if message.role == "tool" else None,
            )
            for message in request.conversation()
            if message.role != "system"
        ),
        tuple((tool.name, tool.description, json.dumps(dict(tool.input_schema))) for tool in request.tools),
        request.tool_choice if request.tools else None,
        evolve(request.preferences, model=None, provider=None, exact=False, reasoning=None, prompt_cache=None, strict_parameters=False),
    )


@settings(max_examples=30, deadline=None)
@given(one=strategies.requests(), other=strategies.requests())
def test_different_requests_are_written_differently(one: LLMRequest, other: LLMRequest) -> None:
    """Equal bytes mean equal questions: what a cache is allowed to rely on."""
    first, second = (encode(asked, PROFILE, OPENAI, NO_DEFAULTS) for asked in (one, other))
    if isinstance(first, Success) and isinstance(second, Success) and first.unwrap().body == second.unwrap().body:
        assert _sent(one)[1:] == _sent(other)[1:]


SMALL_CHANGES = (
    LLMRequest("x", preferences=Preferences(seed=1)),
    LLMRequest("x", preferences=Preferences(temperature=1)),
    LLMRequest("x", preferences=Preferences(temperature=1.5)),
    LLMRequest("x", preferences=Preferences(max_tokens=1)),
    LLMRequest("x", preferences=Preferences(top_p=1)),
    LLMRequest("x", preferences=Preferences(stop=("1",))),
    LLMRequest("x", preferences=Preferences(stop=("1", "1"))),
    LLMRequest("x"),
    LLMRequest("x", system=""),
    LLMRequest("", system="x"),
    LLMRequest("é"),
    LLMRequest("e\u0301"),
    LLMRequest('x","role":"user'),
    LLMRequest("x", output=AnyJson()),
    LLMRequest("x", output=JsonSchema(schema={"a": 1})),
    LLMRequest("x", output=JsonSchema(schema={"a": True})),
    LLMRequest("x", output=JsonSchema(schema={"a": "1"})),
    LLMRequest("x", output=JsonSchema(schema={"a": 1.0})),
    LLMRequest("x", tools=(TOOL,)),
    LLMRequest("x", tools=(TOOL,), tool_choice="none"),
    LLMRequest("x", tools=(TOOL,), tool_choice=UseTool(name="weather")),
    LLMRequest(messages=(Message(role="assistant", content="x"),)),
    LLMRequest(messages=(Message(role="tool", content="x"),)),
    LLMRequest(messages=(Message(role="tool", content="x", tool_call_id="1"),)),
)


def test_small_changes_are_seen_in_the_bytes() -> None:
    """Among them 1, True, "1" and 1.0, and two spellings of one letter."""
    assert len({wire(request).body for request in SMALL_CHANGES}) == len(SMALL_CHANGES)
