"""What users are told: one sentence for every error, with what happens next."""

from decimal import Decimal
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest
from hypothesis import given

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import (
    AllModelsFailed,
    BudgetExceeded,
    ContextTooLarge,
    Fault,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    Origin,
    OutputInvalid,
    QuotaExhausted,
    RateLimitExceeded,
    StorageFailed,
    ToolFailed,
)
from llm_manager.domain.events import MovedOn
from llm_manager.domain.requests import LLMRequest
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
        (QuotaExhausted(model="m", message="empty"), "operator", "The service cannot answer right now: please tell those who run it."),
        (InvalidRequest(message="no"), "change_request", "This cannot be answered as it was asked: please change it and try again."),
        (AllModelsFailed(causes=(BUSY, BUSY)), "wait", "Too many requests at the moment: please wait 20 seconds."),
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
    assert user_message(error) == told


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.tag)
def test_every_error_has_a_sentence_and_names_the_backup_in_use(error: LLMError) -> None:
    assert user_message(error).partition(": ")[2]
    assert user_message(error, backup="ollama").endswith(": trying the backup service ollama.")


@given(errors())
def test_any_error_gets_its_sentence(error: LLMError) -> None:
    assert user_message(error)
    assert user_message(error, backup="b")


CANARY = "CANARY"


def _with_canaries(form: Any) -> Any:
    """The error with a canary in every field that may hold any text, its origin's and its causes' included."""
    types = get_type_hints(form)
    fields: dict[str, Any] = {}
    for one in attrs.fields(form):
        if one.name == "resets_at" or get_origin(types[one.name]) is Literal:
            continue
        inside = get_args(types[one.name]) or (types[one.name],)
        if str in inside:
            fields[one.name] = f"/home/{CANARY}/sk-{CANARY}"
        elif Origin in inside:
            fields[one.name] = Origin(provider=CANARY, endpoint=CANARY, key_fingerprint=CANARY, request_id=CANARY, code=CANARY, raw=CANARY)
        elif one.name == "faults":
            fields[one.name] = (Fault(source=CANARY, key=CANARY, problem=CANARY, fix=CANARY),)
        elif one.name == "request":
            fields[one.name] = LLMRequest(CANARY)
        elif one.name == "causes":
            fields[one.name] = tuple(_with_canaries(member) for member in get_args(LLMError) if member is not AllModelsFailed)
        elif one.default is attrs.NOTHING:
            fields[one.name] = 7
    return form(**fields)


@pytest.mark.parametrize("member", get_args(LLMError), ids=lambda member: member.tag)
def test_nothing_that_an_error_says_in_its_own_words_reaches_users(member: Any) -> None:
    """No key, path, budget's name, setting or text of a provider: those are for who runs the program."""
    error = _with_canaries(member)
    assert CANARY in str(attrs.asdict(error, recurse=True))
    told = [user_message(error), user_message(AllModelsFailed(causes=(error,))), user_message(error, backup="ollama")]
    assert [text for text in told if CANARY in text or "/" in text] == []
    assert "An error occurred" not in told[0]


def test_an_allowance_says_when_it_begins_anew() -> None:
    spent = BudgetExceeded(budget="daily", message="budget daily: 5 of 5 USD", resets_at=1_800_000_000.0)
    assert user_message(spent) == "Your allowance is used up: it begins anew at 2027-01-15 08:00 UTC."
    assert user_message(BudgetExceeded(budget="daily")) == "Your allowance is used up: please try again later."


def test_a_wait_without_end_is_not_counted() -> None:
    assert user_message(RateLimitExceeded(model="m", retry_after_seconds=float("inf"))) == "Too many requests at the moment: please wait."


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
