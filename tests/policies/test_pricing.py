"""What answers cost."""

from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.models import FREE, KnownPrice, ModelProfile, PriceTier, UnknownPrice
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.policies.pricing import dearest, price, remembering_price, together, worst_case
from llm_manager.policies.sizes import Size

LUNA = KnownPrice(
    input_usd=Decimal("0.1"),
    output_usd=Decimal("0.5"),
    cache_read_usd=Decimal("0.01"),
    cache_write_usd=Decimal("0.125"),
    version="t",
    tiers=(
        PriceTier(above_tokens=1000, input_usd=Decimal(1), output_usd=Decimal(2)),
        PriceTier(above_tokens=9000, input_usd=Decimal(10), output_usd=Decimal(20)),
    ),
)


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(input_tokens=100, output_tokens=10), "0.000015"),
        (Usage(input_tokens=100, output_tokens=4, reasoning_tokens=6), "0.000015"),
        (Usage(cache_read_tokens=100), "0.000001"),
        (Usage(cache_write_tokens=100), "0.0000125"),
        (Usage(input_tokens=1000), "0.0001"),
        (Usage(input_tokens=901, cache_read_tokens=100, output_tokens=1), "0.001003"),
        (Usage(input_tokens=9001), "0.09001"),
        (Usage(), "0"),
    ],
)
def test_prices_worked_out_by_hand(usage: Usage, usd: str) -> None:
    """Per million tokens, by bucket; a long prompt is priced by its tier as a whole."""
    assert price(usage, LUNA) == Priced(usd=Decimal(usd), price_version="t")


def test_cached_tokens_without_their_own_price_cost_what_input_does() -> None:
    """Never nothing."""
    plain = KnownPrice(input_usd=Decimal(3), output_usd=Decimal(0), version="t")
    assert price(Usage(input_tokens=1, cache_read_tokens=1, cache_write_tokens=1), plain) == Priced(
        usd=Decimal("0.000009"), price_version="t"
    )


def test_what_is_kept_for_an_hour_has_its_own_price() -> None:
    """Where the provider asks one; else it costs what is kept for minutes."""
    kept = Usage(cache_write_tokens=60, cache_write_long_tokens=40)
    dear = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(0), cache_write_usd=Decimal(2), cache_write_long_usd=Decimal(4), version="t")
    assert kept.prompt_tokens == 100
    assert price(kept, dear) == Priced(usd=Decimal("0.00028"), price_version="t")
    assert price(kept, LUNA) == price(Usage(cache_write_tokens=100), LUNA)
    assert (kept + kept).cache_write_long_tokens == 80


def test_what_is_not_known_is_no_number() -> None:
    """An unknown price and an untold usage are reasons, not zeros; what is free is free either way."""
    assert isinstance(price(Usage(input_tokens=1), UnknownPrice()), Unpriced)
    assert isinstance(price(None, LUNA), Unpriced)
    assert price(None, FREE) == Priced(usd=Decimal(0), price_version="local")


COUNTS = st.integers(0, 10**9)


@given(
    st.builds(
        Usage, input_tokens=COUNTS, cache_read_tokens=COUNTS, cache_write_tokens=COUNTS, output_tokens=COUNTS, reasoning_tokens=COUNTS
    )
)
def test_a_cost_is_never_negative_and_grows_with_output(usage: Usage) -> None:
    """One more token never costs less."""
    flat = KnownPrice(input_usd=Decimal("0.15"), output_usd=Decimal("0.6"), version="t")
    cost, more = price(usage, flat), price(usage + Usage(output_tokens=1), flat)
    assert isinstance(cost, Priced)
    assert isinstance(more, Priced)
    assert 0 <= cost.usd < more.usd


def test_costs_add_up_until_one_is_unknown() -> None:
    """Nothing paid is nothing; one untold cost makes the sum unknown."""
    some, more = Priced(usd=Decimal("0.1"), price_version="a"), Priced(usd=Decimal("0.2"), price_version="b")
    assert together([some, more]) == Priced(usd=Decimal("0.3"), price_version="a, b")
    assert together([]) == Priced(usd=Decimal(0), price_version="remembered")
    assert together([some, Unpriced(reason="why"), more]) == Unpriced(reason="why")


@given(
    prompt=st.integers(0, 20_000),
    buckets=st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100)),
    completion=st.integers(0, 10_000),
    written=st.integers(0, 100),
)
def test_no_bill_is_above_the_worst_case(prompt: int, buckets: tuple[int, int, int, int], completion: int, written: int) -> None:
    """However the prompt is split into buckets, and however much shorter prompt and answer turn out."""
    whole = sum(buckets) or 1
    usage = Usage(
        input_tokens=prompt * buckets[0] // whole,
        cache_read_tokens=prompt * buckets[1] // whole,
        cache_write_tokens=prompt * buckets[2] // whole,
        cache_write_long_tokens=prompt * buckets[3] // whole,
        output_tokens=completion * written // 100,
    )
    real, worst = price(usage, LUNA), dearest(prompt, completion, LUNA)
    assert isinstance(real, Priced)
    assert isinstance(worst, Priced)
    assert real.usd <= worst.usd


def test_the_worst_case_of_what_nobody_knows_is_no_number() -> None:
    """No price, or no bound of the answer; what is free needs neither."""
    size = Size(prompt_tokens=1, most_prompt_tokens=10, most_completion_tokens=None)
    profile = ModelProfile(name="m", provider="p")
    assert isinstance(worst_case(size, profile), Unpriced)
    unbounded = worst_case(size, evolve(profile, price=LUNA))
    assert isinstance(unbounded, Unpriced)
    assert "max_tokens" in unbounded.reason
    assert worst_case(size, evolve(profile, price=FREE)) == Priced(usd=Decimal(0), price_version="local")


def test_the_worst_case_by_hand() -> None:
    """The dearest of the prices that may apply: here the second tier, since the prompt may be that long."""
    size = Size(prompt_tokens=1, most_prompt_tokens=2000, most_completion_tokens=100)
    assert worst_case(size, ModelProfile(name="m", provider="p", price=LUNA)) == Priced(usd=Decimal("0.0022"), price_version="t")


def test_a_price_that_is_asked_for_again_is_the_same_one() -> None:
    """By which answer, and by which price: neither is taken for another that is equal to it."""
    asked = remembering_price()
    usage, other = Usage(input_tokens=100), Usage(input_tokens=200)
    assert asked(usage, LUNA) == price(usage, LUNA)
    assert asked(usage, LUNA) is asked(usage, LUNA)
    assert asked(other, LUNA) == price(other, LUNA)
    assert asked(other, FREE) == price(other, FREE)
    assert asked(None, LUNA) == price(None, LUNA)
    assert asked(other, UnknownPrice()) == price(other, UnknownPrice())
