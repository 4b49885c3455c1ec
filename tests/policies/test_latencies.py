"""Percentiles in constant memory: off by less than 5 %, over the newest answers only, whatever is counted."""

from functools import reduce
from math import ceil, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.statistics import Latencies, ModelStatistics
from llm_manager.policies.latencies import BUCKETS, GENERATION, LEAST_SECONDS, answers_of, bucket_of, percentile, with_latencies

LATENCIES = st.lists(st.floats(0.001, 10_000), min_size=1, max_size=60)


def seen(seconds: list[float]) -> ModelStatistics:
    return ModelStatistics(provider="p", model="m", latencies=with_latencies(Latencies(), seconds))


@given(LATENCIES, st.floats(0, 1))
def test_a_percentile_is_off_by_less_than_a_twentieth(seconds: list[float], q: float) -> None:
    exact = sorted(seconds)[max(1, ceil(q * len(seconds))) - 1]
    told = percentile(seen(seconds), q)
    assert told is not None
    assert told == pytest.approx(exact, rel=0.05)


@given(LATENCIES)
def test_percentiles_never_fall(seconds: list[float]) -> None:
    told = [percentile(seen(seconds), q) or 0.0 for q in (0.5, 0.9, 0.95, 0.99, 1.0)]
    assert told == sorted(told)


@given(st.lists(st.floats(min_value=0), max_size=30))
def test_many_at_once_are_the_same_as_one_by_one(seconds: list[float]) -> None:
    assert reduce(lambda counted, each: with_latencies(counted, (each,)), seconds, Latencies()) == with_latencies(Latencies(), seconds)


@given(st.floats(min_value=0))
def test_every_latency_has_a_bucket(seconds: float) -> None:
    assert 0 <= bucket_of(seconds) < BUCKETS


def test_a_generation_ends_in_the_midst_of_a_run_as_between_two() -> None:
    seconds = [0.1 * (1 + number % 7) for number in range(2 * GENERATION + GENERATION // 2)]
    counted = with_latencies(Latencies(), seconds)
    halves = with_latencies(with_latencies(Latencies(), seconds[:777]), seconds[777:])
    assert counted == halves
    assert (counted.newer.answers, counted.older.answers) == (GENERATION // 2, GENERATION)


def test_only_the_newest_answers_count_and_memory_is_bounded() -> None:
    """A model that has become fast is soon told as fast."""
    told = seen([30.0] * 10_000 + [0.2] * (2 * GENERATION) + [1e300])
    assert percentile(told, 0.99) == pytest.approx(0.2, rel=0.05)
    assert GENERATION <= answers_of(told) <= 2 * GENERATION
    assert len(told.latencies.newer.counts) + len(told.latencies.older.counts) <= 2 * BUCKETS


def test_nothing_seen_tells_nothing_and_any_share_gets_an_answer() -> None:
    nothing = ModelStatistics(provider="p", model="m")
    assert percentile(nothing, 0.5) is None
    assert answers_of(nothing) == 0
    one = seen([0.0])
    for share in (-1.0, 0.0, 2.0, float("nan"), float("inf")):
        assert percentile(one, share) == pytest.approx(LEAST_SECONDS * sqrt(1.1))
