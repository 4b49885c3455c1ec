"""One prompt, one answer: whole or as it comes, for people and for programs."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cli.generate import generate
from llm_manager.domain.configuration import DisplaySettings, LLMConfig
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError, StreamInterrupted
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.standing import Standing
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta
from llm_manager.domain.usage import Priced, Usage

Setting = Callable[..., Any]

ASK = LLMRequest("Hello?")
HOSTILE = "a\x1b]52;c;ZXZpbA==\x07b"
ANSWER = LLMResponse(
    content="Hello.",
    model="m",
    provider="p",
    usage=Usage(input_tokens=3, output_tokens=2),
    cost=Priced(usd=Decimal("0.0000012"), price_version="v"),
    notices=("a small model answered",),
)


async def test_an_answer_is_one_line_of_data_and_a_note(scene: Setting) -> None:
    at = scene(answer=Success(ANSWER))
    assert await generate(at.session, ASK) == 0
    assert at.out.getvalue() == "Hello.\n"
    assert at.err.getvalue() == "note: a small model answered\n"


async def test_that_nobody_elsewhere_is_reached_is_told_beside_the_answer(scene: Setting) -> None:
    """A local model has answered: who hears it should know why."""
    at = scene(answer=Success(evolve(ANSWER, notices=())), standing=Standing(online=False))
    assert await generate(at.session, ASK) == 0
    assert at.out.getvalue() == "Hello.\n"
    assert at.err.getvalue() == "note: offline: no provider elsewhere could be reached just now; local models are asked first\n"


async def test_that_an_answer_is_remembered_is_told_with_its_age_and_how_to_ask_anew(scene: Setting) -> None:
    """It may be of an earlier command, and of another day."""
    at = scene(answer=Success(evolve(ANSWER, notices=(), cached=True, age_seconds=7300.0)))
    assert await generate(at.session, ASK) == 0
    assert at.out.getvalue() == "Hello.\n"
    assert at.err.getvalue() == "note: remembered, from 2 h 1 min ago; --fresh asks anew\n"


async def test_json_is_one_document(scene: Setting) -> None:
    at = scene(answer=Success(ANSWER), json=True, terminal=True)
    assert await generate(at.session, ASK, stream=True) == 0
    document = json.loads(at.out.getvalue())
    assert (document["content"], document["cost_usd"], document["usage"]["total_tokens"]) == ("Hello.", "0.0000012", 5)


@pytest.mark.parametrize("told", [{"stream": True}, {"stream": False}, {"json": True}])
async def test_every_notice_is_a_line_of_its_own_and_no_data(scene: Setting, told: dict[str, bool]) -> None:
    answer = evolve(ANSWER, notices=("first\nhalf", "second"))
    at = scene(answer=Success(answer), events=[Success(StreamFinished(response=answer))], json=told.get("json", False))
    assert await generate(at.session, ASK, stream=told.get("stream")) == 0
    assert at.err.getvalue() == "note: first half\nnote: second\n"
    assert "note:" not in at.out.getvalue()


async def test_a_pipe_gets_the_answer_as_it_is(scene: Setting) -> None:
    at = scene(answer=Success(LLMResponse(content=HOSTILE, model="m", provider="p")))
    await generate(at.session, ASK)
    assert at.out.getvalue() == HOSTILE + "\n"


async def test_a_terminal_gets_no_escapes(scene: Setting) -> None:
    at = scene(answer=Success(LLMResponse(content=HOSTILE, model="m", provider="p")), terminal=True)
    await generate(at.session, ASK, stream=False)
    assert at.out.getvalue() == "ab\n"


async def test_a_terminal_sees_the_stream_without_split_escapes(scene: Setting) -> None:
    pieces = [Success(TextDelta(text=piece)) for piece in ("a\x1b", "]52;c;", "evil\x07", "b")]
    end = LLMResponse(content=HOSTILE, model="m", provider="p")
    at = scene(events=[Success(ReasoningDelta(text="hm")), *pieces, Success(StreamFinished(response=end))], terminal=True)
    assert await generate(at.session, ASK) == 0
    assert at.out.getvalue() == "ab\n"


async def test_a_stream_in_a_pipe_is_unchanged(scene: Setting) -> None:
    end = LLMResponse(content=HOSTILE, model="m", provider="p")
    at = scene(events=[Success(TextDelta(text=HOSTILE)), Success(StreamFinished(response=end))])
    assert await generate(at.session, ASK, stream=True) == 0
    assert at.out.getvalue() == HOSTILE + "\n"


async def test_a_line_end_of_the_answer_is_not_doubled(scene: Setting) -> None:
    end = LLMResponse(content="a\n", model="m", provider="p")
    at = scene(events=[Success(TextDelta(text="a\n")), Success(StreamFinished(response=end))], terminal=True)
    await generate(at.session, ASK)
    assert at.out.getvalue() == "a\n"


async def test_a_cut_stream_keeps_what_came_and_fails(scene: Setting) -> None:
    at = scene(events=[Success(TextDelta(text="Once")), Failure(StreamInterrupted(model="m", partial="Once"))], terminal=True)
    assert await generate(at.session, ASK) == 1
    assert at.out.getvalue() == "Once\n"
    assert at.err.getvalue() == "error: the answer of m was cut off; ask again\n"


async def test_a_stream_that_never_began_writes_no_data(scene: Setting) -> None:
    at = scene(events=[Failure(AuthenticationFailed(model="m", message="wrong key"))], terminal=True)
    assert await generate(at.session, ASK) == 4
    assert at.out.getvalue() == ""


async def test_an_error_is_a_line_and_a_document(scene: Setting) -> None:
    at = scene(answer=Failure(AuthenticationFailed(model="m", message="wrong key")), json=True)
    assert await generate(at.session, ASK) == 4
    assert json.loads(at.out.getvalue())["error"]["tag"] == "AuthenticationFailed"
    assert at.err.getvalue().count("\n") == 1


async def test_settings_can_turn_streaming_off(scene: Setting) -> None:
    config = LLMConfig(display=DisplaySettings(always_stream=False, verbose_output=True))
    at = scene(answer=Success(ANSWER), terminal=True, config=config)
    assert await generate(at.session, ASK) == 0
    assert "m (p), 0.0 s, 3 + 2 tokens" in at.err.getvalue()


async def test_an_answer_cut_by_length_is_no_success(scene: Setting) -> None:
    cut = LLMResponse(content="Once", model="m", provider="p", finish="length")
    at = scene(answer=Success(cut))
    assert await generate(at.session, ASK) == 1
    assert "--max-tokens" in at.err.getvalue()


async def test_an_answer_cut_where_it_was_asked_to_be_is_one(scene: Setting) -> None:
    cut = LLMResponse(content="Once", model="m", provider="p", finish="length")
    at = scene(answer=Success(cut))
    assert await generate(at.session, LLMRequest("x", preferences=Preferences(max_tokens=1))) == 0


async def test_a_wish_to_call_a_tool_is_told(scene: Setting) -> None:
    wish = LLMResponse(
        content="", model="m", provider="p", finish="tool_calls", tool_calls=(ToolCall(id="1", name="look", arguments="{}"),)
    )
    at = scene(answer=Success(wish))
    assert await generate(at.session, ASK) == 0
    assert "look({})" in at.err.getvalue()


async def test_nothing_is_asked_when_the_model_cannot_be_prepared(scene: Setting) -> None:
    at = scene(prepared=Failure(ConfigurationError(message="no weights")))
    assert await generate(at.session, ASK) == 2
    assert at.asked == []
