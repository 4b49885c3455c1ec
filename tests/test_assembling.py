"""The order of layers, held by one table."""

import asyncio

import pytest
from attrs import evolve

from llm_manager.assembling.guards import guards_of
from llm_manager.assembling.order import around_attempts, around_calls
from llm_manager.domain.configuration import CacheSettings, EmbeddedSettings, LLMConfig, ProviderSettings
from llm_manager.effects import settle
from llm_manager.layers.caching import Memory
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ModelClient
from llm_manager.testing import run_virtual, scripted, scripted_deps, scripted_manager

QUIET = Journal(emit=lambda _: None)


@pytest.mark.parametrize(
    ("enabled", "answers", "streams"),
    [
        (True, ["caching", "gating", "recording", "bounding"], ["caching_streams", "gating", "recording", "bounding"]),
        (False, ["gating", "recording", "bounding"], ["gating", "recording", "bounding"]),
    ],
)
def test_the_order_of_layers_is_this(enabled: bool, answers: list[str], streams: list[str]) -> None:
    deps = scripted_deps(scripted("x"), config=LLMConfig(cache=CacheSettings(enabled=enabled)))

    def names(layers: tuple[object, ...]) -> list[str]:
        return [layer.__qualname__.split(".")[0] for layer in layers]  # type: ignore[attr-defined]  # layers are functions

    each, each_stream = around_attempts(
        deps, Memory(cache=deps.cache, journal=QUIET, now=deps.world.now), guards_of(deps.config, deps.world)
    )
    assert (names(each), names(each_stream)) == (answers, streams)
    assert names(around_calls(deps, QUIET)) == ["observing"]


@pytest.mark.parametrize("error", [OSError, asyncio.CancelledError])
def test_a_client_that_fails_to_close_keeps_no_other_one_open(error: type[BaseException]) -> None:
    closed = list[str]()

    def model(name: str) -> ModelClient:
        async def close() -> None:
            closed.append(name)
            if name == "b":
                raise error

        return evolve(scripted("x", provider=name).client, close=close)

    clients = {name: model(name) for name in "abc"}
    manager = scripted_manager(scripted("x", provider="a"), clients=clients)
    with pytest.raises(error):
        run_virtual(manager.close())
    assert sorted(closed) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("cloud", "config", "told"),
    [
        (True, LLMConfig(), ["openai"]),
        (True, LLMConfig(embedded=EmbeddedSettings(enabled=True)), ["openai", "embedded"]),
        (True, LLMConfig(providers={"embedded": ProviderSettings()}), ["openai", "embedded"]),
        (False, LLMConfig(), ["embedded"]),
    ],
    ids=["nobody wants it", "enabled", "named", "alone"],
)
def test_a_toy_that_nobody_enabled_or_named_is_left_out_of_health(cloud: bool, config: LLMConfig, told: list[str]) -> None:
    """It is asked for nothing beside real models, so that it is ill says nothing."""
    toy = scripted("x", provider="embedded", profile={"toy": True})
    models = [scripted("x", provider="openai"), toy] if cloud else [toy]
    checked = run_virtual(settle(scripted_manager(*models, config=config).health())).unwrap()
    assert [each.provider for each in checked] == told
