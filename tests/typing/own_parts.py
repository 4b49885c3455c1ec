"""What type checkers make of doubles, layers and laws that users write; never run."""

from typing import assert_type

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import LLMError, NetworkError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import Layer, OpenStream, Reply, Step, stacked
from llm_manager.services.world import World
from llm_manager.testing import Scripted, fake_world, faults, run_virtual, scripted


def naming(name: str) -> Layer:
    """A layer of one's own is three nested functions, and serves both kinds of reply."""

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def named(attempt: Attempt) -> Settled[Reply, LLMError]:
            assert name
            return await step(attempt)

        return named

    return wrap


async def layered(client: ModelClient, attempt: Attempt) -> None:
    """Whole answers and streams keep their types through layers."""
    assert_type(await naming("a")(client.answer)(attempt), Settled[LLMResponse, LLMError])
    assert_type(await naming("a")(client.open)(attempt), Settled[OpenStream, LLMError])
    assert_type(await stacked((naming("a"), naming("b")), client.answer)(attempt), Settled[LLMResponse, LLMError])


async def doubles() -> None:
    """A scripted model takes texts, errors, faults and functions."""
    model = scripted(NetworkError(model="m", message="x"), "text", faults.rate_limited(), lambda attempt: attempt.request.prompt or "")
    assert_type(model, Scripted)
    assert_type(model.client, ModelClient)
    assert_type(model.calls, list[Attempt])
    assert_type(model.requests, list[LLMRequest])
    able = scripted(able=("embed", "count_tokens"), meets=(None, NetworkError(model="m", message="x")), texts_per_call=2)
    assert_type(await settle(able.client.embed(EmbedRequest("a"))), Settled[Embeddings, LLMError])
    assert_type(fake_world(), World)


async def seven() -> int:
    """Some work."""
    return 7


def virtual() -> None:
    """Running on virtual time gives what the work gives."""
    assert_type(run_virtual(seven()), int)
