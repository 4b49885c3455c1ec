"""The clients of every provider that speaks chat completions."""

from returns.result import Failure, Result

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.envelopes import Addressed, addressed
from llm_manager.clients.openai_chat.codec import Defaults, decode, decode_event, encode, streamed
from llm_manager.clients.openai_chat.listing import is_well, read_models
from llm_manager.clients.profiles import describing, offered
from llm_manager.clients.talking import Dialect, Line, Offered, talking_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import Build, ClientParts, ModelClient


def building(facts: ProviderFacts) -> Build:
    """How a client of this provider is built; it opens nothing."""

    def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
        return addressed(facts, settings, parts.network).map(lambda way: _client(facts, settings, parts, way))

    return build


def _client(facts: ProviderFacts, settings: ProviderSettings, parts: ClientParts, way: Addressed) -> ModelClient:
    world = parts.world
    describe_model = describing(facts, way.endpoint, settings, parts)
    profiles = offered(facts, settings, describe_model)
    tiers = {profile.name: profile for profile in profiles}
    line = Line(way=way, transport=parts.make_transport(settings.ca_bundle), world=world, default_model=profiles[0].name)
    defaults = Defaults(max_tokens=settings.max_tokens, temperature=settings.temperature, strict_parameters=settings.strict_parameters)

    def profile(name: str) -> ModelProfile:
        return tiers.get(name) or describe_model(name)

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        outcome = await line.ask("/models")
        if isinstance(outcome, Failure):
            return outcome
        reply = outcome.unwrap()
        return await world.run_blocking(lambda: read_models(reply, line.who(), profile, wall=world.wall()))

    async def look() -> Settled[tuple[str, ...], LLMError]:
        outcome = await line.ask(facts.health_path, above_base=facts.health_above_base)
        return outcome if isinstance(outcome, Failure) else is_well(outcome.unwrap(), line.who(), wall=world.wall())

    dialect = Dialect(
        encode=lambda request, model: encode(request, model, facts, defaults),
        streamed=lambda wire: (wire.path, streamed(wire.body)),
        decode=decode,
        decode_event=decode_event,
    )
    known = tuple(model.name for model in facts.models)
    return talking_client(
        dialect,
        line,
        Offered(profiles=profiles, profile=profile, known=known, list=list_models, look=look),
        settings,
        parts,
    )
