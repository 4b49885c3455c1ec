"""What Gemini says when something is wrong, and what follows from it: one row of the table, one fixture."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen
from returns.result import Failure

from llm_manager.clients.gemini.codec import decode
from llm_manager.clients.gemini.errors import error_inside
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
from tests.clients.gemini.bodies import PROMPT_BLOCKED, TEXT

WALL = 1_792_000_000.0
KEY = Secret("AIzaSyD-canary-0123456789abcdefghijklm")
QUOTA = "You exceeded your current quota, please check your plan and billing details."


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


def status(code: int, word: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """An error as Google's services write it."""
    return {"error": {"code": code, "message": message, "status": word, **({"details": list(details)} if details else {})}}


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word, "domain": "googleapis.com", "metadata": {"service": "x"}}


def retry(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(*names: str, value: str | None = "15") -> dict[str, Any]:
    allowed = {} if value is None else {"quotaValue": value}
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [
            {
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                "quotaId": name,
                "quotaDimensions": {"location": "global", "model": "gemini-3.8-flash"},
                **allowed,
            }
            for name in names
        ],
    }


HELP = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [{"description": "Learn more about Gemini API quotas", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}],
}
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
EXHAUSTED = "RESOURCE_EXHAUSTED"


def ending(word: str) -> dict[str, Any]:
    """A good status whose answer ends badly."""
    return {**TEXT, "candidates": [{"content": {"parts": [{"text": "so far"}], "role": "model"}, "finishReason": word, "index": 0}]}


ROWS = (
    Row(
        name="window",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."),
        error=ContextTooLarge,
        fields={"token_count": 1200293, "limit": 1048576, "limit_kind": "window"},
    ),
    Row(
        name="window without counts",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed 1048576."),
        error=ContextTooLarge,
        fields={"token_count": None, "limit": 1048576},
    ),
    Row(
        name="window in other words",
        status=400,
        body=status(
            400, "INVALID_ARGUMENT", "Unable to submit request because the input token count is 40000 but model only supports up to 32768."
        ),
        error=ContextTooLarge,
        fields={"token_count": 40000, "limit": 32768},
    ),
    Row(
        name="too many bytes",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 104857600 bytes."),
        error=ContextTooLarge,
        fields={"limit_kind": "bytes"},
        falls_back=False,
    ),
    Row(
        name="wrong key is a 400",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason("API_KEY_INVALID")),
        error=AuthenticationFailed,
        fields={"reason": "key"},
        other_key=True,
    ),
    Row(
        name="expired key by its sentence alone",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
        error=AuthenticationFailed,
        fields={"reason": "key"},
        other_key=True,
    ),
    Row(
        name="region",
        status=400,
        body=status(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        error=ConfigurationError,
    ),
    Row(
        name="billing",
        status=403,
        body=status(403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", reason("BILLING_DISABLED")),
        error=ConfigurationError,
    ),
    Row(
        name="other 400",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "Please use a valid role: user, model."),
        error=InvalidRequest,
        fields={"by_model": False},
        falls_back=False,
    ),
    Row(
        name="a 400 whose words speak of limits",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "Bad text: 'API key not valid', the input token count (9) exceeds, limit: 0"),
        error=InvalidRequest,
        falls_back=False,
    ),
    Row(
        name="a signature that was lost",
        status=400,
        body=status(400, "INVALID_ARGUMENT", "Function call is missing a thought_signature in functionCall parts."),
        error=InvalidRequest,
        fields={"by_model": False},
        falls_back=False,
    ),
    Row(
        name="no token",
        status=401,
        body=status(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", reason("ACCESS_TOKEN_EXPIRED")),
        error=AuthenticationFailed,
        fields={"reason": "key"},
        other_key=True,
    ),
    Row(name="bare 401", status=401, error=AuthenticationFailed, fields={"reason": "key"}, other_key=True),
    Row(name="402", status=402, body=status(402, "", "Payment required"), error=QuotaExhausted, fields={"scope": "key"}, other_key=True),
    Row(
        name="403",
        status=403,
        body=status(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
        error=AuthenticationFailed,
        fields={"reason": "permission"},
        other_key=True,
    ),
    Row(
        name="403 for a service",
        status=403,
        body=status(403, "PERMISSION_DENIED", "Requests to this API are blocked.", reason("API_KEY_SERVICE_BLOCKED")),
        error=AuthenticationFailed,
        fields={"reason": "permission"},
        other_key=True,
    ),
    Row(name="403 of a proxy", status=403, body="no", error=AuthenticationFailed, fields={"reason": "permission"}, other_key=True),
    Row(
        name="404",
        status=404,
        body=status(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent."),
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
    Row(name="404 of somebody else", status=404, body="<html>not here</html>", error=MalformedResponse, again="once", breaker=True),
    Row(
        name="429 a minute",
        status=429,
        body=status(429, EXHAUSTED, f"{QUOTA} Please retry in 46.2s.", quota(MINUTE), HELP, retry("46s")),
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 46.0, "scope": "account", "local": False},
        again="freely",
    ),
    Row(
        name="429 a minute, in a list",
        status=429,
        body=[status(429, EXHAUSTED, QUOTA, quota(MINUTE), retry("46.5s"))],
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 46.5},
        again="freely",
    ),
    Row(
        name="429 with a header",
        status=429,
        body=status(429, EXHAUSTED, QUOTA, quota(MINUTE), retry("46s")),
        headers={"retry-after": "9"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 9.0},
        again="freely",
    ),
    Row(
        name="429 by its sentence",
        status=429,
        body=status(429, EXHAUSTED, f"{QUOTA}\n* Quota exceeded for metric: x, limit: 15, model: y\nPlease retry in 1h2m3.5s."),
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 3723.5},
        again="freely",
    ),
    Row(
        name="429 without a word",
        status=429,
        body=status(429, EXHAUSTED, "Resource has been exhausted (e.g. check quota)."),
        error=RateLimitExceeded,
        fields={"retry_after_seconds": None},
        again="freely",
    ),
    Row(
        name="429 a day",
        status=429,
        body=status(429, EXHAUSTED, QUOTA, quota(DAY), HELP, retry("36983s")),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="429 a day and a minute",
        status=429,
        body=status(429, EXHAUSTED, QUOTA, quota(MINUTE, DAY), retry("46s")),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="429 of nothing",
        status=429,
        body=status(429, EXHAUSTED, f"{QUOTA} Please retry in 10h17m", quota(MINUTE, value="0"), retry("46s")),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="429 of nothing by its sentence",
        status=429,
        body=status(
            429,
            EXHAUSTED,
            f"{QUOTA} \n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0,"
            " model: gemini-2.5-pro\nPlease retry in 20.04466179s.",
            retry("20s"),
        ),
        error=QuotaExhausted,
        fields={"scope": "account"},
    ),
    Row(
        name="429 without credit",
        status=429,
        body=status(429, EXHAUSTED, "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing."),
        error=QuotaExhausted,
    ),
    Row(
        name="499",
        status=499,
        body=status(499, "CANCELLED", "The operation was cancelled."),
        error=RequestTimeout,
        fields={"phase": "provider"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="500",
        status=500,
        body=status(500, "INTERNAL", "An internal error has occurred. Please retry or report in the issue tracker."),
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="once",
        breaker=True,
    ),
    Row(
        name="502",
        status=502,
        body="<html>bad gateway</html>",
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="503",
        status=503,
        body=status(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        error=ModelUnavailable,
        fields={"reason": "overloaded"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="504",
        status=504,
        body=status(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        error=RequestTimeout,
        fields={"phase": "provider"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="504 of a proxy",
        status=504,
        body="<html>gateway timeout</html>",
        error=RequestTimeout,
        fields={"phase": "provider"},
        again="freely",
        breaker=True,
    ),
    Row(name="409", status=409, body=status(409, "ABORTED", "x"), error=ModelUnavailable, again="freely", breaker=True),
    Row(name="413", status=413, error=ContextTooLarge, fields={"limit_kind": "bytes"}, falls_back=False),
    Row(name="redirect", status=302, headers={"location": "https://elsewhere.example/"}, error=ConfigurationError),
    Row(name="a status below 200", status=101, error=MalformedResponse, again="once", breaker=True),
    Row(name="418", status=418, error=InvalidRequest, falls_back=False),
    Row(
        name="200 prompt blocked",
        status=200,
        body=PROMPT_BLOCKED,
        error=ContentFiltered,
        fields={"message": "the provider blocked the prompt (PROHIBITED_CONTENT)", "partial": ""},
        falls_back=False,
    ),
    Row(
        name="200 prompt blocked for a reason like no word",
        status=200,
        body={"promptFeedback": {"blockReason": "odd word\n"}},
        error=ContentFiltered,
        fields={"message": "the provider blocked the prompt (for its content)"},
        falls_back=False,
    ),
    *(
        Row(
            name=f"200 {word}",
            status=200,
            body=ending(word),
            error=ContentFiltered,
            fields={"message": f"the provider withheld the answer ({word})", "partial": "so far"},
            falls_back=False,
        )
        for word in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY", "MODEL_ARMOR")
    ),
    *(
        Row(
            name=f"200 {word}",
            status=200,
            body=ending(word),
            error=InvalidRequest,
            fields={"by_model": True},
            again="once",
        )
        for word in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS")
    ),
    Row(
        name="200 without a signature",
        status=200,
        body=ending("MISSING_THOUGHT_SIGNATURE"),
        error=InvalidRequest,
        fields={"by_model": False},
        falls_back=False,
    ),
    Row(
        name="200 account limited",
        status=200,
        body=ending("PUP_LIMITED_DISABLED"),
        error=AuthenticationFailed,
        fields={"reason": "permission"},
        other_key=True,
    ),
    Row(name="200 unread", status=200, body=ending("MALFORMED_RESPONSE"), error=MalformedResponse, again="once", breaker=True),
    Row(name="200 no candidates", status=200, body={"candidates": []}, error=MalformedResponse, again="once", breaker=True),
    Row(name="200 nothing at all", status=200, body={"responseId": "x"}, error=MalformedResponse, again="once", breaker=True),
    Row(name="200 a page", status=200, body="<html>", error=MalformedResponse, again="once", breaker=True),
    Row(name="200 a list", status=200, body=[TEXT], error=MalformedResponse, again="once", breaker=True),
    Row(
        name="200 with an error",
        status=200,
        body=status(503, "UNAVAILABLE", "overloaded"),
        error=ModelUnavailable,
        fields={"reason": "overloaded"},
        again="freely",
        breaker=True,
    ),
)


def judged(row: Row, who: Who | None = None) -> LLMError:
    body = row.body if isinstance(row.body, str) else "" if row.body is None else json.dumps(row.body)
    reply = WireReply(status=row.status, headers=tuple(row.headers.items()), body=body.encode())
    outcome = decode(reply, who or Who(provider="gemini", model="m", endpoint="https://x.example/v1beta", key=KEY), WALL)
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
    assert (origin.provider, origin.key_fingerprint) == ("gemini", KEY.fingerprint)
    assert row.status == 200 or origin.status == row.status


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"code": 429, "message": "busy", "status": EXHAUSTED}, RateLimitExceeded),
        (status(400, "INVALID_ARGUMENT", "x", reason("API_KEY_INVALID")), AuthenticationFailed),
        ([status(504, "DEADLINE_EXCEEDED", "x")], RequestTimeout),
        ({"error": "just words"}, ModelUnavailable),
        ({"error": {"code": "429"}}, ModelUnavailable),
        ({"error": {"message": 3, "details": 7}}, ModelUnavailable),
        (status(429, EXHAUSTED, "x", {"violations": ["x", {"quotaId": 3}]}), RateLimitExceeded),
        ("just words", ModelUnavailable),
        (None, ModelUnavailable),
    ],
)
def test_an_error_inside_a_good_answer_counts_as_its_status(told: object, error: type) -> None:
    """As streams tell it, whatever its shape."""
    assert type(error_inside(told, Who(provider="gemini", model="m"), wall=WALL)) is error


def test_the_code_that_says_most_is_kept() -> None:
    """A reason before the status."""
    row = Row(name="", status=400, body=status(400, "INVALID_ARGUMENT", "x", reason("API_KEY_INVALID")), error=AuthenticationFailed)
    origin = origin_of(judged(row))
    assert origin is not None
    assert origin.code == "API_KEY_INVALID"


def test_the_prompt_and_keys_do_not_reach_an_error() -> None:
    """A provider that repeats what it was sent is not repeated by us."""
    request = LLMRequest("the patient's name is Ada Lovelace")
    who = Who(provider="gemini", model="m", request=request, key=KEY)
    for code in (200, 400, 403, 429, 500):
        body = status(code if code > 200 else 400, "X", f"bad: {request.prompt} with {KEY.reveal()} and ya29.a0AfB_byC-0123456789abcdef")
        shown = repr(judged(Row(name="", status=code, body=body, error=object), who))
        assert "Ada" not in shown
        assert "patient" not in shown
        assert "canary" not in shown
        assert "0123456789abcdef" not in shown


def test_a_huge_error_is_read_in_part() -> None:
    """As a status, with its beginning kept."""
    error = judged(Row(name="", status=500, body="x" * 2_000_000, error=ModelUnavailable))
    origin = origin_of(error)
    assert isinstance(error, ModelUnavailable)
    assert origin is not None
    assert len(origin.raw or "") <= 2048
