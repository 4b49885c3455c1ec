"""Talking to one provider."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from attrs import Factory, field, frozen
from returns.future import FutureResult
from returns.result import Result

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import EmbeddedSettings, NetworkSettings, PerformanceSettings, ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import LLMError
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Credits, TokenCount
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.policies.abilities import Ability, lacking
from llm_manager.services.guards import Keys
from llm_manager.services.local_models import LocalModels
from llm_manager.services.steps import Generate, OpenStream, Step, Stream
from llm_manager.services.transport import Transport
from llm_manager.services.world import World

Encode: TypeAlias = Callable[[LLMRequest, ModelProfile], Result[WireRequest, LLMError]]
Embed: TypeAlias = Callable[[EmbedRequest], FutureResult[Embeddings, LLMError]]
Moderate: TypeAlias = Callable[[ModerationRequest], FutureResult[Moderation, LLMError]]
CreateImage: TypeAlias = Callable[[ImageRequest], FutureResult[MadeImages, LLMError]]
CountTokens: TypeAlias = Callable[[LLMRequest], FutureResult[TokenCount, LLMError]]


def _without(ability: Ability) -> Any:
    """The function of a client that cannot do this: it names who can."""

    def lack(client: "ModelClient") -> Callable[[object], FutureResult[Any, LLMError]]:
        return lambda _: FutureResult.from_failure(lacking(ability, client.endpoint.provider))

    return Factory(lack, takes_self=True)


_NO_EMBEDDINGS = _without("embed")
_NO_MODERATION = _without("moderate")
_NO_IMAGES = _without("create_image")
_NO_COUNTING = _without("count_tokens")


@frozen(kw_only=True)
class ModelClient:
    """One provider at one endpoint.

    ``encode``, ``answer`` and ``open`` are what a manager is built from; ``generate`` and ``stream`` are the same for
    those who use a client alone, with its default model (``profiles[0]``) unless the request names one.
    ``profile`` describes any model name, by assumption when it is not known; ``known`` lists those that are.

    ``embed``, ``moderate``, ``create_image`` and ``count_tokens`` send one request each, re-send nothing, and fail with who
    can when this provider cannot; ``able`` says what it can. ``embed`` takes at most ``texts_per_call`` texts.
    """

    endpoint: Endpoint
    profiles: tuple[ModelProfile, ...]
    profile: Callable[[str], ModelProfile]
    known: tuple[str, ...] = ()
    key: Secret | None = None
    encode: Encode
    answer: Step[Attempt, LLMResponse]
    open: Step[Attempt, OpenStream]
    list_models: Callable[[], FutureResult[tuple[ModelProfile, ...], LLMError]]
    health: Callable[[], FutureResult[Health, LLMError]]
    generate: Generate = field(repr=False)
    stream: Stream = field(repr=False)
    close: Callable[[], Coroutine[Any, Any, None]] = field(repr=False)
    able: frozenset[Ability] = frozenset()
    usual: Mapping[Ability, str] = field(factory=dict)
    """The model that does it unless a request names one."""
    texts_per_call: int = 1
    embed: Embed = field(default=_NO_EMBEDDINGS, repr=False)
    moderate: Moderate = field(default=_NO_MODERATION, repr=False)
    create_image: CreateImage = field(default=_NO_IMAGES, repr=False)
    count_tokens: CountTokens = field(default=_NO_COUNTING, repr=False)
    credits: Callable[[], FutureResult[Credits, LLMError]] | None = field(default=None, repr=False)
    """What is left to spend, where the provider tells."""
    probe: Callable[[], FutureResult[Health, LLMError]] | None = field(default=None, repr=False)
    """`health` for a port on which any program may listen: well only for a server that is surely of this kind. None: ``health`` tells."""
    local_models: LocalModels | None = field(default=None, repr=False)
    """The models on the server's own disk, where it lets us manage them."""


@frozen(kw_only=True)
class ClientParts:
    """What every client is built from, besides its own settings; ``make_transport`` takes the path of a CA bundle or None."""

    world: World
    network: NetworkSettings = field(factory=NetworkSettings)
    performance: PerformanceSettings = field(factory=PerformanceSettings)
    embedded: EmbeddedSettings = field(factory=EmbeddedSettings)
    profiles: tuple[ModelProfile, ...] = ()
    routing: RoutingPolicy = field(factory=RoutingPolicy)
    """What may be asked at all: a client whose server may pass requests on looks at airgap and privacy itself too."""
    keys: Keys | None = None
    """Which key of a provider is sent, where it has several or fetches them; None sends the first."""
    make_transport: Callable[[str | None], Transport]


Build: TypeAlias = Callable[[ProviderSettings, ClientParts], Result[ModelClient, LLMError]]
"""How a provider's client is made; it opens nothing and imports no SDK before it is called."""


def is_toy(client: ModelClient) -> bool:
    """Say whether a client has nothing but toys."""
    return bool(client.profiles) and all(profile.toy for profile in client.profiles)


def has_real_model(clients: Mapping[str, ModelClient]) -> bool:
    """Say whether any of the clients has a model that is no toy."""
    return any(not profile.toy for client in clients.values() for profile in client.profiles)
