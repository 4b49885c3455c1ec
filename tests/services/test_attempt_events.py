"""What an attempt tells of its end."""

from decimal import Decimal

import pytest
from attrs import evolve
from msgspec.structs import replace

from llm_manager.domain.events import AttemptAnswered, Event
from llm_manager.domain.models import KnownPrice, Price, UnknownPrice
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Usage
from llm_manager.policies.pricing import price as price_of
from llm_manager.services.attempt_events import Started
from llm_manager.testing.attempts import attempt_for

PRICE = KnownPrice(input_usd=Decimal(10), output_usd=Decimal(20), cache_read_usd=Decimal(1), version="v")


@pytest.mark.parametrize(
    ("price", "usage", "saved"),
    [
        (PRICE, Usage(input_tokens=100, cache_read_tokens=1000), Decimal("0.009")),
        (PRICE, Usage(input_tokens=100), None),
        (PRICE, None, None),
        (UnknownPrice(), Usage(cache_read_tokens=1000), None),
    ],
)
def test_what_a_kept_prompt_saved_is_told(price: Price, usage: Usage | None, saved: Decimal | None) -> None:
    """Where there was one, and its price is known."""
    told: list[Event] = []
    attempt = attempt_for(LLMRequest("hi")).unwrap()
    started = Started(replace(attempt, model=evolve(attempt.model, price=price)), told.append, lambda: 1.0)
    started.answered(usage, price_of(usage, price))
    [answered] = [event for event in told if isinstance(event, AttemptAnswered)]
    assert answered.prefix_saved_usd == saved
