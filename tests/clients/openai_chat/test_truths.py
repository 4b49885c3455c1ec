"""What each provider says when something is wrong, and what follows from it: one row of the table, one fixture."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen

from llm_manager.clients.openai_chat.codec import decode
from llm_manager.clients.openai_chat.errors import error_inside, error_of
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
    NetworkError,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from tests.clients.openai_chat.bodies import chunk, sse, told

WALL = 1_792_000_000.0
KEY_MESSAGE = "Incorrect API key provided: sk-proj-abcdefghijkl. You can find your API key at https://platform.openai.com."


@frozen(kw_only=True)
class Row:
    """What is said, and the columns of the table: re-send, fall back, another key, breaker."""

    name: str
    status: int
    body: object = None
    provider: str = "openai"
    headers: Mapping[str, str] = {}
    error: type
    fields: Mapping[str, Any] = {}
    again: Resend = "never"
    falls_back: bool = True
    other_key: bool = False
    breaker: bool = False


def openai(message: str, *, kind: str | None = None, code: str | None = None, **more: object) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


def openrouter(code: int, message: str, **metadata: object) -> dict[str, object]:
    return {"error": {"code": code, "message": message, **({"metadata": metadata} if metadata else {})}}


ANYONE = (
    Row(
        name="redirect",
        status=307,
        body="",
        headers={"location": "https://elsewhere.example/"},
        error=ConfigurationError,
    ),
    Row(
        name="a gateway's page",
        status=502,
        body="<html><body><h1>502 Bad Gateway</h1></body></html>",
        error=ModelUnavailable,
        again="freely",
        breaker=True,
    ),
    Row(
        name="the provider forbids a retry",
        status=500,
        body=openai("no"),
        headers={"x-should-retry": "false"},
        error=ModelUnavailable,
        fields={"resend_helps": False},
        breaker=True,
    ),
    Row(
        name="the provider asks for a retry",
        status=400,
        body=openai("again"),
        headers={"x-should-retry": "true"},
        error=ModelUnavailable,
        again="freely",
        breaker=True,
    ),
    Row(
        name="anyone's page for a wrong path", status=404, body="<html>not here</html>", error=MalformedResponse, again="once", breaker=True
    ),
    Row(name="anyone's 413", status=413, body="", error=ContextTooLarge, fields={"limit_kind": "bytes"}, falls_back=False),
    Row(name="anyone's 402", status=402, body="", error=QuotaExhausted, other_key=True),
    Row(name="anyone's 529", status=529, error=ModelUnavailable, fields={"reason": "overloaded"}, again="freely", breaker=True),
    Row(
        name="what a server was not built or started for",
        status=501,
        body={"error": {"code": 501, "message": "This server does not support embeddings", "type": "not_supported_error"}},
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
    Row(name="a status below 200", status=101, error=MalformedResponse, again="once", breaker=True),
)
"""Whoever it is; what the transport itself finds is below (`FOUND`), and is made on loopback in tests/clients/test_http.py."""

OPENAI = (
    Row(
        name="openai wrong key",
        status=401,
        body=openai(KEY_MESSAGE, kind="invalid_request_error", code="invalid_api_key"),
        error=AuthenticationFailed,
        fields={"reason": "key"},
        other_key=True,
    ),
    Row(
        name="openai region",
        status=403,
        body=openai("Country, region, or territory not supported", code="unsupported_country_region_territory"),
        error=AuthenticationFailed,
        fields={"reason": "permission"},
        other_key=True,
    ),
    Row(
        name="openai unknown model",
        status=404,
        body=openai("The model `gpt-9` does not exist", kind="invalid_request_error", code="model_not_found"),
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
    Row(
        name="openai window",
        status=400,
        body=openai(
            "This model's maximum context length is 4097 tokens. However, your messages resulted in 5015 tokens.",
            kind="invalid_request_error",
            code="context_length_exceeded",
        ),
        error=ContextTooLarge,
        fields={"token_count": 5015, "limit": 4097, "limit_kind": "window"},
    ),
    Row(
        name="openai other 400",
        status=400,
        body=openai("Unsupported value: 'temperature'", kind="invalid_request_error", code="unsupported_value"),
        error=InvalidRequest,
        falls_back=False,
    ),
    Row(name="openai 422", status=422, body=openai("cannot process"), error=InvalidRequest, falls_back=False),
    Row(
        name="a 400 whose words speak of limits",
        status=400,
        body=openai("Invalid 'user': rate_limit exceeded, maximum context length", kind="invalid_request_error"),
        error=InvalidRequest,
        falls_back=False,
    ),
    Row(
        name="a field too long is no window",
        status=400,
        body=openai("Invalid 'user': string too long.", kind="invalid_request_error", code="string_above_max_length"),
        error=InvalidRequest,
        falls_back=False,
    ),
    Row(
        name="openai policy",
        status=400,
        body=openai("Your request was rejected", kind="image_generation_user_error", code="content_policy_violation"),
        error=ContentFiltered,
        falls_back=False,
    ),
    Row(
        name="openai 408",
        status=408,
        body=openai("timed out"),
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="openai 409",
        status=409,
        body=openai("conflict"),
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="freely",
        breaker=True,
    ),
    Row(
        name="openai rate limit",
        status=429,
        body=openai("Rate limit reached for gpt-4o", kind="requests", code="rate_limit_exceeded"),
        headers={"retry-after": "20", "retry-after-ms": "19500"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 19.5, "local": False, "ramp": False, "scope": "key"},
        again="freely",
        other_key=True,
    ),
    Row(
        name="openai slow down (429)",
        status=429,
        body=openai("Slow down", kind="rate_limit_error", code="slow_down"),
        error=RateLimitExceeded,
        fields={"ramp": True},
        again="freely",
    ),
    Row(
        name="openai slow down (503)",
        status=503,
        body=openai("Slow Down", kind="service_unavailable_error", code="slow_down"),
        error=RateLimitExceeded,
        fields={"ramp": True},
        again="freely",
    ),
    *(
        Row(
            name=f"openai {code}",
            status=429,
            body=openai("You exceeded your current quota", kind="insufficient_quota", code=code),
            headers={"retry-after": "1"},
            error=QuotaExhausted,
            fields={"scope": "account"},
        )
        for code in (
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "insufficient_quota",
            "billing_hard_limit_reached",
        )
    ),
    Row(
        name="openai project limit",
        status=429,
        body=openai("limit", kind="insufficient_quota", code="project_spend_limit_exceeded"),
        error=QuotaExhausted,
        fields={"scope": "key"},
        other_key=True,
    ),
    *(
        Row(
            name=f"{provider} request larger than a minute ({status})",
            status=status,
            provider=provider,
            body=openai(
                "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 342389."
                " The input or output tokens must be reduced in order to run successfully.",
                kind="tokens",
                code="rate_limit_exceeded",
            ),
            error=ContextTooLarge,
            fields={"token_count": 342389, "limit": 30000, "limit_kind": "tokens_per_minute"},
        )
        for provider in ("openai", "groq")
        for status in (413, 429)
    ),
    *(
        Row(
            name=f"openai {status}",
            status=status,
            body=openai("The server had an error", kind="server_error"),
            error=ModelUnavailable,
            fields={"reason": "server"},
            again="freely",
            breaker=True,
        )
        for status in (500, 502, 503, 504)
    ),
    Row(
        name="a window told by its code alone",
        status=400,
        body=openai("too long for us", code="context_length_exceeded"),
        error=ContextTooLarge,
        fields={"token_count": None, "limit": None},
    ),
    Row(
        name="overloaded, by code",
        status=503,
        body=openai("The engine is currently overloaded", code="engine_overloaded_error"),
        error=ModelUnavailable,
        fields={"reason": "overloaded"},
        again="freely",
        breaker=True,
    ),
)
"""OpenAI."""

AZURE = (
    Row(
        name="azure filter",
        status=400,
        body={
            "error": {
                "message": "filtered",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        error=ContentFiltered,
        falls_back=False,
    ),
    Row(
        name="azure rate limit in milliseconds",
        status=429,
        body={"error": {"code": "429", "message": "The service is experiencing high demand"}},
        headers={"retry-after-ms": "2500"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 2.5},
        again="freely",
        other_key=True,
    ),
    Row(
        name="azure parameters over the token budget",
        status=429,
        body={"error": {"code": "429", "message": "token budget exceeded by request parameters"}},
        error=RateLimitExceeded,
        fields={"resend_helps": False},
    ),
)
"""OpenAI's models at Azure, under an address of one's own."""

GROQ = (
    Row(
        name="groq rate limit",
        status=429,
        provider="groq",
        body=openai("Rate limit reached", kind="requests", code="rate_limit_exceeded"),
        headers={"retry-after": "2", "x-ratelimit-reset-requests": "2m59.56s"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 2.0, "scope": "account"},
        again="freely",
    ),
    Row(
        name="groq daily tokens",
        status=429,
        provider="groq",
        body=openai(
            "Rate limit reached for model `x` on tokens per day (TPD): Limit 500000, Used 499000, Requested 4000."
            " Please try again in 9m38.016s.",
            kind="tokens",
            code="rate_limit_exceeded",
        ),
        error=RateLimitExceeded,
        fields={"retry_after_seconds": pytest.approx(578.016), "scope": "account"},
        again="freely",
    ),
    Row(
        name="groq capacity",
        status=498,
        provider="groq",
        body=openai("capacity", code="capacity_exceeded"),
        error=ModelUnavailable,
        fields={"reason": "busy"},
        again="freely",
    ),
    Row(
        name="groq capacity without a code",
        status=498,
        provider="groq",
        error=ModelUnavailable,
        fields={"reason": "busy"},
        again="freely",
    ),
    Row(name="groq 413", status=413, provider="groq", body=openai("Request Entity Too Large"), error=ContextTooLarge),
    Row(
        name="groq 422",
        status=422,
        provider="groq",
        body=openai("semantic error"),
        error=InvalidRequest,
        fields={"by_model": True},
        again="once",
    ),
    Row(
        name="groq tool call not understood",
        status=400,
        provider="groq",
        body=openai("Failed to call a function", kind="invalid_request_error", code="tool_use_failed", failed_generation="<function"),
        error=InvalidRequest,
        fields={"by_model": True},
        again="once",
    ),
    Row(name="groq 424", status=424, provider="groq", body=openai("dependency"), error=ModelUnavailable),
    Row(
        name="groq retired model",
        status=400,
        provider="groq",
        body=openai("The model `x` has been decommissioned", kind="invalid_request_error", code="model_decommissioned"),
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
)
"""Groq."""

OPENROUTER = (
    Row(
        name="openrouter wrong key",
        status=401,
        provider="openrouter",
        body=openrouter(401, "No auth credentials found"),
        error=AuthenticationFailed,
        other_key=True,
    ),
    Row(
        name="openrouter rate limit",
        status=429,
        provider="openrouter",
        body=openrouter(429, "Rate limit exceeded"),
        headers={"retry-after": "7"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 7.0, "scope": "account"},
        again="freely",
    ),
    Row(
        name="openrouter in-flight budget",
        status=402,
        provider="openrouter",
        body=openrouter(402, "In-flight budget exhausted", limit_source="openrouter_in_flight_budget"),
        headers={"retry-after": "3"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 3.0},
        again="freely",
    ),
    Row(
        name="openrouter credits",
        status=402,
        provider="openrouter",
        body=openrouter(402, "Insufficient credits"),
        error=QuotaExhausted,
        other_key=True,
    ),
    Row(
        name="openrouter one request over the budget",
        status=402,
        provider="openrouter",
        body=openrouter(402, "too heavy", error_type="weight_exceeds_budget", limit_source="openrouter_credits"),
        error=QuotaExhausted,
        other_key=True,
    ),
    *(
        Row(
            name=f"openrouter {source}",
            status=403,
            provider="openrouter",
            body=openrouter(403, "Budget limit exceeded", limit_source=source, resets_at="2026-12-01T00:00:00Z"),
            error=QuotaExhausted,
            other_key=True,
        )
        for source in ("openrouter_guardrail_budget", "openrouter_workspace_budget", "openrouter_key_limit")
    ),
    Row(
        name="openrouter moderation",
        status=403,
        provider="openrouter",
        body=openrouter(403, "Your input was flagged", reasons=["violence"], flagged_input="how do I", provider_name="x"),
        error=ContentFiltered,
        falls_back=False,
    ),
    Row(
        name="openrouter 408",
        status=408,
        provider="openrouter",
        body=openrouter(408, "timed out"),
        error=RequestTimeout,
        fields={"phase": "provider"},
        again="freely",
        breaker=True,
    ),
    *(
        Row(
            name=f"openrouter {status}",
            status=status,
            provider="openrouter",
            body=openrouter(status, "provider down"),
            error=ModelUnavailable,
            again="freely",
            breaker=True,
        )
        for status in (502, 503)
    ),
    Row(
        name="openrouter passes a window on",
        status=400,
        provider="openrouter",
        body=openrouter(
            400,
            "Provider returned error",
            raw=json.dumps({"error": {"message": "prompt is too long: 250000 tokens > 200000 maximum", "type": "invalid_request_error"}}),
        ),
        error=ContextTooLarge,
        fields={"token_count": 250000, "limit": 200000},
    ),
    *(
        Row(
            name=f"openrouter passes on what cannot be read: {raw!r}",
            status=502,
            provider="openrouter",
            body=openrouter(502, "Provider returned error", raw=raw),
            error=ModelUnavailable,
            fields={"message": "Provider returned error"},
            again="freely",
            breaker=True,
        )
        for raw in ("{not json", "plain words", {"error": "text"}, 7)
    ),
)
"""OpenRouter; its errors inside good answers are below (`ENDINGS`)."""

LLAMACPP = (
    Row(
        name="llama.cpp window",
        status=400,
        provider="llamacpp",
        body={
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size, try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 1407,
                "n_ctx": 256,
            }
        },
        error=ContextTooLarge,
        fields={"token_count": 1407, "limit": 256},
    ),
    Row(
        name="llama.cpp loading",
        status=503,
        provider="llamacpp",
        body={"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
        error=ModelUnavailable,
        fields={"reason": "loading"},
        again="freely",
    ),
)
"""llama.cpp's server."""

LM_STUDIO = (
    Row(
        name="lm studio window",
        status=400,
        provider="lmstudio",
        body={
            "error": "The number of tokens to keep from the initial prompt is greater than the context length."
            " Try to load the model with a larger context length, or provide a shorter input"
        },
        error=ContextTooLarge,
    ),
    Row(
        name="lm studio window, with numbers",
        status=400,
        provider="lmstudio",
        body={
            "error": "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context"
            " length of only 4096 tokens, which is not enough."
        },
        error=ContextTooLarge,
        fields={"token_count": 9000, "limit": 4096},
    ),
    Row(
        name="an unknown model told by its sentence alone",
        status=400,
        provider="lmstudio",
        body={"error": "Model 'x' not found. Please specify a valid model."},
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
)
"""LM Studio."""

VLLM = (
    Row(
        name="vllm window",
        status=400,
        provider="vllm",
        body={"object": "error", "message": "max_tokens must be at least 1, got 0.", "type": "BadRequestError", "code": 400},
        error=ContextTooLarge,
    ),
    Row(
        name="vllm window, with numbers",
        status=400,
        provider="vllm",
        body={
            "error": {
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the"
                " messages, 4000 in the completion).",
                "type": "BadRequestError",
                "code": 400,
            }
        },
        error=ContextTooLarge,
        fields={"token_count": 5000, "limit": 4096},
    ),
    Row(
        name="vllm unknown model",
        status=404,
        provider="vllm",
        body={"error": {"message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}},
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
    Row(
        name="a window told by its sentence alone",
        status=400,
        provider="vllm",
        body={"message": "Please reduce the length of the messages or completion."},
        error=ContextTooLarge,
        fields={"token_count": None, "limit": None},
    ),
    Row(
        name="an unknown model in vLLM's words",
        status=404,
        provider="vllm",
        body={"object": "error", "message": "The model `x` does not exist.", "code": 404},
        error=ModelUnavailable,
        fields={"reason": "permanent"},
    ),
    Row(
        name="a list of faults",
        status=422,
        provider="vllm",
        body={"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "missing"}]},
        error=InvalidRequest,
        fields={"message": "field required"},
        falls_back=False,
    ),
)
"""vLLM."""

TABLES = {
    "anyone": ANYONE,
    "openai": OPENAI,
    "azure": AZURE,
    "groq": GROQ,
    "openrouter": OPENROUTER,
    "llamacpp": LLAMACPP,
    "lm_studio": LM_STUDIO,
    "vllm": VLLM,
}
"""One table for each provider, in the order of its statuses."""


def judged(row: Row) -> LLMError:
    body = row.body if isinstance(row.body, str) else "" if row.body is None else json.dumps(row.body)
    reply = WireReply(status=row.status, headers=tuple(row.headers.items()), body=body.encode())
    return error_of(reply, Who(provider=row.provider, model="m", endpoint="https://x.example/v1"), wall=WALL)


@pytest.mark.parametrize("row", [row for rows in TABLES.values() for row in rows], ids=lambda row: row.name)
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


FOUND = (
    (NetworkError(model="m", message="refused"), "freely", True, False, True),
    (NetworkError(model="m", message="no such name", resend_once=True), "once", True, False, True),
    (ModelUnavailable(model="m", message="refused here", reason="not_running", resend_once=True), "once", True, False, True),
    (NetworkError(model="m", message="reset", sent=True), "once", True, False, True),
    (RequestTimeout(model="m", timeout_ms=1, phase="connect"), "freely", True, False, True),
    (RequestTimeout(model="m", timeout_ms=30_000, phase="stall"), "once", True, False, True),
    (RateLimitExceeded(model="m", local=True), "never", True, False, False),
    (ConfigurationError(message="tls"), "never", True, False, False),
    (MalformedResponse(model="m", message="html"), "once", True, False, True),
    (StreamInterrupted(model="m"), "once", True, False, True),
    (StreamInterrupted(model="m", partial="some"), "never", False, False, True),
)
"""What the transport itself finds. The errors are made by real sockets in tests/clients/test_http.py:

connect refused          test_nobody_listening_locally_means_not_running,
                         test_nobody_listening_elsewhere_is_a_network_error_that_sent_nothing
a name that is not known test_a_name_that_is_not_known_is_a_network_error
reset, cut, no HTTP      test_a_reset_is_a_network_error_that_may_be_charged,
                         test_an_answer_that_is_no_whole_http_is_a_network_error
connect timeout          test_connecting_has_its_own_limit
read timeout             test_silence_ends_a_whole_answer_at_the_attempts_limit, test_a_stream_that_stalls_ends_with_a_timeout
no place in the pool     test_each_exception_of_the_library_has_its_meaning
TLS, proxy, redirect     test_tls_with_a_wrong_certificate_is_a_matter_of_settings, test_a_proxy_that_refuses_is_a_matter_of_settings,
                         test_a_redirect_is_never_followed
an illegal header        test_a_header_that_http_does_not_know_is_never_sent
"""


@pytest.mark.parametrize(("error", "again", "falls_back", "other_key", "breaker"), FOUND, ids=range(len(FOUND)))
def test_the_rows_of_any_provider(error: LLMError, again: Resend, falls_back: bool, other_key: bool, breaker: bool) -> None:
    """What the transport itself finds has its columns too."""
    assert (resend(error), may_fall_back(error), may_try_another_key(error), counts_for_breaker(error)) == (
        again,
        falls_back,
        other_key,
        breaker,
    )


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"error": {"code": 429, "message": "busy"}}, RateLimitExceeded),
        ({"error": {"code": "429", "message": "busy"}}, RateLimitExceeded),
        ({"error": {"code": "rate_limit_exceeded", "message": "busy"}}, RateLimitExceeded),
        ({"error": {"code": 502, "message": "down"}}, ModelUnavailable),
        ({"error": {"code": 401, "message": "no"}}, AuthenticationFailed),
        ({"error": {"code": "permission_denied", "message": "no"}}, AuthenticationFailed),
        ({"error": {"type": "invalid_request_error", "message": "no"}}, InvalidRequest),
        ({"error": {"code": "model_not_found", "message": "no"}}, ModelUnavailable),
        ({"error": {"code": "server_error", "message": "no"}}, ModelUnavailable),
        ({"error": "The number of tokens to keep from the initial prompt is greater than the context length"}, ContextTooLarge),
        ({"error": {"code": "overloaded", "message": "no"}}, ModelUnavailable),
        ({"error": 3}, ModelUnavailable),
        ({"error": {"code": 302}}, ConfigurationError),
        ("just words", ModelUnavailable),
        (None, ModelUnavailable),
    ],
)
def test_an_error_inside_a_good_answer_counts_as_its_status(told: object, error: type) -> None:
    """OpenRouter sends errors in a 200; some local servers send nothing but a sentence."""
    assert type(error_inside(told, Who(provider="openrouter", model="m"), wall=WALL)) is error


@frozen(kw_only=True)
class Ending:
    """A good status whose body, or whose stream after ``said``, means an error."""

    name: str
    provider: str = "openai"
    body: Mapping[str, Any] | None = None
    events: tuple[Any, ...] = ()
    done: bool = False
    error: type
    again: Resend = "never"
    falls_back: bool = True
    other_key: bool = False
    breaker: bool = False


SAID = chunk({"content": "some"})


def choice(finish: str, **message: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


ENDINGS = (
    Ending(name="withheld", body=choice("content_filter", content="so"), error=ContentFiltered, falls_back=False),
    Ending(name="refused", body=choice("stop", refusal="I cannot"), error=ContentFiltered, falls_back=False),
    Ending(name="withheld stream", events=(chunk({}, finish="content_filter"),), done=True, error=ContentFiltered, falls_back=False),
    Ending(name="a 200 that is no answer", body={}, error=MalformedResponse, again="once", breaker=True),
    Ending(name="a stream without [DONE]", events=(chunk({}, finish="stop"),), error=StreamInterrupted, again="once", breaker=True),
    Ending(
        name="a stream without [DONE], after some of it",
        events=(SAID, chunk({}, finish="stop")),
        error=StreamInterrupted,
        falls_back=False,
        breaker=True,
    ),
    Ending(
        name="openrouter 429 in a 200",
        provider="openrouter",
        body=openrouter(429, "slow down"),
        error=RateLimitExceeded,
        again="freely",
    ),
    Ending(name="openrouter 402 in a 200", provider="openrouter", body=openrouter(402, "no credits"), error=QuotaExhausted, other_key=True),
    Ending(
        name="openrouter 502 in a 200",
        provider="openrouter",
        body=openrouter(502, "down"),
        error=ModelUnavailable,
        again="freely",
        breaker=True,
    ),
    Ending(
        name="openrouter in a choice of a 200",
        provider="openrouter",
        body={"choices": [{"finish_reason": "error", "message": {"content": ""}, "error": {"code": 502, "message": "down"}}]},
        error=ModelUnavailable,
        again="freely",
        breaker=True,
    ),
    Ending(
        name="openrouter amid a stream, before its first word",
        provider="openrouter",
        events=(chunk({"content": ""}, finish="error", error={"code": 503, "message": "down"}),),
        error=ModelUnavailable,
        again="freely",
        breaker=True,
    ),
    Ending(
        name="openrouter amid a stream, after some of it",
        provider="openrouter",
        events=(SAID, chunk({"content": ""}, finish="error", error={"code": 503, "message": "down"})),
        error=StreamInterrupted,
        falls_back=False,
        breaker=True,
    ),
    Ending(
        name="groq amid a stream",
        provider="groq",
        events=(chunk({}, x_groq={"error": {"message": "over capacity", "code": "capacity_exceeded"}}),),
        error=ModelUnavailable,
        again="freely",
    ),
    Ending(
        name="lm studio, a sentence in a 200",
        provider="lmstudio",
        body={"error": "The number of tokens to keep from the initial prompt is greater than the context length"},
        error=ContextTooLarge,
    ),
)
"""What is wrong although the status is good; a comment line stands in every stream, as OpenRouter sends them."""


@pytest.mark.parametrize("row", ENDINGS, ids=lambda row: row.name)
def test_an_ending_of_the_table(row: Ending) -> None:
    """Tag and all four columns."""
    who = Who(provider=row.provider, model="m")
    if row.body is not None:
        outcome: Settled[Any, LLMError] = decode(WireReply(status=200, body=json.dumps(row.body).encode()), who, WALL)
    else:
        outcome = told([sse(*row.events, done=row.done)], who)[-1]
    error = outcome.failure()
    assert type(error) is row.error
    columns = (resend(error), may_fall_back(error), may_try_another_key(error), counts_for_breaker(error))
    assert columns == (row.again, row.falls_back, row.other_key, row.breaker)


def test_headers_repeated_by_a_router_tell_the_wait() -> None:
    """OpenRouter's free models say in the error when the limit is reset."""
    told = openrouter(429, "Rate limit exceeded", headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int((WALL + 30) * 1000))})
    error = error_inside(told, Who(provider="openrouter", model="m"), wall=WALL)
    assert isinstance(error, RateLimitExceeded)
    assert error.retry_after_seconds == pytest.approx(30.0)


def test_the_prompt_and_keys_do_not_reach_an_error() -> None:
    """A provider that repeats what it was sent is not repeated by us."""
    request = LLMRequest("the patient's name is Ada Lovelace")
    body = {"error": {"message": f"bad: {request.prompt} with Bearer sk-live-0123456789abc", "code": "x"}}
    who = Who(provider="openai", model="m", request=request)
    for raw in (body, {"error": {"message": "bad", "metadata": {"flagged_input": "the patient's name", "reasons": []}}}):
        error = error_of(WireReply(status=400, body=json.dumps(raw).encode()), who, wall=WALL)
        shown = repr(error)
        assert "Ada" not in shown
        assert "patient" not in shown
        assert "0123456789abc" not in shown
        assert isinstance(error, InvalidRequest)
        assert error.request is request
