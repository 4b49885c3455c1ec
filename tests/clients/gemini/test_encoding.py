"""Saying requests in Gemini's words."""

import json
from base64 import b64encode
from copy import deepcopy
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.gemini.codec import Defaults, decode, encode, streamed
from llm_manager.domain.errors import InvalidRequest, LLMError
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
    ToolChoice,
    ToolSpec,
    UseTool,
)
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, OutputForm, Preferences, Reasoning
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.outcomes import Settled, sealed
from tests.clients.gemini.bodies import WHO, WHOLE

PROFILE = ModelProfile(name="gemini-3.6-flash", provider="gemini", vision=True, documents=True, reasoning=True)
OLD = evolve(PROFILE, name="gemini-2.5-flash")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
LOOK = ToolSpec(name="look", description="Look it up", input_schema={"type": "object", "properties": {"q": {"type": "string"}}})


def written(request: LLMRequest, profile: ModelProfile = PROFILE, defaults: Defaults | None = None) -> WireRequest:
    outcome = sealed(encode(request, profile, defaults or Defaults()))
    assert isinstance(outcome, Success), outcome
    return outcome.unwrap()


def body(request: LLMRequest, profile: ModelProfile = PROFILE, defaults: Defaults | None = None) -> Any:
    return json.loads(written(request, profile, defaults).body)


def refused(request: LLMRequest, profile: ModelProfile = PROFILE) -> str:
    outcome: Settled[WireRequest, LLMError] = sealed(encode(request, profile, Defaults()))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    return error.message


def user(*parts: Part) -> LLMRequest:
    return LLMRequest(messages=(Message(role="user", content=parts),))


def test_a_prompt() -> None:
    """The model stands in the path, and nothing is said that was not asked."""
    wire = written(LLMRequest("Hi"))
    assert (wire.method, wire.path) == ("POST", "/models/gemini-3.6-flash:generateContent")
    assert json.loads(wire.body) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    assert (wire.notices, wire.headers) == ((), ())
    assert streamed(wire.path) == "/models/gemini-3.6-flash:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("models/gemini-x", "/models/gemini-x"),
        ("tunedModels/mine-7", "/tunedModels/mine-7"),
        ("a/../../b?key=c#d", "/models/a%2F..%2F..%2Fb%3Fkey%3Dc%23d"),
        ("..", "/models/.."),
        ("a b\r\nX: y", "/models/a%20b%0D%0AX%3A%20y"),
        ("\ud800", "/models/%ED%A0%80"),
    ],
)
def test_no_name_leaves_its_place_in_the_path(name: str, path: str) -> None:
    """Whatever it holds; before the method's colon two dots are a name like any other."""
    assert written(LLMRequest("Hi"), evolve(PROFILE, name=name)).path == path + ":generateContent"


def test_turns() -> None:
    """Two roles; what the system says is said apart, wherever it stood."""
    request = LLMRequest(
        "last",
        system="be brief",
        messages=(
            Message(role="user", content="a"),
            Message(role="assistant", content="b"),
            Message(role="system", content="and kind"),
            Message(role="system", content=""),
            Message(role="user", content=()),
            Message(role="assistant"),
        ),
    )
    assert body(request) == {
        "contents": [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"text": "b"}]},
            {"role": "user", "parts": [{"text": ""}]},
            {"role": "model", "parts": [{"text": ""}]},
            {"role": "user", "parts": [{"text": "last"}]},
        ],
        "systemInstruction": {"parts": [{"text": "be brief"}, {"text": "and kind"}]},
    }


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (ImageData(data=b"\x89PNG"), {"inlineData": {"mimeType": "image/png", "data": b64encode(b"\x89PNG").decode()}}),
        (ImageUrl(url="https://x.example/a.JPG?b=c"), {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.example/a.JPG?b=c"}}),
        (ImageUrl(url="https://x.example/a"), {"fileData": {"fileUri": "https://x.example/a"}}),
        (ImageUrl(url="https://[::1/a.png"), {"fileData": {"fileUri": "https://[::1/a.png"}}),
        (ImageUrl(url="data:image/webp;base64,AAEC"), {"inlineData": {"mimeType": "image/webp", "data": "AAEC"}}),
        (ImageUrl(url="data:image/webp,AAEC"), {"fileData": {"fileUri": "data:image/webp,AAEC"}}),
        (
            DocumentData(data=b"%PDF", name="a.pdf"),
            {"inlineData": {"mimeType": "application/pdf", "data": b64encode(b"%PDF").decode()}},
        ),
        (
            DocumentUrl(url="https://x.example/a.pdf"),
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x.example/a.pdf"}},
        ),
    ],
    ids=range(8),
)
def test_images_and_documents(part: Part, said: dict[str, Any]) -> None:
    """By bytes, or by an address that Gemini fetches itself; a data URL is bytes."""
    assert body(user(TextPart(text="look"), part))["contents"][0]["parts"] == [{"text": "look"}, said]


def test_what_a_model_does_not_take_is_refused() -> None:
    """Images, documents, tools; anything but text from anybody but the user; nothing at all."""
    blind = evolve(PROFILE, vision=False, documents=False, tools=False)
    assert refused(user(ImageData(data=b"x")), blind) == "gemini-3.6-flash takes no images"
    assert refused(user(DocumentData(data=b"x")), blind) == "gemini-3.6-flash takes no documents"
    assert refused(LLMRequest("x", tools=(LOOK,)), blind) == "gemini-3.6-flash takes no tools"
    shown = LLMRequest(messages=(Message(role="assistant", content=(ImageData(data=b"x"),)),))
    assert refused(shown) == "a assistant message can hold text only"
    assert "nothing to ask" in refused(LLMRequest())
    assert "nothing to ask" in refused(LLMRequest(system="only this"))
    assert "JSON cannot say" in refused(LLMRequest("\ud800"))
    assert "number" in refused(LLMRequest("x", preferences=Preferences(temperature=float("nan"))))


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", None),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (UseTool(name="look"), {"mode": "ANY", "allowedFunctionNames": ["look"]}),
    ],
)
def test_tools(choice: ToolChoice, config: dict[str, Any] | None) -> None:
    """Described by the schema as it is, which Gemini reads itself."""
    said = body(LLMRequest("x", tools=(LOOK, ToolSpec(name="now")), tool_choice=choice))
    assert said["tools"] == [
        {
            "functionDeclarations": [
                {"name": "look", "description": "Look it up", "parametersJsonSchema": dict(LOOK.input_schema)},
                {"name": "now", "description": "", "parametersJsonSchema": {"type": "object", "properties": {}}},
            ]
        }
    ]
    assert said.get("toolConfig") == (None if config is None else {"functionCallingConfig": config})


def test_a_tool_that_is_not_there_cannot_be_chosen() -> None:
    """It is told which."""
    assert "find" in refused(LLMRequest("x", tools=(LOOK,), tool_choice=UseTool(name="find")))


def exchange(*calls: ToolCall, thoughts: tuple[Thought, ...] = (), text: str = "") -> tuple[Message, ...]:
    return (
        Message(role="user", content="ask"),
        Message(role="assistant", content=text, tool_calls=calls, thoughts=thoughts),
        *(Message(role="tool", content=f"said {call.id}", tool_call_id=call.id, tool_failed=call.id == "b") for call in calls),
    )


def test_results_of_calls_made_together_stand_together() -> None:
    """In one turn, by id and name; a failure is told as one."""
    calls = (ToolCall(id="a", name="look", arguments='{"q": 1}', signature="c2ln"), ToolCall(id="b", name="now"))
    said = body(LLMRequest("next", messages=exchange(*calls)))["contents"]
    assert said[1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "a", "name": "look", "args": {"q": 1}}, "thoughtSignature": "c2ln"},
                {"functionCall": {"id": "b", "name": "now", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "a", "name": "look", "response": {"output": "said a"}}},
                {"functionResponse": {"id": "b", "name": "now", "response": {"error": "said b"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "next"}]},
    ]


def test_results_in_turns_of_their_own() -> None:
    """One call after the other, though they have the same id."""
    calls = ToolCall(id="call_0", name="look", signature="s1"), ToolCall(id="call_0", name="now", signature="s2")
    said = body(LLMRequest(messages=(*exchange(calls[0]), *exchange(calls[1])[1:])))["contents"]
    assert [part["functionResponse"]["name"] for turn in said for part in turn["parts"] if "functionResponse" in part] == ["look", "now"]
    assert [turn["role"] for turn in said] == ["user", "model", "user", "model", "user"]


def test_a_result_of_no_call_is_refused() -> None:
    """Gemini wants the name of what was called."""
    for stray in (None, "zzz"):
        messages = (Message(role="user", content="x"), Message(role="tool", content="y", tool_call_id=stray))
        assert "answers no call" in refused(LLMRequest(messages=messages))


def test_proofs_of_thinking_go_back_as_they_came() -> None:
    """On the text that was signed, on thoughts that were, and nowhere when there is none."""
    thoughts = (Thought(text="hm"), Thought(text="ah", signature="dA=="), Thought(signature="MQ=="), Thought(signature="Mg=="))
    (model,) = [
        turn for turn in body(LLMRequest("x", messages=exchange(thoughts=thoughts, text="so")))["contents"] if turn["role"] == "model"
    ]
    assert model["parts"] == [
        {"text": "ah", "thought": True, "thoughtSignature": "dA=="},
        {"text": "", "thoughtSignature": "MQ=="},
        {"text": "so", "thoughtSignature": "Mg=="},
    ]


def test_what_another_model_signed_is_not_sent() -> None:
    """Its proof is worth nothing here; Gemini is told that a call is not its own, when it wants to know."""
    thoughts = (
        Thought(text="theirs", signature="x", signed_by="anthropic claude-x"),
        Thought(signature="y", signed_by="gemini gemini-3.6-flash"),
    )
    call = ToolCall(id="a", name="look", signature="z", signed_by="gemini gemini-4-argon")
    request = LLMRequest("x", messages=exchange(call, ToolCall(id="c", name="look"), thoughts=thoughts, text="so"))

    def parts(profile: ModelProfile) -> Any:
        return body(request, profile)["contents"][1]["parts"]

    unsigned = {"functionCall": {"id": "a", "name": "look", "args": {}}}
    other = {"functionCall": {"id": "c", "name": "look", "args": {}}}
    spoken = {"text": "so", "thoughtSignature": "y"}
    assert parts(PROFILE) == [spoken, {**unsigned, "thoughtSignature": "skip_thought_signature_validator"}, other]
    assert parts(OLD) == [{"text": "so"}, unsigned, other]


@pytest.mark.parametrize("answer", WHOLE.values(), ids=list(WHOLE))
def test_an_answer_goes_back_as_it_came(answer: dict[str, Any]) -> None:
    """As the next message of its conversation; what it thought aloud and did not sign stays here."""
    profile = evolve(PROFILE, name=WHO.model)
    message = decode(WireReply(status=200, body=json.dumps(answer).encode()), WHO, wall=0.0).unwrap().message
    said = body(LLMRequest("go on", messages=(Message(role="user", content="x"), message)), profile)["contents"][1]["parts"]
    came = [part for part in deepcopy(answer)["candidates"][0]["content"]["parts"] if not part.get("thought")]
    for part in (*said, *came):
        if "functionCall" in part:
            part["functionCall"] = {"args": {}, **part["functionCall"], "id": "any"}
    assert said == came


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', "", "[" * 5000, '{"a":' * 3000], ids=range(6))
def test_arguments_that_are_no_object_are_wrapped_into_one(arguments: str) -> None:
    """Gemini refuses anything else, and the conversation must go on."""
    said = body(LLMRequest("x", messages=exchange(ToolCall(id="a", name="look", arguments=arguments))))
    assert said["contents"][1]["parts"][0]["functionCall"]["args"] == {"arguments": arguments}


def test_arguments_go_back_as_they_were_written() -> None:
    """Number for number."""
    call = ToolCall(id="a", name="look", arguments='{"n": 12345678901234567890.000, "s": "\\u00e9"}')
    assert b'"args":{"n": 12345678901234567890.000, "s": "\\u00e9"}' in written(LLMRequest("x", messages=exchange(call))).body
    assert "JSON cannot say" in refused(LLMRequest("x", messages=exchange(ToolCall(id="a", name="look", arguments='{"\ud800": 1}'))))


def test_sampling() -> None:
    """By the names that Gemini has for it."""
    wanted = Preferences(max_tokens=9, temperature=0.5, top_p=0.25, stop=("a", "b"), seed=3)
    assert body(LLMRequest("x", preferences=wanted))["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.25,
        "stopSequences": ["a", "b"],
        "seed": 3,
    }
    assert body(LLMRequest("x"), defaults=Defaults(max_tokens=4))["generationConfig"] == {"maxOutputTokens": 4}


def test_what_a_model_no_longer_takes_is_left_out_aloud() -> None:
    """Or refused, when that is wanted."""
    profile = evolve(PROFILE, unsupported=("temperature", "top_p"))
    wanted = Preferences(temperature=0.5, top_p=0.25, max_tokens=2)
    wire = written(LLMRequest("x", preferences=wanted), profile)
    assert json.loads(wire.body)["generationConfig"] == {"maxOutputTokens": 2}
    assert len(wire.notices) == 2
    assert "strict_parameters" in refused(LLMRequest("x", preferences=evolve(wanted, strict_parameters=True)), profile)


@pytest.mark.parametrize(
    ("model", "reasoning", "config", "noticed"),
    [
        ("gemini-2.5-flash", "off", {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}, False),
        ("gemini-2.5-flash-lite", "high", {"thinkingBudget": 24_576, "includeThoughts": True}, False),
        ("gemini-2.5-pro", "off", {"thinkingBudget": 128}, True),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 32_768, "includeThoughts": True}, False),
        ("gemini-3.6-flash", "off", {"thinkingLevel": "MINIMAL"}, True),
        ("gemini-3.5-flash-lite", "low", {"thinkingLevel": "LOW", "includeThoughts": True}, False),
        ("gemini-3.8-flash", "off", {"thinkingLevel": "LOW"}, True),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "MEDIUM", "includeThoughts": True}, False),
        ("gemini-4-argon", "high", {"thinkingLevel": "HIGH", "includeThoughts": True}, False),
        ("gemini-9-nova", "off", {"thinkingLevel": "LOW"}, True),
        ("gemini-2.0-flash", "high", None, True),
        ("gemini-2.0-flash", "off", None, False),
    ],
)
def test_thinking(model: str, reasoning: Reasoning, config: dict[str, Any] | None, noticed: bool) -> None:
    """By tokens or by level, as the model takes it; one that cannot be kept from it is told to think little, aloud."""
    wire = written(LLMRequest("x", preferences=Preferences(reasoning=reasoning)), evolve(PROFILE, name=model))
    assert json.loads(wire.body).get("generationConfig", {}).get("thinkingConfig") == config
    assert bool(wire.notices) is noticed


@pytest.mark.parametrize(
    ("model", "limit", "budget"), [("gemini-2.5-flash", 1000, 500), ("gemini-2.5-pro", 100, 128), ("gemini-2.5-pro", 10**6, 32_768)]
)
def test_thinking_leaves_room_for_the_answer(model: str, limit: int, budget: int) -> None:
    """What is thought counts against the limit: half of it is the answer's."""
    wire = written(LLMRequest("x", preferences=Preferences(reasoning="high", max_tokens=limit)), evolve(PROFILE, name=model))
    config = json.loads(wire.body)["generationConfig"]
    assert config["thinkingConfig"]["thinkingBudget"] == budget
    assert config["maxOutputTokens"] == limit


@pytest.mark.parametrize(
    ("form", "config"),
    [
        (AnyJson(), {"responseMimeType": "application/json"}),
        (JsonSchema(schema=SCHEMA), {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}),
    ],
)
def test_forms(form: OutputForm, config: dict[str, Any]) -> None:
    """By type, and by the schema as it is."""
    assert body(LLMRequest("x", output=form))["generationConfig"] == config
    assert body(LLMRequest("x", output=form, tools=(LOOK,)))["generationConfig"] == config


def test_forms_in_words() -> None:
    """For models that take none, or none beside tools."""
    request = LLMRequest("x", output=JsonSchema(schema=SCHEMA), system="be brief", tools=(LOOK,))
    beside = written(request, OLD)
    said = json.loads(beside.body)
    assert "generationConfig" not in said
    assert said["systemInstruction"]["parts"][0] == {"text": "be brief"}
    assert json.dumps(SCHEMA, separators=(",", ":")) in said["systemInstruction"]["parts"][1]["text"]
    assert beside.notices == (
        "gemini-2.5-flash takes no JSON schema beside tools: it was told the schema in words, and may not keep to it",
    )
    plain = written(LLMRequest("x", output=JsonSchema(schema=SCHEMA)), evolve(PROFILE, json_schema=False))
    assert json.loads(plain.body)["generationConfig"] == {"responseMimeType": "application/json"}
    assert len(plain.notices) == 1
    anything = written(evolve(request, output=AnyJson()), OLD)
    assert "generationConfig" not in json.loads(anything.body)
    assert len(anything.notices) == 1
    assert body(evolve(request, output=AnyJson(), tools=()), OLD)["generationConfig"] == {"responseMimeType": "application/json"}
