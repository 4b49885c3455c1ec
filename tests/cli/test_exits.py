"""Every error has an exit code, one line and a document."""

from typing import get_args

import pytest

from llm_manager.cli.exits import error_document, error_line, exit_code
from llm_manager.domain import errors
from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    BudgetExceeded,
    CircuitOpen,
    ConfigurationError,
    ContentFiltered,
    ContextTooLarge,
    InvalidRequest,
    JobLocked,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    OutputInvalid,
    PolicyBlocked,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StorageFailed,
    StreamInterrupted,
    ToolFailed,
)

_WRONG_KEY = AuthenticationFailed(model="m", message="wrong key")
_DEAD = NetworkError(model="m", message="refused")
_CODES: list[tuple[LLMError, int]] = [
    (ModelUnavailable(model="m", message="gone"), 1),
    (RateLimitExceeded(model="m"), 1),
    (RateLimitExceeded(model="m", retry_after_seconds=3600.0), 3),
    (InvalidRequest(message="bad"), 2),
    (_WRONG_KEY, 4),
    (RequestTimeout(model="m", timeout_ms=1), 1),
    (ContextTooLarge(model="m"), 1),
    (ConfigurationError(message="bad"), 2),
    (_DEAD, 1),
    (QuotaExhausted(model="m", message="spent"), 3),
    (ContentFiltered(model="m"), 1),
    (StreamInterrupted(model="m"), 1),
    (MalformedResponse(model="m", message="HTML"), 1),
    (BudgetExceeded(budget="b"), 3),
    (PolicyBlocked(message="private"), 2),
    (CircuitOpen(model="m", endpoint="e"), 1),
    (AllModelsFailed(causes=()), 1),
    (AllModelsFailed(causes=(_WRONG_KEY, _WRONG_KEY)), 4),
    (AllModelsFailed(causes=(_WRONG_KEY, _DEAD)), 1),
    (ToolFailed(tool="t", message="broke"), 1),
    (OutputInvalid(model="m", path="$", message="shape"), 1),
    (StorageFailed(message="full", reason="full"), 1),
    (StorageFailed(message="denied", reason="denied"), 2),
    (JobLocked(job="j"), 1),
]


@pytest.mark.parametrize(("error", "code"), _CODES)
def test_exit_code(error: LLMError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize("error", [error for error, _ in _CODES])
def test_an_error_is_one_line_and_one_document(error: LLMError) -> None:
    line = error_line(error)
    assert line.startswith("error: ")
    assert "\n" not in line
    document = error_document(error)
    assert document["error"]["tag"] == error.tag
    assert document["error"]["message"]


def test_the_limit_of_waiting_is_named_by_its_option() -> None:
    late = RequestTimeout(model="m", timeout_ms=1000)
    assert error_line(late) == "error: m did not answer within 1 s; raise --timeout if it is only slow"
    assert "--timeout" in error_document(late)["error"]["message"]


def test_the_document_of_all_models_tells_what_became_of_each() -> None:
    document = error_document(AllModelsFailed(causes=(_WRONG_KEY, NetworkError(model="m", message="no\nway"))))
    assert [cause["tag"] for cause in document["error"]["causes"]] == ["AuthenticationFailed", "NetworkError"]
    assert all("\n" not in cause["message"] for cause in document["error"]["causes"])
    assert "causes" not in error_document(_DEAD)["error"]


def test_the_table_names_every_error() -> None:
    assert {type(error) for error, _ in _CODES} == set(get_args(errors.LLMError))


def test_what_a_server_said_cannot_move_the_cursor() -> None:
    assert error_line(ConfigurationError(message="a\x1b[2Jb\nc")) == "error: ab c"
