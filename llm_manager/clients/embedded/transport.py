"""The client of the embedded model. Building it imports no engine and opens nothing; the first request loads the model."""

from attrs import evolve
from returns.result import Result, Success

from llm_manager.clients.direct import DirectDeps, made_client
from llm_manager.clients.embedded.asking import asking
from llm_manager.clients.embedded.codec import encode
from llm_manager.clients.embedded.engine import import_engine
from llm_manager.clients.embedded.engines import OF_THIS_PROCESS, Engines
from llm_manager.clients.embedded.lease import leasing
from llm_manager.clients.embedded.profile import PROVIDER, TOY_NOTICE, describe, endpoint_url
from llm_manager.clients.embedded.weights import find_weights, missing_weights
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.overlaying import overlaid
from llm_manager.services.model_client import ClientParts, ModelClient


def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
    """The embedded model as a client; clients of the same model share one engine."""
    return Success(make_client(settings, parts, OF_THIS_PROCESS))


def make_client(settings: ProviderSettings, parts: ClientParts, engines: Engines) -> ModelClient:
    """The same over given engines."""
    world, embedded = parts.world, parts.embedded
    known = describe(settings, embedded)
    endpoint = Endpoint(provider=PROVIDER, base_url=endpoint_url(embedded), locality="local")
    own = next((ours for ours in parts.profiles if (ours.provider, ours.name) == (PROVIDER, known.name)), None)
    profile = known if own is None else overlaid(known, own, endpoint)
    leased = leasing(settings, embedded, world, engines, profile.name)
    steps = asking(
        profile,
        leased,
        world,
        parallel=max(1, embedded.parallel),
        notices=(TOY_NOTICE,) if known.toy else (),
    )

    def described(name: str) -> ModelProfile:
        return profile if name == profile.name else evolve(profile, name=name)

    def encoded(request: LLMRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
        return encode(request, model, settings)

    def missing() -> ConfigurationError | None:
        """What stands in the way of loading, without loading."""
        imported = import_engine()
        if not isinstance(imported, Success):
            return imported.failure()
        if find_weights(embedded, world.environ) is None and embedded.fetch != "allowed":
            return missing_weights(embedded, world.environ)
        return None

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        return Success((profile,))

    async def health() -> Settled[Health, LLMError]:
        began = world.now()
        lacking = await world.run_blocking(missing)
        return Success(
            Health(
                provider=PROVIDER,
                healthy=lacking is None,
                latency_seconds=world.now() - began,
                models=(profile.name,) if lacking is None else (),
                error_message=None if lacking is None else lacking.message,
            )
        )

    asked = DirectDeps(
        world=world,
        performance=parts.performance,
        timeout_ms=settings.timeout_ms,
        endpoint=endpoint,
        default=profile,
        profile=described,
        key=None,
        encode=encoded,
        answer=steps.answer,
        open=steps.open,
    )
    return made_client(asked, profiles=(profile,), list_models=publish(list_models), health=publish(health), close=leased.give_back)
