"""Requests as the words of a command and the texts of its files."""

from typing import Any

import msgspec
import pytest
from attrs import evolve
from hypothesis import given, settings
from returns.result import Failure, Success

from llm_manager.clients.llama_cpp_cli.codec import FIXED, TRANSCRIPT_NOTICE, Files, Spoken, command, encode, spoken
from llm_manager.clients.llama_cpp_cli.profile import describe
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.messages import DocumentData, ImageUrl, Message, TextPart, ToolCall, ToolSpec
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import Settled, sealed
from llm_manager.testing import strategies as some

PLAIN = ProviderSettings()


def wire(
    request: LLMRequest, said: ProviderSettings = PLAIN, words: tuple[str, ...] = (), cores: int | None = 8
) -> Settled[WireRequest, LLMError]:
    return sealed(encode(request, describe("small", said), said, words, cores))


def read(request: LLMRequest, said: ProviderSettings = PLAIN, **more: Any) -> Spoken:
    return spoken(wire(request, said, **more).unwrap())


def refusal(request: LLMRequest, said: ProviderSettings = PLAIN) -> str:
    outcome = wire(request, said)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    assert error.request is request
    return error.message


def test_one_question_is_a_prompt_and_a_system_prompt() -> None:
    said = read(LLMRequest("Capital of France?", system="Be brief."))
    assert (said.model, said.prompt, said.system, said.arguments) == ("small", "Capital of France?", "Be brief.", FIXED)
    assert bytes(said.answer_schema) == b"null"


@pytest.mark.parametrize(
    "prompt", ["-m /etc/passwd", "--log-file x", "$(reboot) `x` ;rm", "a\nb\r\n", "\\n\\t", "/read /etc/passwd", " ", "é🦙"]
)
def test_no_text_of_the_prompt_is_a_word_of_the_command(prompt: str) -> None:
    said = read(LLMRequest(prompt, system=prompt))
    words = command(said, Files(model="/m/small.gguf", prompt="/t/prompt", system="/t/system"), ("/bin/llama",))
    assert words == ("/bin/llama", "-m", "/m/small.gguf", *FIXED, "-sysf", "/t/system", "-f", "/t/prompt")
    assert (said.prompt, said.system) == (prompt, prompt)


def test_what_makes_the_answer_is_in_the_words() -> None:
    wanted = Preferences(max_tokens=5, temperature=0.2, top_p=0.9, seed=7, stop=("END", "", "-x"))
    said = read(LLMRequest("x", preferences=wanted), ProviderSettings(context_length=2048, threads=24), words=("-ngl", "9"))
    sampled = ("-n", "5", "--temp", "0.2", "--top-p", "0.9", "-s", "7")
    assert said.arguments == (*FIXED, "-t", "8", "-c", "2048", "-ngl", "9", *sampled)
    assert said.stop == ("END", "-x")
    assert command(said, Files(model="m", prompt="p"), ("l",))[-6:] == ("-r", "END", "-r", "-x", "-f", "p")


def test_settings_speak_where_the_request_is_silent() -> None:
    said = read(LLMRequest("x"), ProviderSettings(max_tokens=9, temperature=1, threads=2))
    assert said.arguments == (*FIXED, "-t", "2", "-n", "9", "--temp", "1.0")
    assert read(LLMRequest("x"), ProviderSettings(threads=24), cores=None).arguments[-2:] == ("-t", "24")


def test_numbers_stay_in_the_range_of_the_program() -> None:
    said = read(LLMRequest("x", preferences=Preferences(max_tokens=2**40, seed=-1)))
    assert said.arguments == (*FIXED, "-n", str(2**31 - 1), "-s", str(2**32 - 2))


def test_json_goes_by_a_schema() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    assert msgspec.json.decode(read(LLMRequest("x", output=JsonSchema(schema=schema))).answer_schema) == schema
    assert msgspec.json.decode(read(LLMRequest("x", output=AnyJson())).answer_schema) == {"type": "object"}
    words = command(read(LLMRequest("x", output=AnyJson())), Files(model="m", prompt="p", answer_schema="/t/schema"), ("l",))
    assert words[-4:] == ("--json-schema-file", "/t/schema", "-f", "p")


def test_a_conversation_is_told_as_a_transcript_with_a_notice() -> None:
    call = ToolCall(id="c", name="look", arguments='{"a": 1}')
    request = LLMRequest(
        messages=(
            Message(role="system", content="Be brief."),
            Message(role="user", content="Hi"),
            Message(role="assistant", content="Hello", tool_calls=(call,)),
            Message(role="tool", content="42", tool_call_id="c"),
        ),
        prompt="Well?",
        system="Be kind.",
    )
    outcome = wire(request).unwrap()
    said = spoken(outcome)
    assert outcome.notices == (TRANSCRIPT_NOTICE,)
    assert said.system == "Be kind.\n\nBe brief."
    assert 'User: Hi\n\nAssistant: Hello\n(called look with {"a": 1})\n\nTool: 42\n\nUser: Well?' in said.prompt


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (LLMRequest(messages=(Message(role="user", content=(TextPart(text="x"), ImageUrl(url="https://x"))),)), "images"),
        (LLMRequest(messages=(Message(role="user", content=(TextPart(text="x"), DocumentData(data=b"x"))),)), "documents"),
        (LLMRequest("x", tools=(ToolSpec(name="look"),)), "tools"),
        (LLMRequest("x", preferences=Preferences(max_tokens=0)), "max_tokens"),
        (LLMRequest(""), "nothing to ask"),
        (LLMRequest(messages=(Message(role="system", content="x"),)), "nothing to ask"),
        (LLMRequest("a\0b"), "NUL"),
        (LLMRequest("x", system="\0"), "NUL"),
        (LLMRequest("x", preferences=Preferences(stop=("\0",))), "NUL"),
        (LLMRequest("\ud800"), "JSON"),
        (LLMRequest("x", preferences=Preferences(temperature=float("nan"))), "temperature"),
        (LLMRequest("x", output=JsonSchema(schema={"a": object()})), "JSON"),
    ],
)
def test_what_cannot_be_said_is_refused(request_: LLMRequest, word: str) -> None:
    assert word in refusal(request_)


def test_thinking_is_no_parameter_of_the_program() -> None:
    request = LLMRequest("x", preferences=Preferences(reasoning="high"))
    assert "reasoning" in wire(request).unwrap().notices[0]
    assert "reasoning" in refusal(request, ProviderSettings(strict_parameters=True))


@settings(max_examples=40, deadline=None)
@given(some.requests())
def test_different_questions_have_different_bytes(request: LLMRequest) -> None:
    """What is asked is read back as it was, and one more word makes other bytes."""
    first = wire(request)
    if isinstance(first, Failure):
        return
    more = wire(evolve(request, prompt=f"{request.prompt or ''}!"))
    assert isinstance(more, Success)
    assert more.unwrap().body != first.unwrap().body
    if len(request.conversation()) == 1 and request.prompt is not None:
        assert spoken(first.unwrap()).prompt == request.prompt
