"""What Ollama says when something is wrong, and what follows from it: one row of the table, one fixture."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen

from llm_manager.clients.ollama.errors import error_inside, error_of, not_reached
from llm_manager.clients.who import Who
from llm_manager.domain.error_questions import Resend, counts_for_breaker, may_fall_back, may_try_another_key, origin_of, resend
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireReply

WALL = 1_792_000_000.0
WHO = Who(
    provider="ollama", model="llama3.2:3b", endpoint="http://localhost:11434", key=Secret("canary-key-0123"), request=LLMRequest("hi")
)


@frozen(kw_only=True)
class Row:
    """What is said, and the columns of the table: re-send, fall back, another key, breaker."""

    name: str
    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    error: type
    fields: Mapping[str, Any] = {}
    again: Resend = "never"
    falls_back: bool = True
    other_key: bool = False
    breaker: bool = False


def told(message: str, more: str = "") -> bytes:
    escaped = message.replace('"', '\\"')
    return f'{{"error":"{escaped}"{more}}}'.encode()


PERMANENT = {"reason": "permanent"}
MEMORY = {"reason": "busy", "resend_helps": False}
ROWS = (
    Row(
        name="no such model",
        status=404,
        body=told("model 'llama3.2:3b' not found"),
        error=ModelUnavailable,
        fields={**PERMANENT, "message": "the model is not there; fetch it with: llm-manager models pull llama3.2:3b"},
    ),
    Row(
        name="no such model, older words",
        status=404,
        body=told('model "llama3.2:3b" not found, try pulling it first'),
        error=ModelUnavailable,
        fields=PERMANENT,
    ),
    Row(name="another server", status=404, body=b"404 page not found", error=MalformedResponse, again="once", breaker=True),
    Row(
        name="queue full",
        status=503,
        body=told("server busy, please try again.  maximum pending requests exceeded"),
        error=ModelUnavailable,
        fields={"reason": "busy"},
        again="freely",
    ),
    Row(name="any other 503", status=503, body=told("draining"), error=ModelUnavailable, again="freely", breaker=True),
    Row(
        name="not signed in for a cloud model",
        status=401,
        body=told("unauthorized", ',"signin_url":"https://ollama.com/connect?name=box&key=c3NoLWVkMjU1MTk"'),
        error=AuthenticationFailed,
        fields={"message": "the server passes this model on to ollama.com: sign it in with: ollama signin"},
        other_key=True,
    ),
    Row(name="a wrong key", status=401, body=told("invalid api key"), error=AuthenticationFailed, other_key=True),
    Row(
        name="cloud not reached",
        status=502,
        body=told('Post "https://ollama.com:443/api/chat": dial tcp: lookup ollama.com: no such host'),
        error=ModelUnavailable,
        fields=MEMORY,
    ),
    Row(
        name="cloud switched off",
        status=403,
        body=told("ollama cloud is disabled: remote inference is unavailable"),
        error=ModelUnavailable,
        fields=PERMANENT,
    ),
    Row(name="origin not allowed", status=403, body=b"", error=AuthenticationFailed, fields={"reason": "permission"}, other_key=True),
    Row(
        name="cloud without a subscription",
        status=402,
        body=told("this model needs a subscription"),
        error=QuotaExhausted,
        other_key=True,
    ),
    Row(
        name="cloud limit",
        status=429,
        body=told("you have reached your hourly usage limit"),
        headers={"retry-after": "30"},
        error=RateLimitExceeded,
        fields={"retry_after_seconds": 30.0, "scope": "account"},
        again="freely",
    ),
    Row(
        name="prompt too long, said since truncate is false",
        status=400,
        body=told("the input length exceeds the context length"),
        error=ContextTooLarge,
        fields={"limit_kind": "window"},
    ),
    Row(
        name="prompt too long, with numbers",
        status=400,
        body=told("request (13392 tokens) exceeds the available context size (8192 tokens), try increasing it"),
        error=ContextTooLarge,
        fields={"token_count": 13392, "limit": 8192},
    ),
    Row(
        name="prompt too long for a cloud model",
        status=400,
        body=told("prompt too long; exceeded max context length by 100918 tokens"),
        error=ContextTooLarge,
    ),
    Row(name="body too large", status=413, body=b"", error=ContextTooLarge, fields={"limit_kind": "bytes"}, falls_back=False),
    Row(
        name="model without tools",
        status=400,
        body=told("registry.ollama.ai/library/phi3:mini does not support tools"),
        error=ModelUnavailable,
        fields=PERMANENT,
    ),
    Row(
        name="model without thinking",
        status=400,
        body=told('"llama3.2:3b" does not support thinking'),
        error=ModelUnavailable,
        fields=PERMANENT,
    ),
    Row(name="embedding model", status=400, body=told('"all-minilm" does not support chat'), error=ModelUnavailable, fields=PERMANENT),
    Row(name="no name", status=400, body=told("invalid model name"), error=ModelUnavailable, fields=PERMANENT),
    Row(
        name="remote not allowed",
        status=400,
        body=told("this server cannot run this remote model"),
        error=ModelUnavailable,
        fields=PERMANENT,
    ),
    Row(
        name="any other 400",
        status=400,
        body=told("json: cannot unmarshal string into Go struct field"),
        error=InvalidRequest,
        falls_back=False,
    ),
    Row(
        name="too little memory",
        status=500,
        body=told("model requires more system memory (9.9 GiB) than is available (7.6 GiB)"),
        error=ModelUnavailable,
        fields={**MEMORY, "message": "model requires more system memory (9.9 GiB) than is available (7.6 GiB)"},
    ),
    Row(
        name="too little memory on the GPU",
        status=500,
        body=told("llama runner process has terminated: cudaMalloc failed: out of memory"),
        error=ModelUnavailable,
        fields=MEMORY,
    ),
    Row(
        name="loading",
        status=500,
        body=told("unexpected server status: llm server loading model"),
        error=ModelUnavailable,
        fields={"reason": "loading"},
        again="freely",
    ),
    Row(
        name="runner gone",
        status=500,
        body=told("llama runner process has terminated: exit status 2"),
        error=ModelUnavailable,
        fields={"reason": "server"},
        again="freely",
        breaker=True,
    ),
    Row(name="cancelled by itself", status=499, body=told("request canceled"), error=ModelUnavailable, again="freely", breaker=True),
    Row(name="redirect", status=307, body=b"", error=ConfigurationError),
    Row(name="early hint", status=103, body=b"", error=MalformedResponse, again="once", breaker=True),
    Row(
        name="a cloud's own shape",
        status=500,
        body=b'{"StatusCode":500,"Status":"500 Internal Server Error","error":"Internal Server Error"}',
        error=ModelUnavailable,
        again="freely",
        breaker=True,
    ),
    Row(name="an object for an error", status=400, body=b'{"error":{"message":"no"}}', error=InvalidRequest, falls_back=False),
    Row(name="no object at all", status=500, body=b"[1]", error=ModelUnavailable, again="freely", breaker=True),
)


def check(row: Row, error: LLMError) -> None:
    assert type(error) is row.error, error
    for name, value in row.fields.items():
        assert getattr(error, name) == value
    assert resend(error) == row.again
    assert may_fall_back(error) is row.falls_back
    assert may_try_another_key(error) is row.other_key
    assert counts_for_breaker(error) is row.breaker


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_said_means(row: Row) -> None:
    error = error_of(WireReply(status=row.status, headers=tuple(row.headers.items()), body=row.body), WHO, wall=WALL)
    check(row, error)
    origin = origin_of(error)
    assert origin is not None
    assert (origin.provider, origin.status) == ("ollama", row.status)
    assert "canary" not in repr(error)
    assert "c3NoLWVk" not in repr(error)


INSIDE = (
    Row(name="runner gone", status=200, body=b"unexpected EOF", error=ModelUnavailable, again="freely", breaker=True),
    Row(name="too long", status=200, body=b"the input length exceeds the context length", error=ContextTooLarge),
    Row(name="removed", status=200, body=b"model 'llama3.2:3b' not found", error=ModelUnavailable, fields=PERMANENT),
    Row(
        name="not in the registry",
        status=200,
        body=b"pull model manifest: file does not exist",
        error=ModelUnavailable,
        fields=PERMANENT,
    ),
)


@pytest.mark.parametrize("row", INSIDE, ids=lambda row: row.name)
def test_what_is_said_after_a_good_status_means(row: Row) -> None:
    check(row, error_inside(row.body.decode(), WHO, wall=WALL))
    assert isinstance(error_inside({"message": row.body.decode()}, WHO, wall=WALL), row.error)


def test_nobody_there_is_told_as_it_is() -> None:
    """With the words of the specification, and how to start the server."""
    told = {
        "reason": "not_running",
        "message": "Ollama connection failed: nothing answers at http://localhost:11434; start it with: ollama serve",
    }
    row = Row(name="refused", status=0, body=b"", error=ModelUnavailable, fields=told, again="once", breaker=True)
    check(row, not_reached(NetworkError(model="llama3.2:3b", message="connection refused"), WHO))
    check(row, not_reached(ModelUnavailable(model="llama3.2:3b", message="nothing answers", reason="not_running"), WHO))


def test_a_host_that_nobody_knows_is_told_as_one() -> None:
    """Starting a server would not help: its address is wrong."""
    error = not_reached(NetworkError(model="m", message="the name of gpu.lan:11434 cannot be resolved", resend_once=True), WHO)
    assert isinstance(error, ModelUnavailable)
    assert (error.reason, "gpu.lan" in error.message, "ollama serve" in error.message) == ("not_running", True, False)


@pytest.mark.parametrize("error", [NetworkError(model="m", message="reset", sent=True), RequestTimeout(model="m", timeout_ms=1)])
def test_what_was_sent_stays_what_it_is(error: LLMError) -> None:
    assert not_reached(error, WHO) is error


def test_a_prompt_that_is_echoed_is_not_kept() -> None:
    secret = "the launch code of the north silo is seven seven four one"
    who = Who(provider="ollama", model="m", request=LLMRequest(secret))
    error = error_of(WireReply(status=400, body=told(f"cannot render: {secret}")), who, wall=WALL)
    assert isinstance(error, InvalidRequest)
    assert "silo" not in repr(error)
