"""What is sent: a request in Cohere's words, or the reason why it cannot be said."""

import json
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure

from llm_manager.clients.cohere.codec import encode, streamed
from llm_manager.clients.data.cohere import COHERE
from llm_manager.clients.fitting import Defaults
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import DocumentData, ImageData, ImageUrl, Message, TextPart, Thought, ToolCall, ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences
from llm_manager.outcomes import sealed

MODEL = ModelProfile(name="command-a-03-2025", provider="cohere")
THINKER = evolve(MODEL, name="command-a-reasoning-08-2025", reasoning=True)
OLD = evolve(MODEL, name="command-r-08-2024", unsupported=("tool_choice",))
TOOLS = (ToolSpec(name="look", description="Look up"), ToolSpec(name="find"))
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


def sent(request: LLMRequest, profile: ModelProfile = MODEL, **defaults: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body and the notices."""
    wire = encode(request, profile, Defaults(**defaults)).unwrap()
    assert wire.path == "/chat"
    assert json.loads(streamed(wire.body)) == {**json.loads(wire.body), "stream": True}
    return json.loads(wire.body), wire.notices


def refused(request: LLMRequest, profile: ModelProfile = MODEL) -> str:
    outcome = sealed(encode(request, profile, Defaults()))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    return error.message


def test_a_prompt() -> None:
    body, notices = sent(LLMRequest("Hi"))
    assert body == {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    assert notices == ()


def test_what_the_system_says_comes_first_and_once() -> None:
    """Cohere refuses it anywhere else."""
    history = (Message(role="user", content="a"), Message(role="system", content="Be kind."), Message(role="assistant", content="b"))
    body, _ = sent(LLMRequest("c", messages=history, system="Be brief."))
    assert [(turn["role"], turn["content"]) for turn in body["messages"]] == [
        ("system", "Be brief.\n\nBe kind."),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]
    assert refused(LLMRequest()) == "there is nothing to ask: give a prompt or messages"


def test_a_round_of_tools() -> None:
    """Text before calls is their plan; results go by the id of their call."""
    history = (
        Message(role="assistant", content="I will look.", tool_calls=(ToolCall(id="c1", name="look", arguments='{"q":1}'),)),
        Message(role="tool", content="42", tool_call_id="c1"),
        Message(role="assistant", tool_calls=(ToolCall(id="c2", name="find"),)),
        Message(role="tool", content="43"),
    )
    body, _ = sent(LLMRequest(messages=history, tools=TOOLS))
    assert body["messages"] == [
        {
            "role": "assistant",
            "tool_plan": "I will look.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q":1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {"role": "assistant", "tool_calls": [{"id": "c2", "type": "function", "function": {"name": "find", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "", "content": "43"},
    ]
    assert body["tools"][0] == {
        "type": "function",
        "function": {"name": "look", "description": "Look up", "parameters": {"type": "object", "properties": {}}},
    }
    assert "tool_choice" not in body


def test_its_own_thoughts_go_back_and_no_others() -> None:
    thoughts = (Thought(text="mine", signed_by=f"cohere {THINKER.name}"), Thought(text="not mine", signed_by="gemini x"), Thought())
    said = Message(role="assistant", content="So.", thoughts=thoughts)
    calling = evolve(said, content="", tool_calls=(ToolCall(id="c", name="look"),))
    body, _ = sent(LLMRequest("on", messages=(said, calling)), THINKER)
    mine = {"type": "thinking", "thinking": "mine"}
    assert body["messages"][0]["content"] == [mine, {"type": "text", "text": "So."}]
    assert body["messages"][1]["content"] == [mine]
    assert sent(LLMRequest("on", messages=(said,)))[0]["messages"][0]["content"] == "So."


def test_the_choice_of_a_tool() -> None:
    """None is forced by its name: it is the only one that is offered."""
    assert sent(LLMRequest("x", tools=TOOLS, tool_choice="required"))[0]["tool_choice"] == "REQUIRED"
    assert sent(LLMRequest("x", tools=TOOLS, tool_choice="none"))[0]["tool_choice"] == "NONE"
    body, notices = sent(LLMRequest("x", tools=TOOLS, tool_choice=UseTool(name="find")))
    assert len(notices) == 1
    assert ([tool["function"]["name"] for tool in body["tools"]], body["tool_choice"]) == (["find"], "REQUIRED")
    assert "not among the tools" in refused(LLMRequest("x", tools=TOOLS, tool_choice=UseTool(name="lose")))
    assert "takes no tools" in refused(LLMRequest("x", tools=TOOLS), evolve(MODEL, tools=False))


def test_an_older_model_is_forced_to_nothing() -> None:
    """It is offered the tools, or none, and it is said; under strict parameters it is refused."""
    body, notices = sent(LLMRequest("x", tools=TOOLS, tool_choice="required"), OLD)
    assert ("tool_choice" in body, len(body["tools"]), len(notices)) == (False, 2, 1)
    assert sent(LLMRequest("x", tools=TOOLS, tool_choice="none"), OLD)[0].get("tools") is None
    strict = Preferences(strict_parameters=True)
    assert "strict_parameters" in refused(LLMRequest("x", tools=TOOLS, tool_choice="required", preferences=strict), OLD)


def test_forms_of_json() -> None:
    """A schema as it is; without one the model is told in words too, as Cohere asks for; beside tools words are all there is."""
    body, notices = sent(LLMRequest("x", output=JsonSchema(schema=SCHEMA)))
    assert (body["response_format"], len(body["messages"]), notices) == ({"type": "json_object", "json_schema": SCHEMA}, 1, ())
    body, notices = sent(LLMRequest("x", output=AnyJson()))
    assert (body["response_format"], body["messages"][0]["role"], notices) == ({"type": "json_object"}, "system", ())
    body, notices = sent(LLMRequest("x", output=JsonSchema(schema=SCHEMA), tools=TOOLS))
    assert "response_format" not in body
    assert '"title"' in body["messages"][0]["content"]
    assert "beside tools" in notices[0]
    assert len(sent(LLMRequest("x", output=AnyJson(), tools=TOOLS))[1]) == 1
    body, notices = sent(LLMRequest("x", output=JsonSchema(schema=SCHEMA)), evolve(MODEL, json_schema=False))
    assert (body["response_format"], len(notices)) == ({"type": "json_object"}, 1)


def test_settings_of_the_answer() -> None:
    wanted = Preferences(max_tokens=7, temperature=0.2, top_p=0.5, stop=("END",), seed=3)
    body, notices = sent(LLMRequest("x", preferences=wanted))
    assert {key: body[key] for key in ("max_tokens", "temperature", "p", "stop_sequences", "seed")} == {
        "max_tokens": 7,
        "temperature": 0.2,
        "p": 0.5,
        "stop_sequences": ["END"],
        "seed": 3,
    }
    assert notices == ()
    assert sent(LLMRequest("x"), max_tokens=9)[0]["max_tokens"] == 9
    body, notices = sent(LLMRequest("x", preferences=Preferences(top_p=1.0)))
    assert (body["p"], len(notices)) == (0.99, 1)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("off", {"type": "disabled"}),
        ("low", {"type": "enabled", "token_budget": 1024}),
        ("medium", {"type": "enabled", "token_budget": 8192}),
        ("high", {"type": "enabled"}),
    ],
)
def test_how_much_to_think(wanted: Any, said: dict[str, Any]) -> None:
    """For a model that thinks; the others say that they do not."""
    request = LLMRequest("x", preferences=Preferences(reasoning=wanted))
    assert sent(request, THINKER)[0]["thinking"] == said
    body, notices = sent(request)
    assert ("thinking" in body, len(notices)) == (False, 0 if wanted == "off" else 1)


def test_images_and_documents() -> None:
    """Images by address or as bytes for models that see; documents for none."""
    seeing = evolve(MODEL, vision=True)
    parts = (TextPart(text="What?"), ImageUrl(url="https://x.example/a.png"), ImageData(data=b"\x89PNG"))
    body, _ = sent(LLMRequest(messages=(Message(role="user", content=parts),)), seeing)
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
    ]
    assert "takes no images" in refused(LLMRequest(messages=(Message(role="user", content=parts),)))
    document = Message(role="user", content=(DocumentData(data=b"%PDF"),))
    assert "reads no documents" in refused(LLMRequest(messages=(document,)), seeing)
    assert COHERE.documents is False
