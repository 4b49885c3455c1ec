"""The service that users hold, and all that it is made of."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from attrs import field, frozen
from returns.future import FutureResult
from returns.result import Failure, Result

from llm_manager.domain.caching import CacheReport
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.embeddings import Vector
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.plans import Plan, Unavailable
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.standing import Standing
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.streaming import StreamEvent
from llm_manager.domain.usage import Credits
from llm_manager.domain.usage_log import UsageQuery, UsageReport
from llm_manager.domain.usage_stats import ResetPeriod, UsageStats
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.guards import Guards, Keys
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import CountTokens, CreateImage, Embed, ModelClient, Moderate
from llm_manager.services.model_router import ModelRouter
from llm_manager.services.running import RunAll
from llm_manager.services.sharing import Sharing
from llm_manager.services.similar import SimilarPrompts
from llm_manager.services.steps import CallLayer, Generate, Stream
from llm_manager.services.store import Store
from llm_manager.services.tools import CallTools
from llm_manager.services.world import World

Shape = TypeVar("Shape")


@frozen(kw_only=True)
class Structured(Generic[Shape]):
    """A typed value and the answer it was read from."""

    value: Shape
    response: LLMResponse


class GenerateAs(Protocol):
    """Ask for an answer that fits a class: attrs, dataclass, TypedDict, msgspec, pydantic or any type a JSON schema describes."""

    def __call__(self, shape: type[Shape], request: LLMRequest, /) -> FutureResult[Structured[Shape], LLMError]: ...


class Before(Protocol):
    """Awaited before the request at a position leaves: a failure is its answer, and nothing is sent for it."""

    def __call__(self, position: int, request: LLMRequest, /) -> Coroutine[Any, Any, Settled[None, LLMError]]: ...


class GenerateAll(Protocol):
    """Answer many requests with bounded concurrency and flat memory.

    Gives ``(position, answer)`` as answers come, or in order. ``requests`` is read only as far as workers are free.
    Consume it with `contextlib.aclosing`; leaving it cancels what is under way.
    """

    def __call__(
        self, requests: Iterable[LLMRequest], *, concurrency: int | None = None, in_order: bool = False, before: Before | None = None
    ) -> AsyncGenerator[tuple[int, Result[LLMResponse, LLMError]], None]: ...


class ResetBreaker(Protocol):
    """Ask the endpoints of a provider again at once, or all of them; a name that no provider has is a failure that tells the nearest."""

    def __call__(self, provider: str | None = None, /) -> Result[None, LLMError]: ...


class CheckLimits(Protocol):
    """Say whether a request would pass its budgets, endpoints and quotas now, or what it would meet; nothing is set aside for it.

    Without a request: whether anything that costs something may be spent at all. One that would have to wait for others passes.
    """

    def __call__(self, request: LLMRequest | None = None, /) -> Result[None, LLMError]: ...


class TellUsage(Protocol):
    """What was used of a provider, or of all, and what is left; a name that no provider has is a failure that tells the nearest."""

    def __call__(self, provider: str | None = None, /) -> Result[UsageStats, LLMError]: ...


class ReportUsage(Protocol):
    """What was used, from the usage log in the store: what other processes wrote there too. Without a store a failure that says so."""

    def __call__(self, query: UsageQuery = ..., /) -> FutureResult[UsageReport, LLMError]: ...


class ResetUsage(Protocol):
    """Begin the budgets of a period anew: of a day, a month, or the run; any other word is a failure."""

    def __call__(self, period: ResetPeriod, /) -> Result[None, LLMError]: ...


class Forget(Protocol):
    """Forget what is remembered, answers and vectors: those values for which all that is said holds, or everything; gives how many.

    ``model`` is a name, with or without ``provider/`` before it. That nothing is said, or everything with something else, is a failure.
    """

    def __call__(
        self,
        *,
        model: str | None = None,
        tag: str | None = None,
        tenant: str | None = None,
        older_than_seconds: float | None = None,
        everything: bool = False,
    ) -> FutureResult[int, LLMError]: ...


CacheStatisticsOf: TypeAlias = Callable[[], FutureResult[CacheReport, LLMError]]


@frozen(kw_only=True)
class LLMManager:
    """One manager over all models: a record of functions, and an async context manager that closes what it opened."""

    generate: Generate
    stream: Stream
    generate_all: GenerateAll
    run: RunAll
    generate_as: GenerateAs
    converse: Callable[[str, LLMRequest], FutureResult[LLMResponse, LLMError]]
    converse_stream: Callable[[str, LLMRequest], AsyncGenerator[Result[StreamEvent, LLMError], None]]
    """The same as events; the last one comes when the exchange is stored, and what was told before a stream was left is kept too."""
    conversations: ConversationStorage
    """All that is kept of conversations; ``of_tenant`` for those that requests name a tenant for."""
    call_tools: CallTools
    embed: Embed
    moderate: Moderate
    create_image: CreateImage
    count_tokens: CountTokens
    """By the provider's own counter where the model that would be asked first has one, else by estimate."""
    plan: Callable[[LLMRequest], Result[Plan, LLMError]]
    health: Callable[[], FutureResult[tuple[Health, ...], LLMError]]
    stats: Callable[[], Statistics]
    standing: Callable[[], Standing]
    """Breakers, quotas, budgets and keys, as they are now."""
    reset_breaker: ResetBreaker
    usage: TellUsage
    usage_report: ReportUsage
    check_limits: CheckLimits
    forget: Forget
    cache_statistics: CacheStatisticsOf
    """What is remembered, and what that has saved: of this process, or of the store where there is one."""
    remembered: Callable[[LLMRequest], FutureResult[bool, LLMError]]
    """Whether the answer is in the cache, of whom the request would be asked first; nothing is sent."""
    reset_usage: ResetUsage
    recall_budgets: Callable[[], FutureResult[None, LLMError]]
    """Read what other processes have spent of the budgets of a day or a month, rather than before the first call and now and then."""
    models: Callable[[], FutureResult[tuple[ModelProfile, ...], LLMError]]
    credits: Callable[[], FutureResult[tuple[Credits, ...], LLMError]]
    """What is left to spend at the providers that tell."""
    discover: Callable[[], FutureResult[tuple[str, ...], LLMError]]
    """Look for local servers now rather than before the first call; gives the providers that may be asked."""
    close: Callable[[], Coroutine[Any, Any, None]] = field(repr=False)

    async def __aenter__(self) -> "LLMManager":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def _no_scratch(_: Path) -> Result[Store, LLMError]:
    return Failure(ConfigurationError(message="a run needs a store: set store.url"))


@frozen(kw_only=True)
class ManagerDeps:
    """All that a manager is made of; change a field with `attrs.evolve` to swap the cache, the storage or a client.

    ``clients`` may be asked at once; ``servers`` are looked for before the first call when ``clients`` has no real model.
    ``unavailable`` says why other providers are not there.
    """

    config: LLMConfig
    world: World
    router: ModelRouter
    clients: Mapping[str, ModelClient]
    servers: Mapping[str, ModelClient] = field(factory=dict)
    unavailable: tuple[Unavailable, ...] = ()
    cache: Cache[LLMResponse]
    vectors: Cache[Vector]
    """What texts are as vectors, remembered one by one."""
    similar: SimilarPrompts | None = None
    """Finds similar prompts, where `CacheSettings.similar` wants them found."""
    conversations: ConversationStorage
    journal: Journal
    keys: Keys | None = None
    """Which key of a provider is sent, where the clients were built with several; None makes it of the settings."""
    around_calls: tuple[CallLayer, ...] = ()
    """What stands around every call beside what the manager puts there, outermost first."""
    scratch: Callable[[Path], Result[Store, LLMError]] = _no_scratch
    """Opens a store in a folder for one run, where there is no ``store``."""
    store: Store | None = None
    """What outlives the process; None keeps everything in memory. The manager closes it."""
    guards: Guards | None = None
    """What lets requests through; managers that are given the same one share its limits. None makes one as the settings say."""
    sharing: Sharing | None = None
    """What is shared with other processes, where `StoreSettings.redis_url` says where."""
