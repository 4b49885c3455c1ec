"""The clients of every provider that speaks chat completions, and responses where a model needs them."""

from functools import partial

from attrs import evolve
from returns.result import Failure, Result

from llm_manager.clients.besides import bounding
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.envelopes import Addressed, addressed
from llm_manager.clients.fitting import Defaults, defaults_of
from llm_manager.clients.openai_chat.besides import Besides, with_besides
from llm_manager.clients.openai_chat.codec import decode, decode_event, encode, streamed
from llm_manager.clients.openai_chat.listing import is_own, is_well, read_models
from llm_manager.clients.openai_chat.loaded import asking_for_room
from llm_manager.clients.openai_responses.encoding import PATH as RESPONSES
from llm_manager.clients.openai_responses.transport import dialect as responses_dialect
from llm_manager.clients.openai_responses.transport import needed
from llm_manager.clients.profiles import by_name, describing, offered
from llm_manager.clients.talking import Dialect, Line, Offered, answering, checking, opening, talking_client
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError, MalformedResponse, ModelUnavailable
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import Build, ClientParts, ModelClient
from llm_manager.services.steps import OpenStream, Reply, Step


def building(facts: ProviderFacts) -> Build:
    """How a client of this provider is built; it opens nothing."""

    def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
        return addressed(facts, settings, parts.network).map(lambda way: _client(facts, settings, parts, way))

    return build


def _client(facts: ProviderFacts, settings: ProviderSettings, parts: ClientParts, way: Addressed) -> ModelClient:
    world = parts.world
    describe_model = describing(facts, way.endpoint, settings, parts)
    profiles = offered(facts, settings, describe_model)
    profile = by_name(profiles, describe_model)
    line = Line(way=way, transport=parts.make_transport(settings.ca_bundle), world=world, default_model=profiles[0].name)
    defaults = defaults_of(settings, keeps_prompts=True)

    async def listed(path: str, *, above_base: bool) -> Settled[tuple[ModelProfile, ...], LLMError]:
        outcome = await line.ask(path, above_base=above_base)
        if isinstance(outcome, Failure):
            return outcome
        reply = outcome.unwrap()
        return await world.run_blocking(lambda: read_models(reply, line.who(), profile, wall=world.wall()))

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        told = await listed(facts.models_path, above_base=facts.models_above_base)
        if facts.models_above_base and isinstance(told, Failure) and isinstance(told.failure(), MalformedResponse | ModelUnavailable):
            return await listed("/models", above_base=False)
        return told

    async def look() -> Settled[tuple[str, ...], LLMError]:
        outcome = await line.ask(facts.health_path, above_base=facts.health_above_base)
        return outcome if isinstance(outcome, Failure) else is_well(outcome.unwrap(), line.who(), wall=world.wall())

    async def recognise(owner: str) -> Settled[tuple[str, ...], LLMError]:
        outcome = await line.ask("/models")
        return outcome if isinstance(outcome, Failure) else is_own(outcome.unwrap(), line.who(), owner, wall=world.wall())

    dialect, answer, open_stream = _spoken(facts, defaults, line)
    client = talking_client(
        dialect,
        line,
        Offered(profiles=profiles, profile=profile, known=tuple(model.name for model in facts.models), list=list_models, look=look),
        settings,
        parts,
        answer=answer,
        open_stream=open_stream,
    )
    if facts.owner is not None:
        client = evolve(client, probe=checking(line, partial(recognise, facts.owner)))
    bound = bounding(settings, parts)
    return with_besides(client, Besides(facts=facts, line=line, profile=profile, defaults=defaults, bound=bound))


def _spoken(facts: ProviderFacts, defaults: Defaults, line: Line) -> tuple[Dialect, Step[Attempt, LLMResponse], Step[Attempt, OpenStream]]:
    """How requests are written, and the two ways to send them, by the path that each was written for."""
    chat = Dialect(
        encode=lambda request, model: encode(request, model, facts, defaults),
        streamed=lambda wire: (wire.path, streamed(wire.body)),
        decode=decode,
        decode_event=decode_event,
    )
    answer, open_stream = answering(chat, line), opening(chat, line)
    if facts.asks_loaded:
        answer = asking_for_room(answer, line, facts.models_path, above_base=facts.models_above_base)
        open_stream = asking_for_room(open_stream, line, facts.models_path, above_base=facts.models_above_base)
    if facts.responses_only is None:
        return chat, answer, open_stream
    responses, needs = responses_dialect(facts, defaults), needed(facts, line.way.endpoint.base_url)
    both = evolve(chat, encode=lambda request, model: (responses if needs(request, model) else chat).encode(request, model))
    return both, _either(answer, answering(responses, line)), _either(open_stream, opening(responses, line))


def _either(chat: Step[Attempt, Reply], responses: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
    return lambda attempt: (responses if attempt.wire.path == RESPONSES else chat)(attempt)
