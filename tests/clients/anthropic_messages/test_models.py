"""Claude's models as data: sound, dated, and as the SDK and the price data installed know them."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from attrs import evolve
from genai_prices import __version__ as prices_version

from llm_manager.clients.anthropic_messages.models import describing_for
from llm_manager.clients.catalogue import build_client
from llm_manager.clients.data.anthropic import ANTHROPIC, API_VERSION, AS_OF, PRICE_VERSION, manner_of
from llm_manager.clients.data.shapes import ModelFacts
from llm_manager.clients.prices import known_price, price_of
from llm_manager.clients.profiles import describing
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.secrets import Secret
from llm_manager.policies.names import provider_of_model
from llm_manager.services.model_client import ClientParts
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import replayed

KNOWN = {model.name: model for model in ANTHROPIC.models}
WALL = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC).timestamp()
NAMED_IN_THE_FIELD = (
    "claude-3-5-haiku-latest",
    "claude-3-5-sonnet-latest",
    "claude-sonnet-4-20250514",
    "claude-3-opus-20240229",
    "claude-3-sonnet-20240229",
    "claude-3-haiku-20240307",
    "claude-3-5-sonnet-20241022",
)


def parts(*own: ModelProfile) -> ClientParts:
    return ClientParts(world=fake_world(), profiles=own, make_transport=lambda _: replayed({"exchanges": []}).transport)


def described(name: str, version: str = API_VERSION, *own: ModelProfile, **settings: Any) -> ModelProfile:
    endpoint = Endpoint(provider="anthropic", base_url=ANTHROPIC.base_url, locality="cloud")
    return describing_for(version, describing(ANTHROPIC, endpoint, ProviderSettings(**settings), parts(*own)))(name)


def test_the_data_is_sound() -> None:
    """Tiers name models that are served, replacements are served too, and nothing stands twice."""
    assert len(KNOWN) == len(ANTHROPIC.models)
    for name in ANTHROPIC.tiers.values():
        assert not KNOWN[name].retired
        assert KNOWN[name].replaced_by is None
    for model in ANTHROPIC.models:
        assert provider_of_model(model.name) == "anthropic"
        assert model.replaced_by is None or not KNOWN[model.replaced_by].retired
        assert model.replaced_by is not None or not model.retired
        assert 0.0 < model.quality < 1.0
        assert model.window is not None
        assert model.output is not None
        assert model.output <= model.window


@pytest.mark.parametrize("name", NAMED_IN_THE_FIELD)
def test_names_that_are_gone_are_known_as_gone(name: str) -> None:
    """With what takes their place."""
    profile = described(name)
    assert profile.retired
    assert profile.replaced_by in ANTHROPIC.tiers.values()
    assert (profile.vision, profile.family, profile.provider) == (True, "claude", "anthropic")


@pytest.mark.skipif(f"genai-prices {prices_version}" != PRICE_VERSION, reason="other price data is installed than ours was read from")
@pytest.mark.parametrize("model", [model for model in ANTHROPIC.models if model.rates], ids=lambda model: model.name)
def test_prices_are_those_of_the_price_data(model: ModelFacts) -> None:
    """On the day that ours names, by windows and tiers too."""
    assert known_price(model.rates, model.long, version=PRICE_VERSION) == price_of(ANTHROPIC.base_url, model.name, wall=WALL)


def test_the_sdk_knows_no_model_that_we_do_not() -> None:
    """Its names, and the version of the API that it sends; what it calls deprecated has a replacement here."""
    from anthropic._constants import ANTHROPIC_API_VERSION
    from anthropic.resources.messages.messages import DEPRECATED_MODELS
    from anthropic.types import Model

    literal, _ = get_args(Model)
    assert set(get_args(literal)) <= set(KNOWN)
    assert {name for name, model in KNOWN.items() if not model.retired} <= set(get_args(literal))
    assert ANTHROPIC_API_VERSION == API_VERSION
    assert all(KNOWN[name].replaced_by for name in DEPRECATED_MODELS if name in KNOWN)


def test_a_name_that_is_not_known_is_taken_for_one_of_the_newest() -> None:
    """What it might refuse is not sent; it costs what nobody knows."""
    new = described("claude-opus-9", "2023-06-01")
    assert new.unsupported == ("temperature", "top_p", "seed")
    assert (new.reasoning, new.json_schema, new.family, new.retired) == (True, True, "claude", False)
    assert not manner_of("claude-opus-9").forced_tools


def test_sampling_depends_on_the_version() -> None:
    """And on the model."""
    assert described("claude-haiku-4-5").unsupported == ("temperature", "top_p", "seed")
    assert described("claude-haiku-4-5", "2023-06-01").unsupported == ("seed",)
    assert described("claude-haiku-5-5", "2023-06-01").unsupported == ("temperature", "top_p", "seed")


def test_a_description_of_ones_own_is_kept() -> None:
    """With what the wire does not take added to it."""
    own = ModelProfile(name="claude-haiku-4-5", provider="anthropic", quality=0.99, unsupported=("stop",))
    profile = described("claude-haiku-4-5", API_VERSION, own)
    assert profile.quality == 0.99
    assert profile.unsupported == ("stop", "temperature", "top_p", "seed")
    assert described("x", API_VERSION, evolve(own, name="x", json_schema=True)).json_schema is False


def test_the_models_on_offer() -> None:
    """One for each tier, the default one first; a model named in settings stands alone, whether it is served or not."""
    client = build_client("claude", ProviderSettings(api_key=Secret("k")), parts()).unwrap()
    assert [(profile.name, profile.tier) for profile in client.profiles] == [
        ("claude-haiku-5-5", "default"),
        ("claude-sonnet-5-5", "best"),
        ("claude-opus-5-5", "reasoning"),
    ]
    assert set(NAMED_IN_THE_FIELD) <= set(client.known)
    assert all(profile.price.tag == "KnownPrice" for profile in client.profiles)
    named = ProviderSettings(api_key=Secret("k"), default_model="claude-3-5-sonnet-20241022")
    (alone,) = build_client("claude", named, parts()).unwrap().profiles
    assert (alone.retired, alone.tier, alone.max_output_tokens) == (True, "default", 8192)
