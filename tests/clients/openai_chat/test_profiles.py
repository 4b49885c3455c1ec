"""The models that clients offer, and how any other name is described."""

from decimal import Decimal

import pytest
from attrs import evolve

from llm_manager.clients.data.openai_chat import PROVIDERS
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.profiles import Describe, describing, offered
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.models import FREE, Endpoint, KnownPrice, Locality, ModelProfile, UnknownPrice
from llm_manager.policies.names import LOCALITY
from llm_manager.services.model_client import ClientParts
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import replayed

OPENAI = PROVIDERS["openai"]


def described(
    facts: ProviderFacts = OPENAI,
    settings: ProviderSettings | None = None,
    *,
    locality: Locality = "cloud",
    base_url: str | None = None,
    own: tuple[ModelProfile, ...] = (),
) -> Describe:
    endpoint = Endpoint(provider=facts.name, base_url=base_url or facts.base_url, locality=locality)
    parts = ClientParts(world=fake_world(), profiles=own, make_transport=lambda _: replayed({"exchanges": []}).transport)
    return describing(facts, endpoint, settings or ProviderSettings(), parts)


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_data_is_sound(name: str) -> None:
    """Tiers name known models that are still served, replacements are known, and addresses are safe."""
    facts = PROVIDERS[name]
    known = {model.name: model for model in facts.models}
    assert facts.name == name
    assert "default" in facts.tiers
    for model in facts.tiers.values():
        assert model in known or name == "llamacpp"
        assert not (model in known and known[model].retired)
    for row in facts.models:
        assert row.replaced_by is None or row.replaced_by in known
        assert row.replaced_by is not None or not row.retired
        assert 0.0 < row.quality < 1.0
    local = LOCALITY[name] == "local"
    assert facts.base_url.startswith("http://localhost:" if local else "https://")
    assert facts.needs_key is not local


def test_a_default_that_is_still_served_stays() -> None:
    """And one that is gone is known as gone, with what takes its place."""
    describe = described()
    assert [profile.name for profile in offered(OPENAI, ProviderSettings(), describe)] == ["gpt-4o-mini", "gpt-4o", "gpt-6.1-sol"]
    gone = describe("gpt-3.5-turbo")
    assert (gone.retired, gone.replaced_by, gone.family) == (True, "gpt-5.6-terra", "gpt")
    assert described(PROVIDERS["groq"])("llama-3.2-3b-preview").retired


def test_settings_choose_the_models() -> None:
    """A named default stands alone; a map fills its tiers; a model has one tier only."""
    describe = described()
    alone = offered(OPENAI, ProviderSettings(default_model="x"), describe)
    assert [(profile.name, profile.tier) for profile in alone] == [("x", "default")]
    mapped = offered(OPENAI, ProviderSettings(models={"fast": "a", "default": "b", "best": "a", "odd": "c"}), describe)
    assert [(profile.name, profile.tier) for profile in mapped] == [("b", "default"), ("a", "fast")]
    both = offered(OPENAI, ProviderSettings(default_model="d", models={"default": "b", "best": "e"}), describe)
    assert [(profile.name, profile.tier) for profile in both] == [("d", "default"), ("e", "best")]
    part = offered(OPENAI, ProviderSettings(models={"best": "e"}), describe)
    assert [profile.name for profile in part] == ["gpt-4o-mini", "e"]


def test_a_local_model() -> None:
    """Four at once, on the rung of llamas, whoever's dialect it is."""
    for facts in (PROVIDERS["lmstudio"], OPENAI):
        profile = described(facts, locality="local", base_url="http://localhost:9/v1")("anything")
        assert (profile.concurrency, profile.family, profile.locality) == (4, "llama", "local")


def test_only_what_runs_models_itself_is_free() -> None:
    """A gateway on this machine passes on to its cloud, whose prices stay."""
    at = "http://localhost:9/v1"
    assert described(PROVIDERS["lmstudio"], locality="local", base_url=at)("gpt-4o").price == FREE
    assert described(locality="local", base_url=at)("gpt-4o").price == described()("gpt-4o").price
    assert described(locality="local", base_url=at)("anything").price == UnknownPrice()
    own = ModelProfile(name="mine", provider="vllm", locality="local", price=FREE)
    assert described(PROVIDERS["vllm"], own=(own,), locality="local", base_url=at)("mine").price == FREE
    assert described(PROVIDERS["vllm"], own=(own,), base_url="https://gpu.example/v1")("mine").price == UnknownPrice()


def test_a_local_server_that_is_elsewhere_is_a_cloud() -> None:
    """What the data calls it does not matter: the address decides."""
    profile = described(PROVIDERS["vllm"], base_url="https://gpu.example/v1")("meta-llama/Llama-3.2-3B-Instruct")
    assert (profile.locality, profile.family, profile.price) == ("cloud", "other", UnknownPrice())


def test_an_unknown_name_is_described_by_assumption() -> None:
    """Able to do anything until the server says otherwise; reasoning models are known by their names."""
    profile = described(settings=ProviderSettings(context_length=9, concurrency=2))("gpt-7-x")
    assert (profile.vision, profile.tools, profile.json_schema, profile.context_window, profile.concurrency) == (True, True, True, 9, 2)
    assert profile.unsupported == ()
    assert described()("gpt-6-nova").unsupported == ("temperature", "top_p", "stop")


def test_what_models_are_for_and_whether_they_reason() -> None:
    """By the data, else by the name; o1 is known although it is gone."""
    describe = described()
    kinds = [describe(name).kind for name in ("gpt-4o", "text-embedding-3-large", "text-embedding-9", "omni-moderation-latest", "dall-e-3")]
    assert kinds == ["chat", "embedding", "embedding", "moderation", "image"]
    assert describe("text-embedding-3-large").dimensions == 3072
    assert [describe(name).reasoning for name in ("gpt-4o", "gpt-6-luna", "o1", "gpt-5.5-pro")] == [False, True, True, True]
    assert (describe("o1").retired, describe("o1").replaced_by) == (True, "gpt-5.6-sol")
    assert [describe(name).documents for name in ("gpt-4o-mini", "gpt-7-x", "gpt-3.5-turbo")] == [True, True, False]
    assert described(PROVIDERS["groq"])("openai/gpt-oss-20b").reasoning


def test_a_model_that_writes_nothing_costs_what_it_reads() -> None:
    """The price data names no other price for it."""
    for name in ("text-embedding-3-small", "text-embedding-ada-002"):
        price = described()(name).price
        assert isinstance(price, KnownPrice)
        assert price.input_usd > 0
        assert price.output_usd == 0


def test_prices_come_from_the_provider_that_is_asked() -> None:
    """A proxy under the same dialect is another provider, whose price nobody knows."""
    ours = described()("gpt-4o")
    assert isinstance(ours.price, KnownPrice)
    assert ours.price.input_usd == Decimal("2.5")
    assert described(base_url="https://proxy.example/v1")("gpt-4o").price == UnknownPrice()
    assert isinstance(described(base_url="https://api.groq.com/openai/v1")("openai/gpt-oss-20b").price, KnownPrice)


def test_makers_behind_openrouter() -> None:
    """Its models stand on the rungs of those who made them."""
    describe = described(PROVIDERS["openrouter"])
    families = [describe(name).family for name in ("openai/gpt-6-luna", "anthropic/claude-x", "openai/gpt-oss-20b", "qwen/q")]
    assert families == ["gpt", "claude", "other", "other"]


def test_the_users_own_words_come_first() -> None:
    """Except for where the model is: no setting makes a cloud local."""
    own = ModelProfile(name="gpt-4o", provider="openai", locality="local", quality=0.99)
    other = ModelProfile(name="gpt-4o", provider="groq")
    profile = described(own=(own, other))("gpt-4o")
    assert (profile.quality, profile.locality) == (0.99, "cloud")


def test_a_price_of_ones_own_leaves_what_else_is_known() -> None:
    """It is stamped as the user's; all else is as the data says."""
    usual = described()("gpt-4o")
    contract = KnownPrice(input_usd=Decimal(2), output_usd=Decimal(8), version="settings")
    own = ModelProfile(name="gpt-4o", provider="openai", price=contract, said=("name", "provider", "price"))
    assert described(own=(own,))("gpt-4o") == evolve(usual, price=contract)
    assert usual.context_window is not None
    assert described(own=(own,))("gpt-4o-mini") == described()("gpt-4o-mini")
