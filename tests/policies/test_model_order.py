"""Models in order; what is not known comes last, and nothing is lost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.models import FREE, KnownPrice, ModelProfile, UnknownPrice
from llm_manager.policies.model_order import ModelOrder, blended_price, costing_at_most, in_order
from llm_manager.testing.strategies import profiles


def test_three_are_read_to_one_written() -> None:
    assert blended_price(KnownPrice(input_usd=Decimal(1), output_usd=Decimal(5), version="v")) == 2
    assert blended_price(FREE) == 0
    assert blended_price(UnknownPrice()) is None


@given(st.lists(profiles(), max_size=6), st.sampled_from(["price", "window", "name"]))
def test_sorting_loses_nothing_and_forgets_the_order_before(models: list[ModelProfile], by: ModelOrder) -> None:
    ordered = in_order(models, by)
    assert sorted(map(repr, ordered)) == sorted(map(repr, models))
    assert [(each.name, each.provider) for each in in_order(reversed(models), by)] == [(each.name, each.provider) for each in ordered]


@given(st.lists(profiles(), max_size=6), st.decimals(0, 100, places=2))
def test_a_price_that_is_not_known_is_within_no_limit(models: list[ModelProfile], usd: Decimal) -> None:
    for each in costing_at_most(models, usd):
        blended = blended_price(each.price)
        assert blended is not None
        assert blended <= usd


@pytest.mark.parametrize(("by", "first"), [("price", "free"), ("window", "wide"), ("name", "dear")])
def test_the_best_comes_first(by: ModelOrder, first: str) -> None:
    free = ModelProfile(name="free", provider="p", price=FREE)
    wide = ModelProfile(name="wide", provider="p", context_window=10)
    dear = ModelProfile(name="Dear".lower(), provider="p", price=KnownPrice(input_usd=Decimal(9), output_usd=Decimal(9), version="v"))
    assert in_order((wide, free, dear), by)[0].name == first
