"""What a request looks like in Ollama's words."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.clients.fitting import Defaults
from llm_manager.clients.ollama.encoding import encode, keep_alive_of, machine_options, streamed
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ContextTooLarge, InvalidRequest
from llm_manager.domain.messages import DocumentData, ImageData, ImageUrl, Message, Part, TextPart, Thought, ToolCall, ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.testing import strategies as some
from llm_manager.testing.laws import encodes

LLAMA = ModelProfile(name="llama3.2:3b", provider="ollama", locality="local", context_window=131_072, vision=True)
TOOL = ToolSpec(name="weather", description="of a city", input_schema={"type": "object", "properties": {"city": {"type": "string"}}})
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def wire_of(request: LLMRequest, profile: ModelProfile = LLAMA, defaults: Defaults | None = None, **more: Any) -> WireRequest:
    return encode(request, profile, defaults or Defaults(), more.pop("machine", {}), **more).unwrap()


def body_of(request: LLMRequest, profile: ModelProfile = LLAMA, defaults: Defaults | None = None, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(wire_of(request, profile, defaults, **more).body)
    return body


def refusal(request: LLMRequest, profile: ModelProfile = LLAMA, defaults: Defaults | None = None) -> str:
    outcome = encode(request, profile, defaults or Defaults(), {})
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    assert error.request is request
    return error.message


def test_a_prompt() -> None:
    """The window is always told, and nothing is to be dropped in silence."""
    wire = wire_of(LLMRequest("Hi", system="Be brief."))
    assert wire.path == "/api/chat"
    assert json.loads(wire.body) == {
        "model": "llama3.2:3b",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "options": {"num_ctx": 8192},
        "truncate": False,
        "shift": False,
        "stream": False,
    }
    assert json.loads(streamed(wire.body)) == {**json.loads(wire.body), "stream": True}


def test_preferences_are_options() -> None:
    wanted = Preferences(max_tokens=7, temperature=0.5, top_p=0.9, seed=3, stop=("x",))
    body = body_of(LLMRequest("Hi", preferences=wanted))
    assert body["options"] == {"num_ctx": 8192, "temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["x"], "num_predict": 7}
    assert body_of(LLMRequest("Hi"), defaults=Defaults(max_tokens=5, temperature=0.0))["options"]["num_predict"] == 5


def test_the_machine_is_told_of() -> None:
    own = ProviderSettings(threads=4, gpu_layers=0, keep_alive="10m")
    body = body_of(LLMRequest("Hi"), machine=machine_options(own), keep_alive=keep_alive_of(own))
    assert body["options"] == {"num_ctx": 8192, "num_thread": 4, "num_gpu": 0}
    assert body["keep_alive"] == "10m"


@pytest.mark.parametrize(("told", "sent"), [("5m", "5m"), ("0", 0.0), ("-1", -1.0), ("90", 90.0), ("inf", "inf"), (None, None)])
def test_a_number_keeps_a_model_alive_in_seconds(told: str | None, sent: str | float | None) -> None:
    assert keep_alive_of(ProviderSettings(keep_alive=told)) == sent


def test_images_are_sent_as_bytes() -> None:
    message = Message(role="user", content=(TextPart(text="What "), ImageData(data=b"\x89PNG"), TextPart(text="is it?")))
    (said,) = body_of(LLMRequest(messages=(message,)))["messages"]
    assert said == {"role": "user", "content": "What is it?", "images": ["iVBORw=="]}


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (ImageUrl(url="https://example.org/a.png"), "send the bytes of the image"),
        (DocumentData(data=b"%PDF"), "reads no documents"),
    ],
)
def test_what_it_cannot_fetch_or_read_is_refused(part: Part, word: str) -> None:
    assert word in refusal(LLMRequest(messages=(Message(role="user", content=(part,)),)))


def test_images_are_for_models_that_see_and_for_users() -> None:
    image = ImageData(data=b"x")
    assert "takes no images" in refusal(LLMRequest(messages=(Message(role="user", content=(image,)),)), evolve(LLAMA, vision=False))
    assert "can hold text only" in refusal(LLMRequest(messages=(Message(role="assistant", content=(image,)),)))
    assert "nothing to ask" in refusal(LLMRequest())


def test_a_conversation_with_tools() -> None:
    """Results name their tool; thinking goes back where it came from; what was written wrong is wrapped."""
    request = LLMRequest(
        messages=(
            Message(role="user", content="Weather?"),
            Message(
                role="assistant",
                content="",
                tool_calls=(
                    ToolCall(id="c1", name="weather", arguments='{"city": "Paris"}'),
                    ToolCall(id="c2", name="weather", arguments="{oops"),
                ),
                thoughts=(
                    Thought(text="a tool"),
                    Thought(text="another's", signed_by="ollama another"),
                    Thought(text=" will do", signed_by=f"ollama {LLAMA.name}"),
                ),
            ),
            Message(role="tool", content="rain", tool_call_id="c1"),
            Message(role="tool", content="wrong", tool_call_id="c2"),
        ),
        tools=(TOOL,),
    )
    wire = wire_of(request)
    body = json.loads(wire.body)
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "thinking": "a tool will do",
            "tool_calls": [
                {"id": "c1", "function": {"name": "weather", "arguments": {"city": "Paris"}}},
                {"id": "c2", "function": {"name": "weather", "arguments": {"invalid_json": "{oops"}}},
            ],
        },
        {"role": "tool", "content": "rain", "tool_name": "weather", "tool_call_id": "c1"},
        {"role": "tool", "content": "wrong", "tool_name": "weather", "tool_call_id": "c2"},
    ]
    assert body["tools"] == [
        {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": TOOL.input_schema}}
    ]
    assert len(wire.notices) == 1


def test_a_model_cannot_be_made_to_call() -> None:
    """It is offered the one tool, or all, and the answer says so; none are offered when none may be called."""
    other = ToolSpec(name="other")
    named = wire_of(LLMRequest("Hi", tools=(TOOL, other), tool_choice=UseTool(name="weather")))
    assert [tool["function"]["name"] for tool in json.loads(named.body)["tools"]] == ["weather"]
    assert named.notices == ("ollama cannot make a model call a tool: it was offered weather and no other",)
    required = wire_of(LLMRequest("Hi", tools=(TOOL, other), tool_choice="required"))
    assert len(json.loads(required.body)["tools"]) == 2
    assert required.notices == ("ollama cannot make a model call a tool: it was only offered some",)
    assert "tools" not in body_of(LLMRequest("Hi", tools=(TOOL,), tool_choice="none"))
    strict = Preferences(strict_parameters=True)
    assert "strict_parameters" in refusal(LLMRequest("Hi", tools=(TOOL,), tool_choice="required", preferences=strict))
    assert "not among" in refusal(LLMRequest("Hi", tools=(TOOL,), tool_choice=UseTool(name="x")))
    assert "takes no tools" in refusal(LLMRequest("Hi", tools=(TOOL,)), evolve(LLAMA, tools=False))


def test_forms_of_the_answer() -> None:
    assert body_of(LLMRequest("Hi", output=AnyJson()))["format"] == "json"
    assert body_of(LLMRequest("Hi", output=JsonSchema(schema=SCHEMA)))["format"] == SCHEMA
    unable = evolve(LLAMA, json_schema=False)
    wire = wire_of(LLMRequest("Hi", output=JsonSchema(schema=SCHEMA)), unable)
    body = json.loads(wire.body)
    assert body["format"] == "json"
    assert "fits this JSON schema" in body["messages"][0]["content"]
    assert len(wire.notices) == 1


@pytest.mark.parametrize(
    ("name", "reasons", "level", "think", "notices"),
    [
        ("deepseek-r1:1.5b", True, "high", True, 0),
        ("deepseek-r1:1.5b", True, "off", False, 0),
        ("gpt-oss:20b", True, "medium", "medium", 0),
        ("gpt-oss:20b", True, "off", "low", 1),
        ("llama3.2:3b", False, "low", None, 1),
        ("llama3.2:3b", False, "off", None, 0),
        ("deepseek-r1:1.5b", True, None, None, 0),
    ],
)
def test_thinking(name: str, reasons: bool, level: Any, think: Any, notices: int) -> None:
    """By level where a model takes one, else on or off; a model that does not think is not told to."""
    profile = evolve(LLAMA, name=name, reasoning=reasons)
    wire = wire_of(LLMRequest("Hi", preferences=Preferences(reasoning=level)), profile)
    assert json.loads(wire.body).get("think") == think
    assert len(wire.notices) == notices
    if notices:
        wanted = Preferences(reasoning=level, strict_parameters=True)
        assert "strict_parameters" in refusal(LLMRequest("Hi", preferences=wanted), profile)


def test_a_model_that_only_continues_gets_its_prompt_as_it_stands() -> None:
    """By the completion endpoint, with the same options."""
    base = evolve(LLAMA, name="codellama:7b-code")
    wire = wire_of(LLMRequest("def gcd(a, b):", preferences=Preferences(max_tokens=9)), base)
    assert wire.path == "/api/generate"
    assert json.loads(wire.body) == {
        "model": "codellama:7b-code",
        "prompt": "def gcd(a, b):",
        "raw": True,
        "options": {"num_ctx": 8192, "num_predict": 9},
        "truncate": False,
        "shift": False,
        "stream": False,
    }
    for request in (
        LLMRequest("Hi", system="x"),
        LLMRequest("Hi", tools=(TOOL,)),
        LLMRequest(messages=(Message(role="user", content="x"),)),
    ):
        assert "only continues" in refusal(request, base)
    unable = evolve(base, json_schema=False)
    assert "obeys no JSON schema" in refusal(LLMRequest("Hi", output=JsonSchema(schema=SCHEMA)), unable)
    assert body_of(LLMRequest("Hi", output=AnyJson()), unable)["format"] == "json"


def test_what_surely_does_not_fit_is_not_sent() -> None:
    outcome = encode(LLMRequest("word " * 20_000), evolve(LLAMA, context_window=8192), Defaults(), {})
    error = outcome.failure()
    assert isinstance(error, ContextTooLarge)
    assert (error.limit, error.limit_kind) == (8192, "window")
    assert error.token_count == 25_004


@settings(max_examples=60, deadline=None)
@given(some.requests(), some.profiles(), st.sampled_from(["llama3.2:3b", "codellama:7b-code", "gpt-oss:20b"]))
def test_any_request_is_written_or_refused(request: LLMRequest, profile: ModelProfile, name: str) -> None:
    encodes(lambda asked, model: encode(asked, model, Defaults(), {}), request, evolve(profile, name=name))
