"""What is known of Ollama's models: by the data, by name, and by what the server has told of them since."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import lru_cache
from typing import Any, Final

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.clients.data.ollama import OLLAMA, REASONING
from llm_manager.clients.ollama.asking import LOADING_SECONDS, Server
from llm_manager.clients.ollama.naming import is_offloaded, only_continues, same_model
from llm_manager.clients.profiles import describing, offered
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.local_models import LocalModel, LocalModelDetails
from llm_manager.domain.models import Endpoint, ModelProfile, UnknownPrice
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ClientParts

_KEPT: Final = 1000
_SHOWN: Final = 64
_AT_ONCE: Final = 8
_EMBEDS: Final = ("embed", "minilm", "bge-")


class Models:
    """The models of one server, described; it learns from what the server tells."""

    __slots__ = ("_describe", "_listed", "_offered", "_own", "_remembered", "_settings", "_told", "profiles")

    def __init__(self, endpoint: Endpoint, settings: ProviderSettings, parts: ClientParts) -> None:
        self._describe = describing(OLLAMA, endpoint, settings, parts)
        self._own = frozenset(profile.name for profile in parts.profiles if profile.provider == OLLAMA.name)
        self._settings = settings
        self._listed = frozenset(model.name for model in OLLAMA.models)
        self._told: Cell[Mapping[str, ModelProfile]] = Cell({})
        self.profiles = offered(OLLAMA, settings, self._known)
        self._offered = {profile.name: profile for profile in self.profiles}
        self._remembered = lru_cache(maxsize=_KEPT)(self._known)

    def profile(self, name: str) -> ModelProfile:
        """Describe any name; what the server told comes before what the data says."""
        return self._told.read().get(name) or self._offered.get(name) or self._remembered(name)

    def place(self, stored: tuple[LocalModel, ...]) -> tuple[LocalModel, ...]:
        """Remember which models on disk are answered elsewhere, and pass all of them on."""
        away = {model.name: _away(self.profile(model.name)) for model in stored if _is_elsewhere(model)}
        if not away.keys() <= self._told.read().keys():
            self._told.swap(lambda told: {**told, **away})
        return stored

    def was_told(self, name: str) -> bool:
        """Say whether the server has told of this model."""
        return name in self._told.read()

    def learn(self, details: LocalModelDetails) -> None:
        """Take what the server tells of a model in place of what was assumed; a description of the user's own stays."""
        if details.name in self._own:
            return
        profile = told_of(self.profile(details.name), details, self._settings)
        self._told.swap(lambda told: {**dict(list(told.items())[-_KEPT:]), details.name: profile})

    def _known(self, name: str) -> ModelProfile:
        found = self._describe(name if name in self._own else same_model(name))
        if name not in self._own:
            found = evolve(found if found.name in self._listed else assumed(found), name=name)
        if not found.load_seconds:
            found = evolve(found, load_seconds=LOADING_SECONDS)
        return _away(found) if is_offloaded(name) else found


def assumed(profile: ModelProfile) -> ModelProfile:
    """A model that the data does not hold, by what its name tells."""
    embeds = any(part in profile.name.lower() for part in _EMBEDS)
    return evolve(
        profile,
        kind="embedding" if embeds else "chat",
        tools=not embeds and not only_continues(profile.name),
        reasoning=profile.name.startswith(REASONING),
    )


def told_of(profile: ModelProfile, details: LocalModelDetails, settings: ProviderSettings) -> ModelProfile:
    """A model as its server describes it; servers that tell no capabilities leave them as they were assumed."""
    able = details.capabilities
    told = evolve(profile, context_window=settings.context_length or details.context_window or profile.context_window)
    if able:
        told = evolve(
            told,
            kind="embedding" if "embedding" in able and "completion" not in able else "chat",
            tools="tools" in able,
            vision="vision" in able,
            reasoning="thinking" in able,
        )
    return told if details.remote_host is None else _away(told)


def listing(server: Server, models: Models) -> Callable[[], Coroutine[Any, Any, Settled[tuple[ModelProfile, ...], LLMError]]]:
    """The models on a server's disk, described; it is asked about the first of those of which nothing was told yet."""

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        stored = await server.stored()
        if isinstance(stored, Failure):
            return stored
        found = models.place(stored.unwrap())
        await _learn(server, models, found)
        return Success(tuple(models.profile(model.name) for model in found))

    return list_models


async def _learn(server: Server, models: Models, found: tuple[LocalModel, ...]) -> None:
    """Ask about models side by side, a few at once; of one that is answered elsewhere nothing is asked."""
    unknown = [model.name for model in found if not _is_elsewhere(model) and not models.was_told(model.name)][:_SHOWN]
    places = asyncio.Semaphore(_AT_ONCE)

    async def ask(name: str) -> None:
        async with places:
            shown = await server.show(name)
        if isinstance(shown, Success):
            models.learn(shown.unwrap())

    async with asyncio.TaskGroup() as group:
        for name in unknown:
            group.create_task(ask(name))


def _away(profile: ModelProfile) -> ModelProfile:
    return evolve(profile, offloaded=True, price=UnknownPrice())


def _is_elsewhere(model: LocalModel) -> bool:
    return model.remote_host is not None or is_offloaded(model.name)
