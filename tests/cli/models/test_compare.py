"""Facts of models side by side, and how every provider is."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cli.models.compare import models_compare, named
from llm_manager.cli.providers import providers
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.errors import NetworkError
from llm_manager.domain.models import FREE, Health, KnownPrice, ModelProfile

Setting = Callable[..., Any]

SMALL = ModelProfile(name="small", provider="lmstudio", locality="local", context_window=4096, price=FREE)
PRICE = KnownPrice(input_usd=Decimal("2.50"), output_usd=Decimal(10), cache_read_usd=Decimal("0.25"), version="prices 3")
LARGE = ModelProfile(name="large-2", provider="openai", vision=True, price=PRICE, max_output_tokens=8192)
OLD = ModelProfile(name="large-1", provider="openai", retired=True, replaced_by="large-2")
ALL = (SMALL, LARGE, OLD)


async def test_facts_stand_side_by_side(scene: Setting) -> None:
    at = scene(models=Success(ALL))
    assert await models_compare(at.session, ["small", "openai/large-2"]) == 0
    lines = dict(line.split("\t", 1) for line in at.out.getvalue().splitlines())
    assert lines[""] == "small\tlarge-2"
    assert (lines["provider"], lines["window"], lines["longest answer"]) == ("lmstudio\topenai", "4096\tunknown", "unknown\t8192")
    assert (lines["$ per million in"], lines["$ per million from its cache"]) == ("0\t2.5", "unknown\t0.25")
    assert (lines["prices of"], lines["images"]) == ("local\tprices 3", "no\tyes")
    assert "retired" not in lines


async def test_a_retired_one_names_its_successor(scene: Setting) -> None:
    at = scene(models=Success(ALL))
    assert await models_compare(at.session, ["large-1", "large-2"]) == 0
    assert "retired\tlarge-2\tno" in at.out.getvalue()
    assert "$ per million in\tunknown\t2.5" in at.out.getvalue()


async def test_as_documents(scene: Setting) -> None:
    at = scene(models=Success(ALL), json=True)
    assert await models_compare(at.session, ["small", "large-2"]) == 0
    small, large = json.loads(at.out.getvalue())
    assert (small["price_version"], large["cache_read_usd"], large["cache_write_usd"]) == ("local", "0.25", None)


async def test_models_of_providers_that_are_not_configured_are_compared_too(scene: Setting) -> None:
    """The exact name of one of them comes before a part of the name of one at hand."""
    known = ModelProfile(name="large", provider="anthropic", context_window=1000)
    at = scene(models=Success(ALL))
    session = evolve(at.session, catalogue=lambda: ((known, "not configured: set ANTHROPIC_API_KEY"),))
    assert await models_compare(session, ["small", "large"]) == 0
    lines = dict(line.split("\t", 1) for line in at.out.getvalue().splitlines())
    assert (lines["provider"], lines["state"]) == ("lmstudio\tanthropic", "configured\tnot configured")
    at = scene(models=Success(ALL), json=True)
    session = evolve(at.session, catalogue=lambda: ((known, "not configured"),))
    assert await models_compare(session, ["small", "anthropic/large"]) == 0
    assert [row["configured"] for row in json.loads(at.out.getvalue())] == [True, False]


async def test_a_name_nobody_has(scene: Setting) -> None:
    at = scene(models=Success(ALL))
    assert await models_compare(at.session, ["small", "large-3"]) == 2
    assert at.err.getvalue().startswith("error: no model that is known is called 'large-3'; did you mean ")
    assert await models_compare(at.session, ["small", "zzz"]) == 2
    assert "llm-manager models --known lists all" in at.err.getvalue()
    told = scene(models=Success(ALL), json=True)
    assert await models_compare(told.session, ["small", "zzz"]) == 2
    assert json.loads(told.out.getvalue())["error"]["tag"] == "ConfigurationError"
    assert await models_compare(scene(models=Failure(NetworkError(model="m", message="x"))).session, ["a", "b"]) == 1


@pytest.mark.parametrize(
    ("name", "found"), [("small", SMALL), ("gpt/large-1", OLD), ("SMA", SMALL), ("large", None), ("groq/large-1", None), ("", None)]
)
def test_a_model_is_named_exactly_or_alone(name: str, found: ModelProfile | None) -> None:
    assert named(ALL, name) == found


UP = Health(provider="lmstudio", healthy=True)
DOWN = Health(provider="openai", healthy=False, error_message="refused")


async def test_every_provider_with_its_state(scene: Setting) -> None:
    config = LLMConfig(providers={"groq": ProviderSettings(enabled=False)})
    at = scene(models=Success(ALL), health=Success((UP, DOWN)), config=config)
    assert await providers(at.session) == 0
    rows = {row[0]: row for row in (line.split("\t") for line in at.out.getvalue().splitlines())}
    assert rows["lmstudio"][1:5] == ["llama, local", "local", "healthy", "1"]
    assert rows["openai"][3:6] == ["down: refused", "2", "count tokens, create image, embed, moderate"]
    assert rows["groq"][3] == "switched off"
    assert rows["anthropic"][3] == "not configured: set ANTHROPIC_API_KEY"
    assert rows["vllm"][3] == "not configured"


async def test_providers_as_documents(scene: Setting) -> None:
    at = scene(models=Failure(NetworkError(model="m", message="x")), health=Success((UP,)), json=True)
    assert await providers(at.session) == 0
    told = {document["name"]: document for document in json.loads(at.out.getvalue())}
    assert (told["lmstudio"]["available"], told["openai"]["available"], told["openai"]["models"]) == (True, False, [])
    assert told["openai"]["usual_models"]["default"]
    assert await providers(scene(health=Failure(NetworkError(model="m", message="x"))).session) == 1
