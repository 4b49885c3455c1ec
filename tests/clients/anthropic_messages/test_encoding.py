"""From requests to the bodies that Claude is sent."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure

from llm_manager.clients.anthropic_messages.encoding import encode, encode_count
from llm_manager.clients.anthropic_messages.models import fitted
from llm_manager.clients.anthropic_messages.thinking import REDACTED as REDACTED_KIND
from llm_manager.clients.anthropic_messages.thinking import THINKING, kept
from llm_manager.clients.data.anthropic import API_VERSION
from llm_manager.clients.fitting import Defaults
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import (
    DocumentData,
    DocumentUrl,
    ImageData,
    ImageUrl,
    Message,
    Part,
    TextPart,
    Thought,
    ToolCall,
    ToolSpec,
    UseTool,
)
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences, Reasoning
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import sealed
from tests.clients.anthropic_messages.bodies import REDACTED, SIGNATURE

OLD_API = "2023-06-01"
WEATHER = ToolSpec(name="weather", description="Tells it", input_schema={"properties": {"city": {"type": "string"}}})
NOW = ToolSpec(name="now")


def profile(name: str = "claude-haiku-4-5", version: str = API_VERSION, **more: Any) -> ModelProfile:
    plain = {"vision": True, "documents": True, "max_output_tokens": 64_000, **more}
    return fitted(ModelProfile(name=name, provider="anthropic", **plain), version)


def wired(request: LLMRequest, model: ModelProfile | None = None, defaults: Defaults | None = None) -> WireRequest:
    return encode(request, model or profile(), defaults or Defaults()).unwrap()


def body(request: LLMRequest, model: ModelProfile | None = None, defaults: Defaults | None = None) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(wired(request, model, defaults).body)
    return told


def refusal(request: LLMRequest, model: ModelProfile | None = None, defaults: Defaults | None = None) -> str:
    outcome = sealed(encode(request, model or profile(), defaults or Defaults()))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    assert error.request is request
    return error.message


def asked(*content: Part, **preferences: Any) -> LLMRequest:
    return LLMRequest(messages=(Message(role="user", content=content),), preferences=Preferences(**preferences))


def test_a_plain_request() -> None:
    """The bound that the API wants is there, and nothing that nobody asked for."""
    assert body(LLMRequest("Hi")) == {
        "model": "claude-haiku-4-5",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }
    assert body(LLMRequest("Hi"), defaults=Defaults(max_tokens=99))["max_tokens"] == 99
    assert body(LLMRequest("Hi", preferences=Preferences(max_tokens=7)), defaults=Defaults(max_tokens=99))["max_tokens"] == 7
    assert body(LLMRequest("Hi"), profile(max_output_tokens=1000))["max_tokens"] == 1000


def test_a_conversation() -> None:
    """System prompts stand apart, wherever they stood; what holds nothing is not a turn."""
    told = body(
        LLMRequest(
            "And now?",
            system="Be brief.",
            messages=(
                Message(role="user", content="Hi"),
                Message(role="system", content="Be kind."),
                Message(role="assistant", content="Hello!"),
                Message(role="assistant", content=" "),
                Message(role="user", content=""),
            ),
        )
    )
    assert told["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]
    assert [(turn["role"], turn["content"][0]["text"]) for turn in told["messages"]] == [
        ("user", "Hi"),
        ("assistant", "Hello!"),
        ("user", "And now?"),
    ]


@pytest.mark.parametrize(
    "request_", [LLMRequest(system="x"), LLMRequest(""), LLMRequest(" \n"), LLMRequest(messages=(Message(role="user"),))]
)
def test_nothing_to_ask(request_: LLMRequest) -> None:
    """Is refused here, in plain words."""
    assert "nothing to ask" in refusal(request_)


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (ImageUrl(url="https://x.example/a.png"), {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}),
        (
            ImageUrl(url="data:image/gif;base64,R0lG"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lG"}},
        ),
        (
            ImageData(data=b"\x89PNG"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
        ),
        (DocumentUrl(url="https://x.example/a.pdf"), {"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}}),
        (
            DocumentData(data=b"%PDF", name="Report"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                "title": "Report",
            },
        ),
        (
            DocumentData(data="Grüße".encode(), media_type="text/markdown"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}},
        ),
    ],
)
def test_images_and_documents(part: Part, block: Mapping[str, Any]) -> None:
    """By address and by their bytes."""
    told = body(asked(part, TextPart(text="What is it?")))
    assert told["messages"][0]["content"] == [block, {"type": "text", "text": "What is it?"}]


@pytest.mark.parametrize(
    ("part", "model", "word"),
    [
        (ImageUrl(url="https://x.example/a.png"), profile(vision=False), "no images"),
        (ImageData(data=b"x"), profile(vision=False), "no images"),
        (ImageData(data=b"x", media_type="image/tiff"), profile(), "image/tiff"),
        (ImageUrl(url="data:image/png,x"), profile(), "base64"),
        (DocumentData(data=b"%PDF"), profile(documents=False), "no documents"),
        (DocumentUrl(url="https://x.example/a.docx", media_type="application/msword"), profile(), "PDF"),
        (DocumentData(data=b"x", media_type="application/msword"), profile(), "application/msword"),
        (DocumentData(data=b"\xff\xfe", media_type="text/plain"), profile(), "UTF-8"),
    ],
)
def test_what_cannot_be_shown(part: Part, model: ModelProfile, word: str) -> None:
    """Content is never left out: a request without it would be another one."""
    assert word in refusal(asked(part), model)


def test_text_is_a_document_for_any_model() -> None:
    """It needs no reader of PDF."""
    assert body(asked(DocumentData(data=b"a", media_type="text/plain")), profile(documents=False))["messages"]


@pytest.mark.parametrize("role", ["assistant", "system"])
def test_only_users_and_tools_show_pictures(role: Any) -> None:
    """The API takes none elsewhere."""
    message = Message(role=role, content=(ImageUrl(url="https://x.example/a.png"),))
    assert "text only" in refusal(LLMRequest("x", messages=(message,)))


def test_tools_and_their_answers() -> None:
    """The calls as they were made, and all answers to them in one turn."""
    told = body(
        LLMRequest(
            messages=(
                Message(role="user", content="Weather?"),
                Message(
                    role="assistant",
                    content="I will look.",
                    tool_calls=(
                        ToolCall(id="toolu_1", name="weather", arguments='{"city": "Zürich", "n": 12345678901234567890123}'),
                        ToolCall(id="functions.now:1", name="now", arguments=""),
                        ToolCall(id="", name="now", arguments="[1]"),
                        ToolCall(id="c", name="now", arguments='{"a": '),
                    ),
                ),
                Message(role="tool", tool_call_id="toolu_1", content="rain"),
                Message(role="tool", tool_call_id="functions.now:1", content="the clock is gone", tool_failed=True),
                Message(role="tool", tool_call_id=None, content=(TextPart(text="see"), ImageData(data=b"x"))),
                Message(role="tool", tool_call_id="c"),
                Message(role="user", content="Well?"),
            ),
            tools=(WEATHER, NOW),
        )
    )
    assert told["tools"] == [
        {
            "name": "weather",
            "description": "Tells it",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
        {"name": "now", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "tool_choice" not in told
    question, calls, results, again = told["messages"]
    assert [turn["role"] for turn in told["messages"]] == ["user", "assistant", "user", "user"]
    assert calls["content"] == [
        {"type": "text", "text": "I will look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Zürich", "n": 12345678901234567890123}},
        {"type": "tool_use", "id": "functions_now_1", "name": "now", "input": {}},
        {"type": "tool_use", "id": "call", "name": "now", "input": {"value": "[1]"}},
        {"type": "tool_use", "id": "c", "name": "now", "input": {"value": '{"a":'}},
    ]
    assert results["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"},
        {"type": "tool_result", "tool_use_id": "functions_now_1", "content": "the clock is gone", "is_error": True},
        {
            "type": "tool_result",
            "tool_use_id": "call",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}},
            ],
        },
        {"type": "tool_result", "tool_use_id": "c"},
    ]
    assert (question["content"][0]["text"], again["content"][0]["text"]) == ("Weather?", "Well?")


@pytest.mark.parametrize(
    ("choice", "told"),
    [("auto", None), ("none", {"type": "none"}), ("required", {"type": "any"}), (UseTool(name="now"), {"type": "tool", "name": "now"})],
)
def test_the_choice_of_tools(choice: Any, told: Mapping[str, Any] | None) -> None:
    """In the words of the API."""
    assert body(LLMRequest("x", tools=(WEATHER, NOW), tool_choice=choice)).get("tool_choice") == told


def test_models_that_cannot_be_made_to_call_a_tool() -> None:
    """Are told to in words, with a notice, or the request is refused."""
    model = profile("claude-opus-5-5")
    named = wired(LLMRequest("x", tools=(WEATHER, NOW), tool_choice=UseTool(name="now")), model)
    told = json.loads(named.body)
    assert "tool_choice" not in told
    assert [tool["name"] for tool in told["tools"]] == ["now"]
    assert told["system"][-1]["text"].endswith("call the tool now.")
    assert named.notices == ("claude-opus-5-5 cannot be made to call a tool: it was told to in words",)
    assert body(LLMRequest("x", tools=(WEATHER, NOW), tool_choice="required"), model)["system"][-1]["text"].endswith("one of the tools.")
    strict = Preferences(strict_parameters=True)
    assert "cannot be made" in refusal(LLMRequest("x", tools=(NOW,), tool_choice="required", preferences=strict), model)
    assert body(LLMRequest("x", tools=(NOW,), tool_choice="none"), model)["tool_choice"] == {"type": "none"}


def test_tools_that_are_not_there() -> None:
    """Are not asked for."""
    assert "not among the tools" in refusal(LLMRequest("x", tools=(NOW,), tool_choice=UseTool(name="other")))
    assert "not among the tools" in refusal(LLMRequest("x", tool_choice=UseTool(name="other")))
    assert "takes no tools" in refusal(LLMRequest("x", tools=(NOW,)), profile(tools=False))
    assert "tool_choice" not in body(LLMRequest("x", tool_choice="required"))


SCHEMA = {
    "type": "object",
    "title": "City",
    "properties": {
        "name": {"type": "string", "minLength": 1, "description": "Its name.", "format": "hostname"},
        "size": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}], "default": None},
        "mayor": {"$ref": "#/$defs/Person"},
        "parts": {"type": "array", "items": {"type": "string", "format": "color"}, "minItems": 2},
    },
    "required": ["name"],
    "$defs": {"Person": {"type": "object", "properties": {"age": {"enum": [1, 2]}}}},
}


def test_a_schema_is_kept_to() -> None:
    """Objects are closed, and what the API does not know of a schema is said in its descriptions."""
    told = body(LLMRequest("x", output=JsonSchema(schema=SCHEMA)))
    assert told["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "title": "City",
                "properties": {
                    "name": {"type": "string", "description": 'Its name. {"minLength":1}', "format": "hostname"},
                    "size": {"anyOf": [{"type": "integer", "description": '{"minimum":0}'}, {"type": "null"}]},
                    "mayor": {"$ref": "#/$defs/Person"},
                    "parts": {
                        "type": "array",
                        "items": {"type": "string", "description": '{"format":"color"}'},
                        "description": '{"minItems":2}',
                    },
                },
                "required": ["name"],
                "$defs": {"Person": {"type": "object", "properties": {"age": {"enum": [1, 2]}}, "additionalProperties": False}},
                "additionalProperties": False,
            },
        }
    }
    assert "system" not in told


@pytest.mark.parametrize(
    ("model", "output", "word"),
    [
        ("claude-sonnet-4-0", JsonSchema(schema=SCHEMA), "takes no JSON schema:"),
        ("claude-haiku-4-5", AnyJson(), "takes no JSON without a schema"),
        ("claude-haiku-4-5", JsonSchema(schema={"type": "object"}), "of open objects"),
        ("claude-haiku-4-5", JsonSchema(schema={"type": "array", "items": {"anyOf": [{"type": "object"}]}}), "of open objects"),
        (
            "claude-haiku-4-5",
            JsonSchema(schema={"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}}),
            "of open objects",
        ),
    ],
)
def test_json_is_asked_for_in_words_where_nothing_else_helps(model: str, output: Any, word: str) -> None:
    """And the notice says so."""
    wire = wired(LLMRequest("x", system="Be brief.", output=output), profile(model))
    told = json.loads(wire.body)
    assert "output_config" not in told
    first, words = told["system"]
    assert first["text"] == "Be brief."
    assert "JSON" in words["text"]
    assert word in wire.notices[0]


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort", "room"),
    [
        ("claude-3-5-haiku-latest", "off", None, None, 4096),
        ("claude-haiku-4-5", "off", None, None, 4096),
        ("claude-haiku-4-5", "low", {"type": "enabled", "budget_tokens": 2048}, None, 6144),
        ("claude-haiku-4-5", "high", {"type": "enabled", "budget_tokens": 16_384}, None, 20_480),
        ("claude-sonnet-4-6", "off", None, None, 4096),
        ("claude-sonnet-4-6", "medium", {"type": "adaptive"}, "medium", 12_288),
        ("claude-opus-4-8", "medium", {"type": "adaptive", "display": "summarized"}, "medium", 12_288),
        ("claude-opus-5", "off", {"type": "disabled"}, None, 4096),
        ("claude-haiku-5-5", "off", {"type": "disabled"}, None, 4096),
        ("claude-sonnet-5-5", "off", {"type": "between_tools"}, None, 4096),
        ("claude-opus-5-5", "high", {"type": "adaptive", "display": "summarized"}, "high", 20_480),
        ("claude-opus-9", "low", {"type": "adaptive", "display": "summarized"}, "low", 6144),
    ],
)
def test_thinking_as_each_model_takes_it(
    model: str, reasoning: Reasoning, thinking: Mapping[str, Any] | None, effort: str | None, room: int
) -> None:
    """By a budget or an effort, with room for it beside the answer; kept from it as far as it can be."""
    wire = wired(LLMRequest("x", preferences=Preferences(reasoning=reasoning)), profile(model))
    told = json.loads(wire.body)
    assert told.get("thinking") == thinking
    assert told.get("output_config", {}).get("effort") == effort
    assert told["max_tokens"] == room
    assert wire.notices == ()


def test_thinking_that_cannot_be() -> None:
    """Is left out with a notice, or refused."""

    def notice(model: str, request: LLMRequest) -> str:
        strict = evolve(request, preferences=evolve(request.preferences, strict_parameters=True))
        assert "strict_parameters" in refusal(strict, profile(model))
        wire = wired(request, profile(model))
        assert json.loads(wire.body).get("thinking") is None
        return wire.notices[0]

    high = Preferences(reasoning="high")
    assert "takes no reasoning" in notice("claude-3-haiku-20240307", LLMRequest("x", preferences=high))
    assert "cannot be kept from" in notice("claude-fable-5-2", LLMRequest("x", preferences=Preferences(reasoning="off")))
    assert "at least 1024" in notice("claude-haiku-4-5", LLMRequest("x", preferences=Preferences(reasoning="low", max_tokens=1000)))
    forced = LLMRequest("x", tools=(NOW,), tool_choice="required", preferences=high)
    assert "before a tool" in notice("claude-haiku-4-5", forced)
    assert "before a tool" in notice("claude-sonnet-4-6", forced)
    assert body(forced, profile("claude-opus-5"))["output_config"] == {"effort": "high"}
    assert body(LLMRequest("x", preferences=Preferences(reasoning="off")), profile("claude-opus-5-5"))["output_config"]["effort"] == "low"


def test_a_bound_given_is_kept_while_thinking() -> None:
    """Half of it is for thinking, at most."""
    told = body(LLMRequest("x", preferences=Preferences(reasoning="high", max_tokens=4000)))
    assert (told["max_tokens"], told["thinking"]["budget_tokens"]) == (4000, 2000)
    tight = body(LLMRequest("x", preferences=Preferences(reasoning="high", max_tokens=1025)))
    assert (tight["max_tokens"], tight["thinking"]["budget_tokens"]) == (1025, 1024)


def thoughts(model: str) -> tuple[Thought, ...]:
    made = (kept(THINKING, "Let me see.", SIGNATURE), kept(REDACTED_KIND, "", REDACTED))
    return tuple(evolve(each, signed_by=f"anthropic {model}") for each in made if each is not None)


def looped(*given: Thought, reasoning: Reasoning | None = "low") -> LLMRequest:
    return LLMRequest(
        messages=(
            Message(role="user", content="Now?"),
            Message(role="assistant", tool_calls=(ToolCall(id="a", name="now"),), thoughts=given),
            Message(role="tool", tool_call_id="a", content="noon"),
        ),
        tools=(NOW,),
        preferences=Preferences(reasoning=reasoning),
    )


def test_thoughts_go_back_to_the_model_that_had_them() -> None:
    """In order, as they came, before the calls that they led to."""
    told = body(looped(*thoughts("claude-haiku-4-5")))
    assert told["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Let me see.", "signature": SIGNATURE},
        {"type": "redacted_thinking", "data": REDACTED},
        {"type": "tool_use", "id": "a", "name": "now", "input": {}},
    ]
    assert told["thinking"]["type"] == "enabled"


@pytest.mark.parametrize(
    "given", [(), thoughts("claude-opus-4-5"), (Thought(text="hm"), Thought(text="hm", signature="s", signed_by="gemini g"))]
)
def test_thoughts_of_others_stay_here(given: tuple[Thought, ...]) -> None:
    """And a call begun without them goes on without, where the model would refuse it otherwise."""
    wire = wired(looped(*given))
    told = json.loads(wire.body)
    assert [block["type"] for block in told["messages"][1]["content"]] == ["tool_use"]
    assert "thinking" not in told
    assert "in the middle of a call" in wire.notices[0]
    adaptive = wired(looped(*given), profile("claude-opus-5"))
    assert adaptive.notices == ()
    assert json.loads(adaptive.body)["thinking"]["type"] == "adaptive"


def test_a_model_that_does_not_think_is_sent_no_thoughts() -> None:
    """They are for one that does."""
    assert len(body(looped(*thoughts("claude-haiku-4-5"), reasoning=None))["messages"][1]["content"]) == 1
    assert len(body(looped(*thoughts("claude-opus-5"), reasoning="off"), profile("claude-opus-5"))["messages"][1]["content"]) == 1


def test_thoughts_bound_to_their_conversation() -> None:
    """A conversation that was shortened since is answered, not refused: the provider leaves out what no longer fits."""
    model = profile("claude-sonnet-5-5")
    wire = wired(looped(*thoughts("claude-sonnet-5-5"), reasoning=None), model)
    told = json.loads(wire.body)
    assert wire.headers == (("anthropic-beta", "thinking-binding-controls-2026-08-01"),)
    assert told["thinking"] == {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    assert told["messages"][1]["content"][0]["type"] == "thinking"
    asked_for = json.loads(wired(looped(*thoughts("claude-sonnet-5-5"), reasoning="high"), model).body)["thinking"]
    assert asked_for["display"] == "summarized"
    assert "block_binding" in asked_for
    off = wired(looped(*thoughts("claude-sonnet-5-5"), reasoning="off"), model)
    assert off.headers == ()
    assert json.loads(off.body)["thinking"] == {"type": "between_tools"}
    assert wired(looped(reasoning=None), model).headers == ()


WARM = Preferences(temperature=0.5, top_p=0.9, stop=("END", " "), seed=3)


@pytest.mark.parametrize(
    ("model", "version", "sent", "notices"),
    [
        ("claude-haiku-4-5", API_VERSION, {}, ["temperature", "top_p", "seed"]),
        ("claude-haiku-4-5", OLD_API, {"temperature": 0.5}, ["seed", "not both"]),
        ("claude-3-5-haiku-latest", OLD_API, {"temperature": 0.5, "top_p": 0.9}, ["seed"]),
        ("claude-opus-5-5", OLD_API, {}, ["temperature", "top_p", "seed"]),
        ("claude-something-new", OLD_API, {}, ["temperature", "top_p", "seed"]),
        ("qwen3:4b", API_VERSION, {"temperature": 0.5, "top_p": 0.9}, ["seed"]),
    ],
)
def test_sampling_by_model_and_version(model: str, version: str, sent: Mapping[str, float], notices: list[str]) -> None:
    """What is no longer taken is left out with a notice, or refused; it is never sent to be refused there."""
    wire = wired(LLMRequest("x", preferences=WARM), profile(model, version))
    told = json.loads(wire.body)
    assert {name: told[name] for name in ("temperature", "top_p", "seed", "top_k") if name in told} == sent
    assert told["stop_sequences"] == ["END"]
    assert len(wire.notices) == len(notices)
    assert all(word in said for word, said in zip(notices, wire.notices, strict=True))
    assert "strict_parameters" in refusal(LLMRequest("x", preferences=WARM), profile(model, version), Defaults(strict_parameters=True))


def test_sampling_and_thinking_exclude_each_other() -> None:
    """And Claude's scale ends at 1."""
    model = profile("claude-sonnet-4-6", OLD_API)
    wire = wired(LLMRequest("x", preferences=Preferences(temperature=0.5, reasoning="low")), model)
    assert "temperature" not in json.loads(wire.body)
    assert "while it reasons" in wire.notices[0]
    hot = wired(LLMRequest("x"), model, Defaults(temperature=1.7))
    assert json.loads(hot.body)["temperature"] == 1.0
    assert "at most 1" in hot.notices[0]
    assert body(LLMRequest("x"), profile("qwen3", OLD_API), Defaults(temperature=1.7))["temperature"] == 1.7


@pytest.mark.parametrize(("wanted", "told"), [("short", {"type": "ephemeral"}), ("long", {"type": "ephemeral", "ttl": "1h"})])
def test_the_prompt_is_kept(wanted: Any, told: Mapping[str, str]) -> None:
    """After what stays the same, and after all of it; for minutes or for an hour."""
    request = LLMRequest("x", system="Be brief.", tools=(NOW,), preferences=Preferences(prompt_cache=wanted))
    sent = body(request)
    assert sent["system"][-1]["cache_control"] == told
    assert sent["messages"][-1]["content"][-1]["cache_control"] == told
    assert "cache_control" not in sent["tools"][-1]
    assert body(evolve(request, system=None))["tools"][-1]["cache_control"] == told
    by_settings = body(LLMRequest("x"), defaults=Defaults(prompt_cache=wanted))
    assert by_settings["messages"][-1]["content"][-1]["cache_control"] == told
    off = body(LLMRequest("x", preferences=Preferences(prompt_cache="off")), defaults=Defaults(prompt_cache=wanted))
    assert "cache_control" not in off["messages"][-1]["content"][-1]


def test_thinking_itself_is_not_marked() -> None:
    """The API takes no mark there."""
    message = Message(role="assistant", thoughts=thoughts("claude-opus-5"))
    request = LLMRequest(messages=(Message(role="user", content="x"), message), preferences=Preferences(prompt_cache="short"))
    assert "cache_control" not in body(request, profile("claude-opus-5"))["messages"][-1]["content"][-1]


def test_a_count_asks_for_what_would_be_sent() -> None:
    """Without what does not bear on the tokens."""
    request = LLMRequest("x", system="s", tools=(NOW,), preferences=Preferences(reasoning="low", stop=("a",)))
    wire = encode_count(request, profile(), Defaults()).unwrap()
    assert wire.path == "/v1/messages/count_tokens"
    assert set(json.loads(wire.body)) == {"model", "messages", "system", "tools", "thinking"}


def test_what_json_cannot_say_is_refused() -> None:
    """As a value."""
    tool = ToolSpec(name="t", input_schema={"type": "object", "x": object()})
    assert "JSON" in refusal(LLMRequest("x", tools=(tool,)))
    assert "number" in refusal(LLMRequest("x", preferences=Preferences(temperature=float("nan"))), profile(version=OLD_API))
    assert "JSON" in refusal(LLMRequest("\ud800"))
