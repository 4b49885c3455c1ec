"""Reading whole answers, well shaped and not."""

import json
from typing import Any

import pytest
from returns.result import Failure

from llm_manager.clients.gemini.answers import usage_of
from llm_manager.clients.gemini.codec import decode
from llm_manager.clients.gemini.shapes import Tokens, read
from llm_manager.domain.errors import LLMError, MalformedResponse
from llm_manager.domain.messages import Thought
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from tests.clients.gemini.bodies import TEXT, THOUGHTS, TOOLS, WHO


def decoded(body: object, headers: tuple[tuple[str, str], ...] = ()) -> Settled[LLMResponse, LLMError]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(WireReply(status=200, headers=headers, body=raw), WHO, wall=0.0)


def answer(*parts: object, **more: Any) -> LLMResponse:
    candidate = {"content": {"parts": list(parts)}, "finishReason": "STOP", **more}
    return decoded({"candidates": [candidate]}).unwrap()


def test_text() -> None:
    """With who answered, under which id, and what it took in buckets that do not overlap."""
    response = decoded(TEXT).unwrap()
    assert (response.content, response.finish, response.model) == ("The capital is Paris.", "stop", "gemini-3.8-flash")
    assert response.request_id == "kLcYabWvN9Cl1PIPlrzAyAg"
    assert response.usage == Usage(input_tokens=93, cache_read_tokens=1024, output_tokens=14, reasoning_tokens=32)
    assert response.usage.total_tokens == 1163


def test_a_header_names_the_request_before_the_body_does() -> None:
    """When there is one."""
    assert decoded(TEXT, (("x-request-id", "r-7"),)).unwrap().request_id == "r-7"


def test_thoughts_are_no_content() -> None:
    """Their text is told apart, and their proofs are kept."""
    response = decoded(THOUGHTS).unwrap()
    assert (response.content, response.reasoning) == ("Paris.", "**Weighing it**\n\nFrance, so Paris.")
    assert response.thoughts == (Thought(signature="EtcBCtQBAXLI2nwF"),)
    signed = answer({"text": "hm", "thought": True, "thoughtSignature": "c2ln"}, {"text": "x"})
    assert signed.thoughts == (Thought(text="hm", signature="c2ln"),)
    assert signed.message.thoughts[0].signed_by == "gemini gemini-3.8-flash"


def test_calls() -> None:
    """Ids that were given are kept, others are made of answer and place; a stop with calls is for the sake of the calls."""
    response = decoded(TOOLS).unwrap()
    assert response.finish == "tool_calls"
    assert [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls] == [
        ("fc_8a1", "weather", {"city": "Oslo", "days": 2}),
        ("tools1_1", "time", {}),
        ("tools1_2", "now", {}),
    ]
    assert response.usage == Usage(input_tokens=57, output_tokens=21, reasoning_tokens=12)
    assert response.usage.total_tokens == 90
    nameless = answer({"functionCall": {"args": {"a": 1}}})
    assert [(call.id, call.name) for call in nameless.tool_calls] == [("call_0", "")]


def test_other_parts_are_passed_over() -> None:
    """They are not asked for."""
    response = answer({"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"executableCode": {"code": "1"}}, {"text": "x"}, {})
    assert (response.content, response.tool_calls) == ("x", ())


def test_an_answer_that_says_nothing() -> None:
    """Thinking may take all that was allowed; a model may end without a word."""
    assert decoded({"candidates": [{"finishReason": "MAX_TOKENS", "index": 0}]}).unwrap().finish == "length"
    empty = decoded({"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]}).unwrap()
    assert (empty.content, empty.finish, empty.usage, empty.model) == ("", "stop", None, "gemini-3.8-flash")
    assert decoded({"candidates": [{"content": {"parts": [{"text": "x"}]}}]}).unwrap().finish == "other"


def test_only_the_first_candidate_is_read() -> None:
    """No other is asked for."""
    body = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}, {"content": {"parts": [{"text": "b"}]}}]}
    assert decoded(body).unwrap().content == "a"


def test_models_are_named_without_their_folder() -> None:
    """As they are asked for."""
    assert decoded({**TEXT, "modelVersion": "models/gemini-x"}).unwrap().model == "gemini-x"


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({}, None),
        ({"totalTokenCount": 3}, None),
        ({"promptTokenCount": 3}, Usage(input_tokens=3)),
        ({"candidatesTokenCount": 3}, Usage(output_tokens=3)),
        ({"promptTokenCount": 5, "cachedContentTokenCount": 9}, Usage(cache_read_tokens=5)),
        (
            {"promptTokenCount": 5, "candidatesTokenCount": 10, "thoughtsTokenCount": 4, "totalTokenCount": 15},
            Usage(input_tokens=5, output_tokens=6, reasoning_tokens=4),
        ),
        (
            {"promptTokenCount": 5, "candidatesTokenCount": 10, "totalTokenCount": 40},
            Usage(input_tokens=5, output_tokens=10, reasoning_tokens=25),
        ),
        ({"promptTokenCount": 5, "thoughtsTokenCount": 7, "totalTokenCount": 12}, Usage(input_tokens=5, reasoning_tokens=7)),
    ],
    ids=range(8),
)
def test_buckets(told: dict[str, int], usage: Usage | None) -> None:
    """They never overlap, and sum to the total as far as that can be."""
    assert decoded({**TEXT, "usageMetadata": told}).unwrap().usage == usage


def test_counts_that_are_none_of_ours_are_left() -> None:
    """A total below its parts is no reason to make one up."""
    assert usage_of(Tokens(prompt_token_count=5, candidates_token_count=4, total_token_count=2)) == Usage(input_tokens=5, output_tokens=4)


ODD: dict[str, Any] = {
    "candidates": [
        7,
        {
            "content": {
                "parts": [
                    "x",
                    {"text": 3},
                    {"text": "a", "thought": "yes"},
                    {"text": "b", "thoughtSignature": 7},
                    {"functionCall": "f"},
                    {"functionCall": {"name": 1, "args": [1], "id": 2}},
                    {"functionCall": {"name": "f", "args": {"q": None}}},
                ],
                "role": 1,
            },
            "finishReason": "STOP",
            "index": "0",
        },
    ],
    "usageMetadata": {"promptTokenCount": 2.0, "candidatesTokenCount": True, "totalTokenCount": -1, "thoughtsTokenCount": "x"},
    "promptFeedback": {"blockReason": 3},
    "modelVersion": 3,
    "responseId": ["x"],
}


def test_what_is_oddly_shaped_is_read_as_far_as_it_can_be() -> None:
    """Field by field."""
    response = decoded(ODD).unwrap()
    assert (response.content, response.reasoning, response.model, response.request_id) == ("ab", "", "gemini-3.8-flash", None)
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("", "[1]"), ("f", '{"q":null}')]
    assert response.usage == Usage(input_tokens=2)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'"text"', b'{"candidates": 3}', b'{"candidates": null}', b'{"candidates": [1]}', b"\xff\xfe{}"],
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    """Whatever it is."""
    outcome = decoded(body)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), MalformedResponse)


def test_odd_corners_of_shapes() -> None:
    """Each of them is nothing, rather than a fault."""
    for corner in ({"content": 3}, {"content": {"parts": 3}}, {"finishReason": 3}, {"index": 1.5}):
        told = read(json.dumps({"candidates": [corner], "usageMetadata": 3, "promptFeedback": 3}).encode())
        assert told is not None
        assert told.usage_metadata is None
        assert told.candidates is not None
        assert told.candidates[0].finish_reason is None
    bom = read(b"\xef\xbb\xbf" + json.dumps(TEXT).encode())
    assert bom is not None
    assert bom.response_id == TEXT["responseId"]
    for broken in (b'{"error": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}", b'{"error": {"message": "\xff"}}'):
        assert isinstance(decoded(broken), Failure)
