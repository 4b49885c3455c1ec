"""The client of a server that speaks Ollama's own dialect."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.clients.data.ollama import EMBEDDING_MODEL, OLLAMA
from llm_manager.clients.envelopes import Addressed, addressed
from llm_manager.clients.fitting import defaults_of
from llm_manager.clients.ollama.asking import Server
from llm_manager.clients.ollama.codec import Watch, decode, decode_event, encode, streamed
from llm_manager.clients.ollama.context import Context, context_for
from llm_manager.clients.ollama.embedding import TEXTS_PER_CALL
from llm_manager.clients.ollama.encoding import keep_alive_of, machine_options
from llm_manager.clients.ollama.knowing import Models, listing
from llm_manager.clients.ollama.managing import ManagingDeps, managing
from llm_manager.clients.ollama.readied import readied_answer, readied_stream
from llm_manager.clients.ollama.readying import Readying
from llm_manager.clients.ollama.vectors import embedding
from llm_manager.clients.talking import Dialect, Line, Offered, answering, opening, talking_client
from llm_manager.clients.who import Who
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.sensitivity import said_in, sensitivity_of
from llm_manager.services.model_client import ClientParts, ModelClient


def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
    """Build the client; this opens nothing."""
    return addressed(OLLAMA, settings, parts.network).map(lambda way: _client(settings, parts, way))


def _client(settings: ProviderSettings, parts: ClientParts, way: Addressed) -> ModelClient:
    world, airgap = parts.world, parts.routing.airgap
    models = Models(way.endpoint, settings, parts)
    line = Line(way=way, transport=parts.make_transport(settings.ca_bundle), world=world, default_model=models.profiles[0].name)
    server = Server(line=line)
    defaults = defaults_of(settings)
    machine, keep_alive = machine_options(settings), keep_alive_of(settings)
    stays = _staying(parts.routing)

    def context(who: Who) -> Context | None:
        return None if who.request is None else context_for(who.request, models.profile(who.model), defaults)

    watch = Watch(stays=stays, context=context)
    dialect = Dialect(
        encode=lambda request, model: encode(request, model, defaults, machine, keep_alive),
        streamed=lambda wire: (wire.path, streamed(wire.body)),
        decode=lambda reply, who, wall: decode(reply, who, wall, watch),
        decode_event=lambda told, data, who, _: decode_event(told, data, who, watch),
        lines=True,
    )
    readying = Readying(server=server, settings=settings, airgap=airgap, learn=models.learn)

    def ready(attempt: Attempt) -> Coroutine[Any, Any, Settled[tuple[str, ...], LLMError]]:
        num_ctx = context_for(attempt.request, attempt.model, defaults).num_ctx
        return readying.ready(attempt.model.name, num_ctx, attempt.wire, lambda: stays(attempt.request))

    async def look() -> Settled[tuple[str, ...], LLMError]:
        found = await server.stored()
        return found if isinstance(found, Failure) else Success(tuple(model.name for model in models.place(found.unwrap())))

    registry = parts.make_transport(None) if settings.check_updates and not airgap else None

    async def close() -> None:
        await line.transport.close()
        if registry is not None:
            await registry.close()

    client = talking_client(
        dialect,
        line,
        Offered(
            profiles=models.profiles,
            profile=models.profile,
            known=tuple(model.name for model in OLLAMA.models),
            list=listing(server, models),
            look=look,
        ),
        settings,
        parts,
        answer=readied_answer(answering(dialect, line), ready),
        open_stream=readied_stream(opening(dialect, line), ready),
    )
    return evolve(
        client,
        close=close,
        able=frozenset({"embed"}),
        usual={"embed": EMBEDDING_MODEL},
        texts_per_call=TEXTS_PER_CALL,
        embed=publish(embedding(server, readying, models, settings, parts)),
        local_models=managing(ManagingDeps(server=server, profile=models.profile, registry=registry, airgap=airgap)),
    )


def _staying(routing: RoutingPolicy) -> Callable[[LLMRequest], bool]:
    """Whether a request may not leave this machine, as routing judges it."""

    def stays(request: LLMRequest) -> bool:
        said = sensitivity_of(request.sensitivity, said_in(request), routing.default_sensitivity, routing.private_rule)
        return routing.airgap or said[0] == "private"

    return stays
