"""What Cohere says when something is wrong, and what follows from it: one row of the table, one fixture."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen
from returns.result import Failure

from llm_manager.clients.cohere.codec import decode
from llm_manager.clients.who import Who
from llm_manager.domain.error_questions import Resend, counts_for_breaker, may_fall_back, may_try_another_key, origin_of, resend
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ContentFiltered,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireReply
from tests.clients.cohere.bodies import TEXT

KEY = Secret("co-canary-0123456789abcdefghijklmnopqrst")
TRIAL = "You are using a Trial key, which is limited to {} API calls / {}. You can continue to use the Trial key for free or upgrade."


@frozen(kw_only=True)
class Row:
    """What is said, and the columns of the table: re-send, fall back, another key, breaker."""

    name: str
    status: int
    body: object = None
    headers: Mapping[str, str] = {}
    error: type
    fields: Mapping[str, Any] = {}
    again: Resend = "never"
    falls_back: bool = True
    other_key: bool = False
    breaker: bool = False


def said(message: str) -> dict[str, str]:
    """An error as Cohere writes it."""
    return {"id": "4f1b2c6e-0d5b-4f0e-8f4b-3c0f0f5f9d11", "message": message}


ROWS = (
    Row(
        name="window",
        status=400,
        body=said("too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292. Try using a shorter prompt."),
        error=ContextTooLarge,
        fields={"token_count": 4292, "limit": 4081, "limit_kind": "window"},
    ),
    *(
        Row(name=sentence, status=400, body=said(sentence), error=ContextTooLarge, fields={"token_count": None, "limit": None})
        for sentence in (
            "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs, or setting prompt_truncation='AUTO'.",
            "too many tokens: minimal context could not be added to prompt (size limit exceeded by 280 tokens)",
            "too many tokens: multi-hop prompt is too long even after truncation",
        )
    ),
    *(
        Row(name=sentence, status=400, body=said(sentence), error=InvalidRequest, fields={"by_model": False}, falls_back=False)
        for sentence in (
            "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 8192.",
            "invalid request: temperature must be between 0 and 1.0 inclusive.",
            "tool call id not found in previous tool calls",
            "bad text: 'too many tokens: size limit exceeded by 5 tokens', 'invalid api token'",
        )
    ),
    *(
        Row(name=sentence, status=401, body=said(sentence), error=AuthenticationFailed, fields={"reason": "key"}, other_key=True)
        for sentence in (
            "no api key supplied",
            "invalid api token",
            "Your API key has expired. Please create a production key at dashboard.cohere.com to continue usage.",
        )
    ),
    Row(
        name="402 account",
        status=402,
        body=said("Please add or update your payment method at https://dashboard.cohere.com/billing?tab=payment to continue"),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="402 key",
        status=402,
        body=said("Maximum billing reached for this API key as set in your dashboard, please go to https://dashboard.cohere.com/billing"),
        error=QuotaExhausted,
        fields={"scope": "key"},
        other_key=True,
    ),
    Row(name="402 bare", status=402, error=QuotaExhausted, fields={"scope": "account", "message": "answered with status 402"}),
    Row(
        name="403",
        status=403,
        body=said("not allowed"),
        error=AuthenticationFailed,
        fields={"reason": "permission"},
        other_key=True,
    ),
    Row(
        name="404 model",
        status=404,
        body=said("model 'xyz' not found, make sure the correct model ID was used and that you have access to the model."),
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
    Row(name="404 page", status=404, body="404 page not found", error=MalformedResponse, again="once", breaker=True),
    Row(name="413", status=413, error=ContextTooLarge, fields={"limit_kind": "bytes"}, falls_back=False),
    Row(name="422", status=422, body=said("unprocessable"), error=InvalidRequest, fields={"message": "unprocessable"}, falls_back=False),
    Row(
        name="429 minute",
        status=429,
        body=said("You are past the per minute request limit, please wait and try again later."),
        error=RateLimitExceeded,
        fields={"retry_after_seconds": None, "scope": "key", "local": False},
        again="freely",
        other_key=True,
    ),
    Row(
        name="429 trial minute",
        status=429,
        body=said(TRIAL.format(40, "minute")),
        headers={"retry-after": "9"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 9.0},
        again="freely",
        other_key=True,
    ),
    Row(
        name="429 trial tokens",
        status=429,
        body=said("trial token rate limit exceeded, limit is 100000 tokens per minute"),
        error=RateLimitExceeded,
        again="freely",
        other_key=True,
    ),
    Row(
        name="429 trial month",
        status=429,
        body=said(TRIAL.format(1000, "month")),
        error=QuotaExhausted,
        fields={"scope": "key"},
        other_key=True,
    ),
    Row(name="498", status=498, body=said("blocked"), error=ContentFiltered, fields={"message": "blocked"}, falls_back=False),
    Row(name="498 bare", status=498, error=ContentFiltered, fields={"message": "answered with status 498"}, falls_back=False),
    Row(
        name="499",
        status=499,
        body=said("request cancelled"),
        error=RequestTimeout,
        fields={"phase": "provider"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="500",
        status=500,
        body=said("internal server error"),
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="once",
        breaker=True,
    ),
    Row(name="501", status=501, body=said("not implemented"), error=ModelUnavailable, fields={"reason": "permanent"}),
    Row(name="502", status=502, body="<html>", error=ModelUnavailable, fields={"reason": "server"}, again="freely", breaker=True),
    Row(name="503", status=503, body=said("busy"), error=ModelUnavailable, fields={"reason": "overloaded"}, again="freely", breaker=True),
    Row(name="504", status=504, body=said("late"), error=RequestTimeout, fields={"phase": "provider"}, again="freely", breaker=True),
    Row(name="redirect", status=302, headers={"location": "https://elsewhere.example/"}, error=ConfigurationError),
    Row(name="a status below 200", status=101, error=MalformedResponse, again="once", breaker=True),
    Row(
        name="200 failed",
        status=200,
        body={**TEXT, "finish_reason": "ERROR"},
        error=ModelUnavailable,
        fields={"reason": "server", "message": "the model failed while it answered"},
        again="once",
        breaker=True,
    ),
    Row(
        name="200 took too long",
        status=200,
        body={**TEXT, "finish_reason": "TIMEOUT"},
        error=RequestTimeout,
        fields={"phase": "provider"},
        again="freely",
        breaker=True,
    ),
    Row(name="200 nothing at all", status=200, body={"id": "x"}, error=MalformedResponse, again="once", breaker=True),
    Row(name="200 an error", status=200, body=said("no"), error=MalformedResponse, again="once", breaker=True),
    Row(name="200 a page", status=200, body="<html>", error=MalformedResponse, again="once", breaker=True),
    Row(name="200 a list", status=200, body=[TEXT], error=MalformedResponse, again="once", breaker=True),
)


def judged(row: Row, who: Who | None = None) -> LLMError:
    body = row.body if isinstance(row.body, str) else "" if row.body is None else json.dumps(row.body)
    reply = WireReply(status=row.status, headers=tuple(row.headers.items()), body=body.encode())
    outcome = decode(reply, who or Who(provider="cohere", model="m", endpoint="https://x.example/v2", key=KEY), 0.0)
    assert isinstance(outcome, Failure)
    return outcome.failure()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_of_the_table(row: Row) -> None:
    """Tag, fields and all four columns are as documented."""
    error = judged(row)
    assert type(error) is row.error
    assert {name: getattr(error, name) for name in row.fields} == dict(row.fields)
    assert resend(error) == row.again
    assert may_fall_back(error) is row.falls_back
    assert may_try_another_key(error) is row.other_key
    assert counts_for_breaker(error) is row.breaker
    origin = origin_of(error)
    assert origin is not None
    assert (origin.provider, origin.key_fingerprint) == ("cohere", KEY.fingerprint)
    assert row.status == 200 or origin.status == row.status


def test_the_id_of_an_error_is_kept() -> None:
    """A header of the transport's first."""
    bare = origin_of(judged(Row(name="", status=500, body=said("x"), error=object)))
    named = origin_of(judged(Row(name="", status=500, body=said("x"), headers={"x-request-id": "r-1"}, error=object)))
    assert bare is not None
    assert named is not None
    assert (bare.request_id, named.request_id) == (said("")["id"], "r-1")


def test_the_prompt_and_keys_do_not_reach_an_error() -> None:
    """A provider that repeats what it was sent is not repeated by us."""
    request = LLMRequest("the patient's name is Ada Lovelace")
    who = Who(provider="cohere", model="m", request=request, key=KEY)
    for status in (200, 400, 402, 403, 429, 498, 500, 501):
        shown = repr(judged(Row(name="", status=status, body=said(f"bad: {request.prompt} with {KEY.reveal()}"), error=object), who))
        assert "Ada" not in shown
        assert "patient" not in shown
        assert "canary" not in shown


def test_a_huge_error_is_read_in_part() -> None:
    """As a status, with its beginning kept."""
    error = judged(Row(name="", status=500, body="x" * 2_000_000, error=ModelUnavailable))
    origin = origin_of(error)
    assert isinstance(error, ModelUnavailable)
    assert origin is not None
    assert len(origin.raw or "") <= 2048
