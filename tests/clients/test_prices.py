"""Prices by name, and the data against the price data installed."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest
from attrs import evolve
from genai_prices import __version__

from llm_manager.clients.data.cohere import COHERE
from llm_manager.clients.data.gemini import GEMINI
from llm_manager.clients.data.openai_chat import AS_OF, GROQ, OPENAI, OPENROUTER, PRICE_VERSION, TOGETHER
from llm_manager.clients.data.shapes import ModelFacts, ProviderFacts
from llm_manager.clients.prices import known_price, price_of
from llm_manager.clients.profiles import describing
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.models import Endpoint, KnownPrice, UnknownPrice
from llm_manager.services.model_client import ClientParts
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import replayed

WALL = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC).timestamp()
PRICED = [(facts, model) for facts in (OPENAI, GROQ, TOGETHER, OPENROUTER, GEMINI, COHERE) for model in facts.models if model.rates]


@pytest.mark.skipif(f"genai-prices {__version__}" != PRICE_VERSION, reason="other price data is installed than ours was read from")
@pytest.mark.parametrize(("facts", "model"), PRICED, ids=lambda value: value.name)
def test_our_rows_say_what_the_price_data_says(facts: ProviderFacts, model: ModelFacts) -> None:
    """On the day that our data names."""
    assert known_price(model.rates, model.long, version=PRICE_VERSION) == price_of(facts.base_url, model.name, wall=WALL)


@pytest.mark.skipif(f"genai-prices {__version__}" != PRICE_VERSION, reason="other price data is installed than ours was read from")
@pytest.mark.parametrize(("facts", "model"), [(facts, model) for facts, model in PRICED if model.later], ids=lambda value: value.name)
def test_announced_prices_begin_on_their_day(facts: ProviderFacts, model: ModelFacts) -> None:
    """Not the day before."""
    assert model.later is not None
    day, rates = model.later
    begins = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    assert known_price(rates, None, version=PRICE_VERSION) == price_of(facts.base_url, model.name, wall=begins)
    assert known_price(model.rates, model.long, version=PRICE_VERSION) == price_of(facts.base_url, model.name, wall=begins - 1)
    endpoint = Endpoint(provider=facts.name, base_url=facts.base_url, locality="cloud")
    for wall, price in ((begins - 1, model.rates), (begins, rates)):
        world = evolve(fake_world(), wall=partial(float, wall))
        parts = ClientParts(world=world, make_transport=lambda _: replayed({"exchanges": []}).transport)
        described = describing(facts, endpoint, ProviderSettings(), parts)(model.name)
        assert described.price == known_price(price, None, version=PRICE_VERSION)


def test_a_price_that_depends_on_the_day() -> None:
    """The day of the call decides."""
    before = price_of("https://api.openai.com/v1", "gpt-5.6-sol", wall=WALL - 250 * 86_400)
    after = price_of("https://api.openai.com/v1", "gpt-5.6-sol", wall=WALL)
    assert isinstance(before, KnownPrice)
    assert isinstance(after, KnownPrice)
    assert before.input_usd != after.input_usd


def test_a_price_with_tiers() -> None:
    """Long prompts have their own."""
    found = price_of("https://api.openai.com/v1", "gpt-6-luna", wall=WALL)
    assert isinstance(found, KnownPrice)
    assert found.version == f"genai-prices {__version__}"
    assert [(tier.above_tokens, tier.input_usd) for tier in found.tiers] == [(272_000, Decimal("0.2"))]


@pytest.mark.parametrize(
    ("base_url", "model"),
    [
        ("https://api.openai.com/v1", "no-such-model"),
        ("https://llm.example/v1", "gpt-4o"),
        ("https://api.openai.com/v1", "whisper-1"),
        ("https://api.openai.com/v1", "\0"),
    ],
)
def test_what_is_not_in_the_data_is_unknown(base_url: str, model: str) -> None:
    """Never zero, never an exception."""
    assert price_of(base_url, model, wall=WALL) == UnknownPrice()
    assert known_price(None, None, version="x") == UnknownPrice()
