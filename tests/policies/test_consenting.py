"""A run that costs little, or is bounded by a budget of its own, begins without a question."""

from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.usage import Cost, Priced, Unpriced
from llm_manager.policies.consenting import doubt, unknown_cost
from llm_manager.policies.estimating import Estimate

LIMIT = Decimal(1)


def usd(amount: str) -> Priced:
    return Priced(usd=Decimal(amount), price_version="1")


SMALL = Estimate(requests=3, prompt_tokens=30, completion_tokens=900, least=usd("0.01"), expected=usd("0.5"), most=usd("0.9"), seconds=7.2)
NOBODY = Unpriced(reason="no price is known")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (SMALL, None),
        (evolve(SMALL, expected=usd("1.00001")), "this will cost about 1.00 USD"),
        (evolve(SMALL, most=usd("12.345")), "this may cost up to 12.34 USD"),
        (evolve(SMALL, expected=NOBODY, most=NOBODY), None),
        (evolve(SMALL, expected=usd("3"), requests=0), None),
    ],
)
def test_the_likely_cost_and_the_highest_are_looked_at(found: Estimate, words: str | None) -> None:
    assert doubt(found, above_usd=LIMIT) == words


def test_a_budget_of_its_own_is_agreement_enough() -> None:
    assert doubt(evolve(SMALL, expected=usd("100")), above_usd=LIMIT, budget_usd=Decimal(5)) is None


def test_a_tiny_limit_is_told_as_it_is() -> None:
    assert doubt(evolve(SMALL, expected=usd("0.0012")), above_usd=Decimal(0)) == "this will cost about 0.0012 USD"


@given(st.decimals(0, 1000, places=6), st.decimals(0, 1000, places=6), st.decimals(0, 1000, places=6))
def test_nothing_above_the_limit_begins_by_itself(expected: Decimal, most: Decimal, limit: Decimal) -> None:
    found = evolve(SMALL, expected=usd(str(expected)), most=usd(str(most)))
    assert (doubt(found, above_usd=limit) is None) == (max(expected, most) <= limit)


@pytest.mark.parametrize(
    ("expected", "most", "words"),
    [
        (NOBODY, NOBODY, "what it costs is not known (no price is known)"),
        (usd("1"), NOBODY, "the most it can cost is not known (no price is known)"),
        (usd("1"), usd("2"), None),
    ],
)
def test_what_nobody_knows_is_told(expected: Cost, most: Cost, words: str | None) -> None:
    assert unknown_cost(evolve(SMALL, expected=expected, most=most)) == words
    assert unknown_cost(evolve(SMALL, expected=expected, most=most, requests=0)) is None
