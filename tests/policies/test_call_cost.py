"""What one call may cost: spent so far and the worst case of what comes next, and never more than its limit."""

from decimal import Decimal
from typing import Any

from attrs import evolve
from msgspec.structs import replace

from llm_manager.domain.attempts import Attempt, Ledger
from llm_manager.domain.errors import AttemptRecord, NetworkError, RateLimitExceeded
from llm_manager.domain.models import Endpoint, KnownPrice, ModelProfile, UnknownPrice
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.usage import Priced, Unpriced
from llm_manager.policies.call_cost import NAME, left_of, maybe_billed, spent_of, uncovered
from llm_manager.testing import attempt_for

A_CENT = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(10_000), version="1")
"""A cent for each token that is written."""


def attempt(before: Ledger, max_tokens: int | None = 5, **profile: Any) -> Attempt:
    model = ModelProfile(name="m", provider="p", price=A_CENT)
    endpoint = Endpoint(provider="p", base_url="https://p", locality="cloud")
    request = LLMRequest("hi", preferences=Preferences(max_tokens=max_tokens), max_cost_usd=before.max_cost_usd)
    return replace(attempt_for(request, model=evolve(model, **profile), endpoint=endpoint).unwrap(), left_usd=left_of(before))


def line(**told: Any) -> AttemptRecord:
    return evolve(AttemptRecord(number=1, step=0, provider="p", model="m", after_seconds=0.0, seconds=1.0), **told)


def ledger(*lines: AttemptRecord, limit: str | None = "0.10") -> Ledger:
    return Ledger(started=0.0, deadline=9.0, attempts=lines, max_cost_usd=None if limit is None else Decimal(limit))


PAID = line(cost=Priced(usd=Decimal("0.06"), price_version="1"))
DOUBTFUL = line(error=NetworkError(model="m", message="reset", sent=True), cost=Unpriced(reason="?"), most_usd=Decimal("0.05"))


def test_what_may_have_been_billed_counts_at_its_worst() -> None:
    assert spent_of(ledger(PAID, DOUBTFUL, line(error=RateLimitExceeded(model="m")))) == Decimal("0.11")


def test_without_a_limit_anything_is_covered() -> None:
    assert uncovered(attempt(ledger(PAID, limit=None), price=UnknownPrice())) is None


def test_the_worst_case_of_the_next_attempt_must_fit_what_is_left() -> None:
    assert uncovered(attempt(ledger())) is None
    refused = uncovered(attempt(ledger(PAID)))
    assert refused is not None
    assert (refused.budget, refused.limit, refused.left, refused.unit) == (NAME, "0.1", "0.04", "usd")
    assert refused.message == "asking m may cost 0.05 USD"


def test_what_nobody_can_bound_is_not_covered() -> None:
    spent = ledger(PAID, PAID)
    for unbounded in (attempt(spent, price=UnknownPrice()), attempt(spent, max_tokens=None)):
        refused = uncovered(unbounded)
        assert refused is not None
        assert refused.left == "0"


def test_the_free_is_always_covered() -> None:
    assert uncovered(attempt(ledger(limit="0"), price=KnownPrice(input_usd=Decimal(0), output_usd=Decimal(0), version="local"))) is None


def test_what_was_left_may_have_been_billed_as_well_as_what_failed() -> None:
    left = line(left=True, cost=Unpriced(reason="?"))
    assert maybe_billed((PAID, DOUBTFUL, left, evolve(DOUBTFUL, sent=False), evolve(PAID, left=True))) == 2
