"""What Anthropic says when something is wrong, and what follows from it: one row of the table, one fixture."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import frozen

from llm_manager.clients.anthropic_messages.codec import decode
from llm_manager.clients.anthropic_messages.errors import error_inside, error_of
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
    StreamInterrupted,
)
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.wire_requests import WireReply
from tests.clients.anthropic_messages.bodies import BEGIN, REFUSED, WHO, delta, event, heard

WALL = 1_792_000_000.0
IN_HALF_A_MINUTE = datetime.fromtimestamp(WALL + 30, UTC).isoformat()


def told(kind: str, message: str, **details: object) -> dict[str, object]:
    """An error as Anthropic shapes it."""
    error: dict[str, object] = {"type": kind, "message": message, **({"details": details} if details else {})}
    return {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


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


ROWS = (
    Row(
        name="prompt too long, with its counts",
        status=400,
        body=told("invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum"),
        error=ContextTooLarge,
        fields={"token_count": 213462, "limit": 200000, "limit_kind": "window"},
    ),
    Row(
        name="prompt too long, without",
        status=400,
        body=told("invalid_request_error", "prompt is too long"),
        error=ContextTooLarge,
        fields={"token_count": None, "limit": None},
    ),
    Row(
        name="prompt and answer together too long",
        status=400,
        body=told("invalid_request_error", "input length and `max_tokens` exceed context limit: 198765 + 8192 > 200000, decrease input"),
        error=ContextTooLarge,
        fields={"token_count": 198765, "limit": 200000},
    ),
    Row(
        name="usage limit of the organisation",
        status=400,
        body=told("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01."),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="usage limit of the workspace",
        status=400,
        body=told("invalid_request_error", "You have reached your specified workspace API usage limits. You will regain access soon."),
        error=QuotaExhausted,
        fields={"scope": "key"},
        other_key=True,
    ),
    Row(
        name="credit balance",
        status=400,
        body=told("invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="other 400",
        status=400,
        body=told("invalid_request_error", "temperature: Extra inputs are not permitted"),
        error=InvalidRequest,
        falls_back=False,
    ),
    Row(
        name="a 400 whose words speak of limits",
        status=400,
        body=told("invalid_request_error", "messages.0: the text 'prompt is too long: 3 tokens > 2 maximum, rate_limit' is not valid"),
        error=InvalidRequest,
        falls_back=False,
    ),
    Row(
        name="billing",
        status=402,
        body=told("billing_error", "There is an issue with your billing or payment information."),
        error=QuotaExhausted,
        fields={"scope": "key"},
        other_key=True,
    ),
    Row(
        name="wrong key",
        status=401,
        body=told("authentication_error", "invalid x-api-key"),
        error=AuthenticationFailed,
        fields={"reason": "key"},
        other_key=True,
    ),
    Row(
        name="no permission",
        status=403,
        body=told("permission_error", "Your API key does not have permission to use the specified resource."),
        error=AuthenticationFailed,
        fields={"reason": "permission"},
        other_key=True,
    ),
    Row(
        name="unknown model",
        status=404,
        body=told("not_found_error", "model: claude-9"),
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
    Row(
        name="conflict",
        status=409,
        body=told("conflict_error", "The request conflicts with the current state of the resource."),
        error=ModelUnavailable,
        fields={"reason": "busy"},
        again="freely",
    ),
    Row(
        name="too many bytes",
        status=413,
        body=told("request_too_large", "Request exceeds the maximum size"),
        error=ContextTooLarge,
        fields={"limit_kind": "bytes"},
        falls_back=False,
    ),
    Row(
        name="too many bytes, said by the network in front",
        status=413,
        body="<html><head><title>413 Request Entity Too Large</title></head></html>",
        error=ContextTooLarge,
        fields={"limit_kind": "bytes"},
        falls_back=False,
    ),
    Row(
        name="rate limit, with retry-after",
        status=429,
        body=told("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute"),
        headers={"retry-after": "17", "x-should-retry": "true"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 17.0, "scope": "account", "ramp": False},
        again="freely",
    ),
    Row(
        name="rate limit told by its reset",
        status=429,
        body=told("rate_limit_error", "too many tokens"),
        headers={"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": IN_HALF_A_MINUTE},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 30.0},
        again="freely",
    ),
    Row(
        name="a climb too steep",
        status=429,
        body=told("rate_limit_error", "Your usage grows too fast", error_code="ramp_limit_exceeded"),
        headers={"retry-after": "5"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 5.0, "ramp": True, "scope": "account"},
        again="freely",
    ),
    Row(
        name="monthly limit: a 429 without retry-after",
        status=429,
        body=told("rate_limit_error", "You have reached your monthly limit", error_code="enforced_spend_limit_reached"),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="limit of the contract",
        status=429,
        body=told("rate_limit_error", "limit", error_code="contract_spend_limit_reached"),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="a 429 that says not to ask again",
        status=429,
        body=told("rate_limit_error", "no"),
        headers={"x-should-retry": "false"},
        error=RateLimitExceeded,
        fields={"resend_helps": False},
    ),
    Row(
        name="api_error",
        status=500,
        body=told("api_error", "Internal server error"),
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="a 500 that says not to ask again",
        status=500,
        body=told("api_error", "Internal server error"),
        headers={"x-should-retry": "false"},
        error=ModelUnavailable,
        fields={"reason": "server", "resend_helps": False},
        breaker=True,
    ),
    Row(
        name="timeout_error",
        status=504,
        body=told("timeout_error", "Request timed out"),
        error=RequestTimeout,
        fields={"phase": "provider"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="overloaded",
        status=529,
        body=told("overloaded_error", "Overloaded"),
        error=ModelUnavailable,
        fields={"reason": "overloaded"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="overloaded, under another status",
        status=503,
        body=told("overloaded_error", "Overloaded"),
        error=ModelUnavailable,
        fields={"reason": "overloaded"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="a page of the network in front",
        status=502,
        body="<html>Bad gateway</html>",
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="a wrong request that may be sent again",
        status=422,
        body=told("invalid_request_error", "odd"),
        headers={"x-should-retry": "true"},
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="freely",
        breaker=True,
    ),
    Row(name="a 422", status=422, body=told("invalid_request_error", "odd"), error=InvalidRequest, falls_back=False),
    Row(name="a redirect", status=307, body="", error=ConfigurationError),
    Row(name="a wrong path", status=404, body="<html>not here</html>", error=MalformedResponse, again="once", breaker=True),
    Row(name="a status below 200", status=101, error=MalformedResponse, again="once", breaker=True),
    Row(
        name="a body too large once it is unpacked",
        status=413,
        body=told("invalid_request_error", "too large", error_code="request_body_too_large_after_decoding"),
        error=ContextTooLarge,
        fields={"limit_kind": "bytes"},
        falls_back=False,
    ),
    Row(
        name="llama.cpp's server, which speaks this dialect too",
        status=400,
        body={
            "error": {
                "code": 400,
                "message": "request (3008 tokens) exceeds the available context size (2048 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 3008,
                "n_ctx": 2048,
            }
        },
        error=ContextTooLarge,
        fields={"token_count": 3008, "limit": 2048},
    ),
)


def judged(row: Row) -> LLMError:
    body = row.body if isinstance(row.body, str) else "" if row.body is None else json.dumps(row.body)
    reply = WireReply(status=row.status, headers=tuple(row.headers.items()), body=body.encode())
    return error_of(reply, WHO, wall=WALL)


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
    assert origin.status == row.status
    if isinstance(row.body, dict) and "request_id" in row.body:
        assert origin.request_id == "req_011CSHoEeqs5C35K2UUqR7Fy"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", ModelUnavailable),
        ("api_error", ModelUnavailable),
        ("timeout_error", RequestTimeout),
        ("rate_limit_error", RateLimitExceeded),
        ("authentication_error", AuthenticationFailed),
        ("permission_error", AuthenticationFailed),
        ("not_found_error", ModelUnavailable),
        ("invalid_request_error", InvalidRequest),
        ("billing_error", QuotaExhausted),
        ("request_too_large", ContextTooLarge),
        ("conflict_error", ModelUnavailable),
        ("something_new", ModelUnavailable),
    ],
)
def test_an_error_event_counts_as_the_status_of_its_type(kind: str, error: type) -> None:
    """A stream's status was 200; before anything was delivered the error is what it would have been as a status."""
    (failure,) = heard([BEGIN, event("error", error={"type": kind, "message": "no"})])
    assert type(failure.failure()) is error
    (bare,) = heard([event("error", error={"type": kind, "message": "no"})])
    assert type(bare.failure()) is error


def test_an_error_event_in_the_middle_is_an_interrupted_stream() -> None:
    """What was said is kept; it is billed, and not asked again."""
    *_, failure = heard(
        [BEGIN, delta("text_delta", text="Hel"), event("error", error={"type": "overloaded_error", "message": "Overloaded"})]
    )
    error = failure.failure()
    assert isinstance(error, StreamInterrupted)
    assert (error.partial, resend(error), may_fall_back(error), counts_for_breaker(error)) == ("Hel", "never", False, True)
    assert error.origin is not None
    assert (error.origin.code, error.origin.charge) == ("overloaded_error", "certain")


def test_a_refusal_is_content_filtered() -> None:
    """With the category, and with what was said before."""
    outcome = decode(WireReply(status=200, body=json.dumps(REFUSED).encode()), WHO, WALL)
    error = outcome.failure()
    assert isinstance(error, ContentFiltered)
    assert error.message == "the provider withheld the answer: cyber: This could harm."
    assert error.partial == "I"
    assert (resend(error), may_fall_back(error), may_try_another_key(error), counts_for_breaker(error)) == ("never", False, False, False)


@pytest.mark.parametrize("told_so", ["just words", None, 3, [], {"error": "words"}, {"error": {"type": 3, "message": []}}])
def test_an_error_of_any_shape_is_an_error(told_so: object) -> None:
    """Total on whatever stands there."""
    assert type(error_inside(told_so, WHO, wall=WALL)) is ModelUnavailable
    assert error_of(WireReply(status=400, body=json.dumps(told_so).encode()), WHO, wall=WALL).tag == "InvalidRequest"


def test_the_prompt_and_keys_do_not_reach_an_error() -> None:
    """A provider that repeats what it was sent is not repeated by us."""
    request = LLMRequest("the patient's name is Ada Lovelace")
    who = Who(provider="anthropic", model="m", request=request)
    body = told("invalid_request_error", f"bad: {request.prompt} with sk-ant-api03-0123456789abc")
    error = error_of(WireReply(status=400, body=json.dumps(body).encode()), who, wall=WALL)
    assert "Ada" not in repr(error)
    assert "0123456789abc" not in repr(error)
    assert isinstance(error, InvalidRequest)
    assert error.request is request
