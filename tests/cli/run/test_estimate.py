"""The words of an estimate."""

from decimal import Decimal

import pytest
from attrs import evolve

from llm_manager.cli.run.estimate import RunEstimate, estimate_document, estimate_lines
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.usage import Priced, Unpriced
from llm_manager.policies.estimating import Estimate

PROFILE = ModelProfile(name="m", provider="p")
FOUND = Estimate(
    requests=3,
    prompt_tokens=30,
    completion_tokens=900,
    least=Priced(usd=Decimal("0.000012"), price_version="1"),
    expected=Priced(usd=Decimal("1.23456"), price_version="1"),
    most=Unpriced(reason="nobody knows"),
    seconds=7.2,
)


WHOLE = RunEstimate(profile=PROFILE, rows=6, to_ask=5, unique=4, cached=1, taken=FOUND)


def test_what_is_unknown_is_called_so() -> None:
    rows, _, cost, _ = estimate_lines(WHOLE)
    assert rows == "6 rows, 5 to ask, 4 of them different, 1 in the cache"
    assert cost == "cost: at least 0.0000 USD, about 1.2346 USD, at most unknown (nobody knows)"
    assert estimate_document(WHOLE) == {
        "rows": 6,
        "to_ask": 5,
        "unique": 4,
        "cached": 1,
        "requests": 3,
        "prompt_tokens": 30,
        "completion_tokens": 900,
        "longest_completion_tokens": None,
        "least_usd": "0.000012",
        "expected_usd": "1.23456",
        "most_usd": None,
        "seconds": 7.2,
        "seconds_an_answer": 2.0,
        "answers_seen": 0,
    }


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (7.2, "about 7 s"),
        (600.0, "about 10 min"),
        (7200.0, "about 2.0 h"),
        (None, "never: a request is more than tokens_per_minute allows"),
    ],
)
def test_time_in_words(seconds: float | None, words: str) -> None:
    *_, time = estimate_lines(evolve(WHOLE, taken=evolve(FOUND, seconds=seconds)))
    assert time.startswith(f"time: {words}")


def test_what_an_answer_takes_is_told_with_where_that_is_from() -> None:
    *_, time = estimate_lines(WHOLE)
    assert time.endswith("one answer takes 2 s (a guess: the usage log knows none of it)")
    known = evolve(WHOLE, seen=12, profile=evolve(PROFILE, latency_seconds=4.1873))
    *_, time = estimate_lines(known)
    assert time.endswith("one answer takes 4.19 s (the median of 12 answers in the usage log)")


def test_the_longest_answers_are_told_where_something_bounds_them() -> None:
    _, tokens, *_ = estimate_lines(WHOLE)
    assert tokens.endswith("and 900 to write if answers are of usual length")
    _, tokens, *_ = estimate_lines(evolve(WHOLE, taken=evolve(FOUND, completion_tokens=18, longest_completion_tokens=51)))
    assert tokens.endswith("and 18 to write, 51 if each is as long as it may be")
