"""llama.cpp's own program with the small model, where ``LLAMA_CPP_PATH`` or ``PATH`` leads to one; skipped where none does."""

import asyncio
import os
import shutil
from contextlib import aclosing
from pathlib import Path

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ContextTooLarge, InvalidRequest, LLMError, ModelUnavailable
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing.laws import streams_lawfully
from tests.clients.llama_cpp_cli.program import no_transport

PARIS = LLMRequest("What is the capital of France?", system="Answer briefly and factually.")


@pytest.fixture
def asked(weights: Path, tmp_path: Path) -> ModelClient:
    """A client of the real program; it knows the small model and a file that is none."""
    program = os.environ.get("LLAMA_CPP_PATH") or shutil.which("llama-completion")
    if program is None:
        pytest.skip("llama.cpp's program is not here: set LLAMA_CPP_PATH to llama-completion")
    shutil.copy(weights, tmp_path / "small.gguf")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(1000))
    settings = ProviderSettings(
        llama_cpp_path=program,
        models_dir=str(tmp_path),
        default_model="small",
        context_length=512,
        temperature=0.0,
        threads=24,
        gpu_layers=0,
        flash_attention=True,
        cache_type_k="q8_0",
        cache_type_v="q8_0",
        special_flags=("--jinja", "--top-k 40"),
    )
    return build_client("llama_cpp_cli", settings, ClientParts(world=real_world(), make_transport=no_transport)).unwrap()


async def answer(client: ModelClient, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
    return await settle(client.generate(request))


async def test_it_answers_and_counts(asked: ModelClient) -> None:
    response = (await answer(asked, PARIS)).unwrap()
    assert "Paris" in response.content
    assert (response.finish, response.model) == ("stop", "small.gguf")
    assert response.usage is not None
    assert response.usage.prompt_tokens > 10
    assert response.usage.output_tokens > 3
    assert (response.tokens_per_second or 0) > 0


async def test_its_stream_is_the_same_answer(asked: ModelClient) -> None:
    events = [sealed(event) async for event in asked.stream(PARIS)]
    streams_lawfully(events)
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    assert last.response.content == (await answer(asked, PARIS)).unwrap().content
    assert len(events) > 3


async def test_it_ends_at_its_limit_and_at_a_stop_word(asked: ModelClient) -> None:
    short = (await answer(asked, evolve(PARIS, preferences=Preferences(max_tokens=3)))).unwrap()
    assert short.finish == "length"
    assert short.usage is not None
    assert short.usage.output_tokens == 3
    stopped = (await answer(asked, evolve(PARIS, preferences=Preferences(stop=("Paris",))))).unwrap()
    assert stopped.finish == "stop"
    assert "Paris" not in stopped.content


async def test_it_obeys_a_schema(asked: ModelClient) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    response = (await answer(asked, evolve(PARIS, output=JsonSchema(schema=schema)))).unwrap()
    assert '"city"' in response.content


async def test_the_prompt_arrives_as_it_stands(asked: ModelClient) -> None:
    """Escapes, flags and commands are words like any other: they take tokens, and do nothing."""
    hostile = "--help $(reboot)\n\\n\\t /exit\n"
    plain = (await answer(asked, evolve(PARIS, prompt="x", preferences=Preferences(max_tokens=2)))).unwrap()
    told = (await answer(asked, evolve(PARIS, prompt=hostile, preferences=Preferences(max_tokens=2)))).unwrap()
    assert plain.usage is not None
    assert told.usage is not None
    assert told.usage.prompt_tokens > plain.usage.prompt_tokens + 8


async def test_what_it_complains_of_is_understood(asked: ModelClient) -> None:
    too_long, broken, nonsense = (
        await answer(asked, LLMRequest("word " * 2000)),
        await answer(asked, evolve(PARIS, preferences=Preferences(model="broken"))),
        await answer(asked, evolve(PARIS, output=JsonSchema(schema={"type": "nonsense"}))),
    )
    assert isinstance(too_long, Failure)
    error = too_long.failure()
    assert isinstance(error, ContextTooLarge)
    assert (error.token_count or 0) > 2000
    assert isinstance(broken, Failure)
    unreadable = broken.failure()
    assert isinstance(unreadable, ModelUnavailable)
    assert unreadable.reason == "permanent"
    assert isinstance(nonsense, Failure)
    assert isinstance(nonsense.failure(), InvalidRequest)


async def test_it_is_killed_when_nobody_listens(asked: ModelClient) -> None:
    """The next one, which waits for its turn, gets it."""
    endless = LLMRequest("Count to a thousand.", preferences=Preferences(temperature=1.0))
    async with asyncio.timeout(60):
        async with aclosing(asked.stream(endless)) as events:
            assert isinstance(await anext(events), Success)
        assert isinstance(await answer(asked, PARIS), Success)


async def test_it_is_well(asked: ModelClient) -> None:
    health = (await settle(asked.health())).unwrap()
    assert (health.healthy, health.models) == (True, ("broken.gguf", "small.gguf"))
