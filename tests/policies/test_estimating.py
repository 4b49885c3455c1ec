"""What a run will take."""

from decimal import Decimal

import pytest
from attrs import evolve

from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.messages import ImageUrl, Message, TextPart
from llm_manager.domain.models import FREE, KnownPrice, ModelProfile
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.usage import Cost, Priced, Unpriced
from llm_manager.policies.estimating import estimate

PRICE = KnownPrice(input_usd=Decimal(2), output_usd=Decimal(8), cache_read_usd=Decimal(1), version="2026-11")
MODEL = ModelProfile(name="m", provider="p", price=PRICE, max_output_tokens=1000, latency_seconds=2.0, concurrency=10)


def rows(count: int, words: int = 100) -> list[LLMRequest]:
    return [LLMRequest("word " * words) for _ in range(count)]


def usd(cost: Cost) -> Decimal:
    assert isinstance(cost, Priced)
    return cost.usd


@pytest.mark.parametrize(
    ("count", "settings", "concurrency", "seconds"),
    [
        (0, None, None, 0.0),
        (1, None, None, 2.0),
        (10, None, None, 2.0),
        (100, None, None, 20.0),
        (100, None, 50, 6.0),  # admission begins with 32
        (100, ProviderSettings(concurrency=2), None, 100.0),
        (20_000, None, None, 4000.0),
        (100, ProviderSettings(requests_per_minute=60), None, 98.0),
        (100, ProviderSettings(requests_per_minute=1), None, 99 * 61 + 2.0),
        (30, ProviderSettings(tokens_per_minute=4290), None, 189.0),
        (1, ProviderSettings(tokens_per_minute=100), None, None),
        (1_000, ProviderSettings(requests_per_minute=100), 100, 606.0),
    ],
)
def test_how_long(count: int, settings: ProviderSettings | None, concurrency: int | None, seconds: float | None) -> None:
    found = estimate(rows(count), MODEL, settings, concurrency=concurrency)
    assert found.requests == count
    assert found.seconds == (None if seconds is None else pytest.approx(seconds, rel=0.02, abs=0.1))


def test_what_it_costs_from_the_least_to_the_most() -> None:
    found = estimate(rows(10), MODEL)
    assert (found.prompt_tokens, found.completion_tokens) == (1290, 3000)
    assert (usd(found.least), usd(found.expected)) == (Decimal("0.00137"), Decimal("0.02658"))
    assert usd(found.expected) < usd(found.most)
    assert usd(found.most) >= 10 * (129 * 2 + 1000 * 8) / Decimal(1_000_000)
    short = estimate([LLMRequest("hi", preferences=Preferences(max_tokens=50))], MODEL)
    assert short.completion_tokens == 50
    assert estimate(rows(10), MODEL, answer_tokens=10).completion_tokens == 100


def test_what_is_not_known_is_unknown() -> None:
    unbounded = estimate(rows(1), evolve(MODEL, max_output_tokens=None))
    assert isinstance(unbounded.expected, Priced)
    assert isinstance(unbounded.most, Unpriced)
    image = LLMRequest(messages=(Message(role="user", content=(TextPart(text="what"), ImageUrl(url="https://x.example/a.png"))),))
    assert isinstance(estimate([*rows(3), image], MODEL).most, Unpriced)
    assert usd(estimate([image], evolve(MODEL, price=FREE)).most) == 0
    unpriced = estimate(rows(2), ModelProfile(name="m", provider="p"))
    assert {type(cost) for cost in (unpriced.least, unpriced.expected, unpriced.most)} == {Unpriced}


def test_an_answer_with_a_schema_is_as_long_as_that_allows() -> None:
    mood = JsonSchema(schema={"type": "object", "properties": {"mood": {"enum": ["positive", "negative"]}}})
    found = estimate([evolve(request, output=mood) for request in rows(60)], MODEL)
    assert found.completion_tokens <= 60 * 12
    assert found.longest_completion_tokens is not None
    assert found.completion_tokens <= found.longest_completion_tokens <= 60 * 30
    assert usd(found.expected) < usd(estimate(rows(60), MODEL).expected)
    assert estimate(rows(60), MODEL).longest_completion_tokens is None
    assert estimate([LLMRequest("hi", preferences=Preferences(max_tokens=50))], MODEL).longest_completion_tokens == 50
