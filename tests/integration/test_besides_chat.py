"""What is no chat against a real server: tokens counted by the engine itself, and what it lacks told as it is."""

from collections.abc import Iterator
from math import hypot
from operator import mul
from pathlib import Path

import pytest

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.error_questions import describe
from llm_manager.domain.events import AttemptAnswered
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import settle
from tests.integration.managers import CAPITAL, Told, config_of, manager_of, served
from tests.integration.serving import EngineServer, serving


async def test_the_engine_counts_its_own_tokens(engine_server: EngineServer) -> None:
    """As many as it then says the prompt had."""
    async with manager_of(config_of({"llamacpp": served(engine_server.base_url)})) as manager:
        counted = (await settle(manager.count_tokens(CAPITAL))).unwrap()
        answer = (await settle(manager.generate(CAPITAL))).unwrap()
    assert counted.exact
    assert answer.usage is not None
    assert counted.tokens == answer.usage.prompt_tokens


async def test_a_private_request_is_counted_here(engine_server: EngineServer) -> None:
    async with manager_of(config_of({"llamacpp": served(engine_server.base_url)}, airgap=True)) as manager:
        assert (await settle(manager.count_tokens(LLMRequest("The patient sleeps.")))).unwrap().exact


async def test_an_engine_that_chats_says_what_it_cannot(engine_server: EngineServer) -> None:
    async with manager_of(config_of({"llamacpp": served(engine_server.base_url)}, max_retries=0)) as manager:
        embedded = await settle(manager.embed(EmbedRequest("hello", timeout_ms=20_000)))
        judged = await settle(manager.moderate(ModerationRequest("hello")))
    assert "does not support embeddings" in describe(embedded.failure())
    assert "openai can" in describe(judged.failure())


@pytest.fixture(scope="module")
def embedding_server(weights: Path) -> Iterator[EngineServer]:
    """The same weights as an embedding model: of no use, and real."""
    with serving(weights, embeds=True) as server:
        yield server


async def test_real_vectors_are_the_same_in_any_batch(embedding_server: EngineServer) -> None:
    """In order, paid once, remembered; a text alone and among others is all but the same direction."""
    texts = tuple(f"The number {number % 30} is a number." for number in range(100))
    told = Told()
    async with manager_of(config_of({"llamacpp": served(embedding_server.base_url)}), told) as manager:
        whole = (await settle(manager.embed(EmbedRequest(texts)))).unwrap()
        again = (await settle(manager.embed(EmbedRequest(texts)))).unwrap()
        single = (await settle(manager.embed(EmbedRequest(texts[7], cache="off")))).unwrap()
    assert (len(whole.vectors), whole.remembered, again.remembered) == (100, 0, 100)
    assert whole.vectors == again.vectors
    assert whole.vectors[:30] == whole.vectors[30:60]
    assert len(set(whole.vectors)) == 30
    assert whole.usage is not None
    assert whole.usage.input_tokens > 30
    one, other = whole.vectors[7], single.vectors[0]
    assert sum(map(mul, one, other)) / (hypot(*one) * hypot(*other)) > 0.999
    assert len(told.of(AttemptAnswered)) == len(whole.attempts) + 1
