"""Models are found by words, by what they can do, and by price."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.domain.models import FREE, KnownPrice, ModelProfile
from llm_manager.policies.model_search import cheapest, search_models
from llm_manager.testing import strategies as some


def model(name: str, paid: str | None = None, written: str = "1", provider: str = "openrouter", **more: Any) -> ModelProfile:
    """A model at a price for reading and writing."""
    if paid is not None:
        more["price"] = KnownPrice(input_usd=Decimal(paid), output_usd=Decimal(written), version="test")
    return ModelProfile(name=name, provider=provider, **more)


MANY = (
    model("openai/gpt-4o", "2.5", "10", vision=True, context_window=128_000),
    model("openai/gpt-4o-mini", "0.15", "0.6", vision=True, context_window=128_000),
    model("meta/llama", "0.15", "0.2", tools=False, context_window=8_000),
    model("openai/old", "0.01", retired=True),
    model("openrouter/auto"),
    model("openai/embed", "0.02", kind="embedding"),
    model("gpt-4o", "2.5", "10", provider="openai"),
)


@pytest.mark.parametrize(
    ("query", "wanted", "names"),
    [
        ("gpt-4o", {}, ["gpt-4o", "openai/gpt-4o", "openai/gpt-4o-mini"]),
        ("OPENAI mini", {}, ["openai/gpt-4o-mini"]),
        ("", {"provider": "gpt"}, ["gpt-4o"]),
        ("", {"provider": "OpenRouter", "vision": True}, ["openai/gpt-4o", "openai/gpt-4o-mini"]),
        ("llama", {"tools": True}, []),
        ("", {"kind": "embedding"}, ["openai/embed"]),
        ("old", {}, []),
        ("old", {"retired": True}, ["openai/old"]),
        ("auto", {"context_window": 1}, []),
        ("auto", {}, ["openrouter/auto"]),
        ("", {"provider": "nobody"}, []),
        ("", {"documents": True}, []),
        ("", {"reasoning": True}, []),
    ],
)
def test_words_and_abilities_choose(query: str, wanted: dict[str, Any], names: list[str]) -> None:
    """The exact name comes first, then the shortest that holds the words."""
    assert [found.name for found in search_models(MANY, query, **wanted)] == names


def test_the_cheapest_reads_for_the_least_then_writes_for_the_least() -> None:
    """A price that is not known is not low; what is free is lowest."""
    chosen = cheapest(search_models(MANY, kind="chat"))
    assert chosen is not None
    assert chosen.name == "meta/llama"
    assert cheapest([*MANY, model("here", provider="ollama", price=FREE)]) == model("here", provider="ollama", price=FREE)
    assert cheapest([model("openrouter/auto")]) is None
    assert cheapest([]) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(some.profiles(), max_size=5), st.text(max_size=3))
def test_what_is_found_was_there_and_order_in_does_not_matter(models: list[ModelProfile], query: str) -> None:
    """Searching is a filter, sorted by name."""
    found = search_models(models, query)
    assert all(each in models for each in found)
    assert [each.name for each in search_models(models[::-1], query)] == [each.name for each in found]
    best = cheapest(found)
    assert best is None or best in found
