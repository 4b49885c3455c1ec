"""Every client that can do something besides chat says with which model, and is asked for that one when nobody is named."""

import asyncio

import pytest
from returns.result import Success

from llm_manager.assembling.manager import assembled
from llm_manager.clients.catalogue import CATALOGUE
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ConfigurationError, ContextTooLarge
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.plans import Snapshot
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.orchestration.offering import offering
from llm_manager.policies.abilities import KIND_OF
from llm_manager.policies.choosing import Besides, ability_for, choose
from llm_manager.real_world import real_world
from llm_manager.testing import replayed
from llm_manager.wiring import default_deps, make_llm_manager


@pytest.mark.parametrize("provider", sorted(CATALOGUE))
def test_the_usual_model_is_of_its_kind_and_is_chosen(provider: str) -> None:
    config = LLMConfig(providers={provider: ProviderSettings(api_key=Secret("sk-test"))})
    deps = default_deps(config, real_world({})).unwrap()
    client = deps.clients[provider]
    assert set(client.usual) == {ability for ability in client.able if KIND_OF[ability] != "chat"}
    asked: list[Besides] = [EmbedRequest("a"), ModerationRequest("a"), ImageRequest("a")]
    for each in asked:
        ability = ability_for(each)
        if ability in client.able:
            offers = offering(lambda: {provider: client}, ())(ability)
            planned = choose(each, offers, Snapshot(), config.routing)
            assert isinstance(planned, Success)
            assert planned.unwrap().steps[0].profile.name == client.usual[ability]
            if client.endpoint.locality == "cloud":
                assert planned.unwrap().steps[0].profile.kind == KIND_OF[ability]
    assert assembled(deps).stats().calls == 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (EmbedRequest("a", model="gpt-4o-mini"), "gpt-4o-mini of openai is a model to chat with and makes no embeddings; use text-embed"),
        (EmbedRequest("a", model="openai/gpt-4o"), "gpt-4o of openai is a model to chat with and makes no embeddings; use text-embed"),
        (EmbedRequest(("b", "word " * 20_000)), "texts[1] has about 25000 tokens, more than its window of 8192; split it"),
    ],
)
def test_what_cannot_be_embedded_is_told_before_anything_is_paid(asked: EmbedRequest, message: str) -> None:
    config = LLMConfig(providers={"openai": ProviderSettings(api_key=Secret("sk-none"))})
    recording = replayed({"exchanges": []})
    manager = make_llm_manager(config, default_deps(config, real_world({}), recording.transport).unwrap()).unwrap()
    error = asyncio.run(settle(manager.embed(asked))).failure()
    assert isinstance(error, ConfigurationError | ContextTooLarge)
    assert error.message.startswith(message)
    if isinstance(error, ContextTooLarge):
        assert (error.token_count, error.limit) == (25_000, 8192)
    assert not recording.sent
