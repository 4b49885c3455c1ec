"""What `/v1/responses` says when something is wrong: statuses as in chat completions, and endings of its own."""

import json
from typing import Any

import pytest
from attrs import frozen

from llm_manager.clients.openai_responses.codec import decode
from llm_manager.domain.error_questions import Resend, counts_for_breaker, may_fall_back, may_try_another_key, resend
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    QuotaExhausted,
    RateLimitExceeded,
)
from llm_manager.domain.wire_requests import WireReply
from tests.clients.openai_responses.bodies import FAILED, FILTERED, REFUSED, WHO, split, sse, told


@frozen(kw_only=True)
class Row:
    """What is said, and the columns of the table: re-send, fall back, another key, breaker."""

    name: str
    status: int = 200
    body: Any
    error: type
    again: Resend = "never"
    falls_back: bool = True
    other_key: bool = False
    breaker: bool = False


def refused(message: str, *, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def failed(code: str, message: str = "no") -> dict[str, Any]:
    return {**FAILED, "error": {"code": code, "message": message}}


ROWS = (
    Row(name="wrong key", status=401, body=refused("no", code="invalid_api_key"), error=AuthenticationFailed, other_key=True),
    Row(name="unknown model", status=404, body=refused("no", code="model_not_found"), error=ModelUnavailable),
    Row(name="window", status=400, body=refused("too long", code="context_length_exceeded"), error=ContextTooLarge),
    Row(name="another 400", status=400, body=refused("no", code="unsupported_value"), error=InvalidRequest, falls_back=False),
    Row(
        name="rate limit",
        status=429,
        body=refused("no", code="rate_limit_exceeded"),
        error=RateLimitExceeded,
        again="freely",
        other_key=True,
    ),
    Row(name="quota", status=429, body=refused("no", code="credit_balance_exhausted", kind="insufficient_quota"), error=QuotaExhausted),
    Row(name="down", status=500, body=refused("no", kind="server_error"), error=ModelUnavailable, again="freely", breaker=True),
    Row(name="failed: server_error", body=failed("server_error"), error=ModelUnavailable, again="freely", breaker=True),
    Row(name="failed: rate limit", body=failed("rate_limit_exceeded"), error=RateLimitExceeded, again="freely", other_key=True),
    Row(name="failed: without a word", body={**FAILED, "error": None}, error=ModelUnavailable, again="freely", breaker=True),
    Row(name="failed: a picture that is none", body=failed("invalid_image_format"), error=InvalidRequest, falls_back=False),
    Row(name="failed: an invalid prompt", body=failed("invalid_prompt"), error=InvalidRequest, falls_back=False),
    *(
        Row(name=f"failed: {code}", body=failed(code), error=ContentFiltered, falls_back=False)
        for code in ("bio_policy", "misalignment_policy_violation", "image_content_policy_violation")
    ),
    Row(name="withheld", body=FILTERED, error=ContentFiltered, falls_back=False),
    Row(name="refused", body=REFUSED, error=ContentFiltered, falls_back=False),
)


def columns(error: LLMError) -> tuple[object, ...]:
    return resend(error), may_fall_back(error), may_try_another_key(error), counts_for_breaker(error)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_of_the_table(row: Row) -> None:
    """Tag and all four columns, for the whole answer and for a stream that ends so before anything was delivered."""
    error = decode(WireReply(status=row.status, body=json.dumps(row.body).encode()), WHO, 0.0).failure()
    assert type(error) is row.error
    assert columns(error) == (row.again, row.falls_back, row.other_key, row.breaker)
    if row.status == 200:
        streamed = told([sse(split({**row.body, "output": []}) if row.error is not ContentFiltered else split(row.body))])[-1].failure()
        assert type(streamed) is row.error


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None, "sequence_number": 1}, RateLimitExceeded),
        ({"type": "error", "code": None, "message": "boom", "sequence_number": 1}, ModelUnavailable),
        ({"type": "error", "error": {"type": "invalid_request_error", "code": "context_length_exceeded", "message": "x"}}, ContextTooLarge),
        ({"type": "error"}, ModelUnavailable),
        ({"error": {"code": 400, "message": "x", "type": "exceed_context_size_error"}}, ContextTooLarge),
        ({"type": "response.failed"}, ModelUnavailable),
        ({"type": "response.failed", "response": {**FAILED, "status": "completed", "error": None}}, ModelUnavailable),
    ],
)
def test_an_event_that_is_an_error(event: dict[str, Any], error: type) -> None:
    """Wherever its words stand."""
    body = b"data: " + json.dumps(event).encode() + b"\n\n"
    assert type(told([body])[-1].failure()) is error
