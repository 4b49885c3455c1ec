"""Asking a server for vectors: one request of at most `TEXTS_PER_CALL` texts, of a model that was made ready first."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.data.ollama import EMBEDDING_MODEL
from llm_manager.clients.ollama.asking import Server
from llm_manager.clients.ollama.codec import leaves
from llm_manager.clients.ollama.embedding import encode_texts, read_vectors
from llm_manager.clients.ollama.encoding import keep_alive_of, machine_options
from llm_manager.clients.ollama.knowing import Models
from llm_manager.clients.ollama.readying import Readying
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.deadlines import CONNECT_SECONDS
from llm_manager.policies.pricing import price
from llm_manager.policies.sensitivity import sensitivity_of
from llm_manager.services.model_client import ClientParts


def embedding(
    server: Server, readying: Readying, models: Models, settings: ProviderSettings, parts: ClientParts
) -> Callable[[EmbedRequest], Coroutine[Any, Any, Settled[Embeddings, LLMError]]]:
    """Embed texts by one server's models."""
    machine, keep_alive, world, routing = machine_options(settings), keep_alive_of(settings), parts.world, parts.routing

    async def embed(request: EmbedRequest) -> Settled[Embeddings, LLMError]:
        began = world.now()
        profile = models.profile(request.model or EMBEDDING_MODEL)
        encoded = sealed(encode_texts(request, profile, machine, keep_alive))
        if isinstance(encoded, Failure):
            return encoded
        wire = encoded.unwrap()
        made = await readying.ready(profile.name, None, wire, lambda: texts_stay(request, routing))
        if isinstance(made, Failure):
            return made
        own = request.timeout_ms if request.timeout_ms is not None else settings.timeout_ms
        seconds = (parts.performance.timeout_ms if own is None else own) / 1000.0
        limits = Limits(connect_seconds=min(CONNECT_SECONDS, seconds), silence_seconds=seconds, attempt_seconds=seconds)
        outcome = await server.send(wire.path, wire.body, model=profile.name, limits=limits)
        if isinstance(outcome, Failure):
            return outcome
        read = read_vectors(outcome.unwrap(), server.who(profile.name).saying(request.texts), request, wall=world.wall())
        if isinstance(read, Failure):
            return read
        vectors, elsewhere = read.unwrap()
        if elsewhere is not None and texts_stay(request, routing):
            return Failure(leaves(profile.name, elsewhere))
        return Success(
            evolve(
                vectors,
                cost=price(vectors.usage, profile.price),
                latency_seconds=world.now() - began,
                notices=(*made.unwrap(), *wire.notices),
            )
        )

    return embed


def texts_stay(request: EmbedRequest, routing: RoutingPolicy) -> bool:
    """Say whether texts may not leave this machine, as routing judges prompts."""
    said = sensitivity_of(request.sensitivity, request.texts, routing.default_sensitivity, routing.private_rule)
    return routing.airgap or said[0] == "private"
