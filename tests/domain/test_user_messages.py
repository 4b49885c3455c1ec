"""What users are told: one sentence for every error, with what happens next."""

from decimal import Decimal

import pytest
from hypothesis import given

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import (
    AllModelsFailed,
    BudgetExceeded,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    OutputInvalid,
    QuotaExhausted,
    RateLimitExceeded,
    StorageFailed,
    ToolFailed,
)
from llm_manager.domain.events import MovedOn
from llm_manager.domain.user_messages import Recovery, moved_on_message, recovery, user_message
from llm_manager.testing.samples import ERRORS
from llm_manager.testing.strategies import errors

BUSY = RateLimitExceeded(model="m", retry_after_seconds=20)
LOST = NetworkError(model="m", message="x")


@pytest.mark.parametrize(
    ("error", "helps", "told"),
    [
        (ModelUnavailable(model="m", message="?"), "backup", "The service is not available at the moment: please try again later."),
        (ModelUnavailable(model="m", message="?", reason="loading"), "wait", "The model is being loaded: please wait."),
        (BUSY, "wait", "Too many requests at the moment: please wait 20 seconds."),
        (RateLimitExceeded(model="m"), "wait", "Too many requests at the moment: please wait."),
        (ContextTooLarge(model="m"), "fresh_context", "The conversation is too long: please start a fresh one, or shorten it."),
        (QuotaExhausted(model="m", message="empty"), "operator", "An error occurred: m: the quota is spent (empty);"),
        (InvalidRequest(message="no"), "change_request", "An error occurred: no"),
        (AllModelsFailed(causes=(BUSY, BUSY)), "wait", "Too many requests at the moment: please wait."),
        (
            AllModelsFailed(causes=(BUSY, LOST)),
            "backup",
            "No service could answer: please try again later.",
        ),
        (AllModelsFailed(causes=()), "backup", "No service could answer: please try again later."),
    ],
    ids=range(10),
)
def test_what_users_are_told(error: LLMError, helps: Recovery, told: str) -> None:
    assert recovery(error) == helps
    assert user_message(error).startswith(told)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.tag)
def test_every_error_has_a_sentence_and_names_the_backup_in_use(error: LLMError) -> None:
    assert user_message(error).partition(": ")[2]
    assert user_message(error, backup="ollama").endswith(": trying the backup service ollama.")


@given(errors())
def test_any_error_gets_its_sentence(error: LLMError) -> None:
    assert user_message(error)
    assert user_message(error, backup="b")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.tag)
def test_every_description_says_what_to_do(error: LLMError) -> None:
    """Those that hold it in their own words are told as they are."""
    if error.tag in ("InvalidRequest", "ConfigurationError", "PolicyBlocked", "StorageFailed"):
        assert describe(error)
    else:
        assert describe(error).partition("; ")[2]


def test_going_on_is_told_with_the_service_that_is_tried() -> None:
    moved = MovedOn(at=0.0, call_id="c", from_model="gpt", to_model="llama", after_seconds=0.0, error_tag="NetworkError")
    assert moved_on_message(moved) == "gpt is not available at the moment: trying the backup service llama."
    again = MovedOn(at=0.0, call_id="c", from_model="gpt", to_model="gpt", after_seconds=3.0, error_tag="RateLimitExceeded")
    assert moved_on_message(again) == "gpt did not answer and is asked again: please wait 3 seconds."
    soon = MovedOn(at=0.0, call_id="c", from_model="gpt", to_model="gpt", after_seconds=0.0, error_tag="NetworkError")
    assert moved_on_message(soon) == "gpt did not answer and is asked again."


def test_a_budget_says_when_it_begins_anew_or_that_its_limit_may_be_raised() -> None:
    error = BudgetExceeded(budget="daily", left=str(Decimal("0.20")), resets_at=1_800_000_000.0)
    assert describe(error) == "the budget daily does not cover this call, 0.20 USD left; it begins anew at 2027-01-15 08:00 UTC"
    assert describe(BudgetExceeded(budget="run")).endswith("; raise its limit")
    told = BudgetExceeded(budget="b", message="budget 'b' (1 USD a day): 1 USD are spent", resets_at=float("inf"))
    assert describe(told) == "budget 'b' (1 USD a day): 1 USD are spent; it begins anew at a later time"


@pytest.mark.parametrize("reason", ["failed", "timeout", "arguments", "unknown", "refused", "steps"])
def test_each_way_a_tool_fails_has_its_advice(reason: str) -> None:
    assert describe(ToolFailed(tool="t", message="m", reason=reason)).partition("; ")[2]  # type: ignore[arg-type]  # each of the literal


@pytest.mark.parametrize("reason", ["full", "corrupt", "conflict", "closed"])
def test_each_way_storage_fails_has_its_advice(reason: str) -> None:
    assert describe(StorageFailed(message="m", reason=reason)).partition("; ")[2]  # type: ignore[arg-type]  # each of the literal


def test_output_that_does_not_fit_has_its_advice() -> None:
    assert describe(OutputInvalid(model="m", path="$", message="x", reason="truncated")).endswith("; raise max_tokens")
