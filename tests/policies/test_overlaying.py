"""What a user says of a model takes the place of what is known, and nothing else does."""

from decimal import Decimal

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.models import FREE, Endpoint, KnownPrice, ModelProfile, UnknownPrice
from llm_manager.policies.overlaying import overlaid
from llm_manager.testing.strategies import profiles

HERE = Endpoint(provider="openai", base_url="http://localhost:1/v1", locality="local")
THERE = Endpoint(provider="openai", base_url="https://api.openai.com/v1", locality="cloud")
KNOWN = ModelProfile(
    name="gpt-4o",
    provider="openai",
    context_window=128_000,
    vision=True,
    price=KnownPrice(input_usd=Decimal("2.5"), output_usd=Decimal(10), version="data"),
)
CONTRACT = KnownPrice(input_usd=Decimal(2), output_usd=Decimal(8), version="settings")


def test_a_price_alone_leaves_all_other_facts() -> None:
    own = ModelProfile(name="gpt-4o", provider="openai", price=CONTRACT, said=("name", "provider", "price"))
    assert overlaid(KNOWN, own, THERE) == evolve(KNOWN, price=CONTRACT)


def test_what_is_said_whole_takes_the_place_of_all() -> None:
    own = ModelProfile(name="gpt-4o", provider="openai", locality="local", price=FREE)
    assert overlaid(KNOWN, own, HERE) == own
    assert overlaid(KNOWN, own, THERE) == evolve(own, locality="cloud", price=UnknownPrice())


def test_the_endpoint_says_where_it_runs() -> None:
    own = ModelProfile(name="gpt-4o", provider="openai", locality="local", said=("name", "provider", "locality"))
    assert overlaid(KNOWN, own, THERE) == KNOWN


@given(profiles(), profiles(), st.lists(st.sampled_from([each.name for each in fields(ModelProfile)]), unique=True))
def test_each_field_comes_from_one_of_the_two(known: ModelProfile, own: ModelProfile, said: list[str]) -> None:
    made = overlaid(evolve(known, said=None), evolve(own, said=tuple(said)), THERE)
    for name in set(said) - {"name", "provider", "locality", "said"}:
        assert getattr(made, name) == getattr(own, name)
    for name in {each.name for each in fields(ModelProfile)} - set(said) - {"said"}:
        assert getattr(made, name) == getattr(known, name)


@pytest.mark.parametrize("said", [(), ("name",), ("said",)])
def test_nothing_said_is_nothing_changed(said: tuple[str, ...]) -> None:
    assert overlaid(KNOWN, ModelProfile(name="x", provider="y", said=said), THERE) == KNOWN
