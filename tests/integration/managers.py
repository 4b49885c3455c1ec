"""Whole managers over real parts, for tests of the spine: settings in, everything as wiring builds it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from llm_manager.domain.configuration import EmbeddedSettings, LLMConfig, ProviderSettings
from llm_manager.domain.events import AttemptStarted, Event
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.services.world import World
from llm_manager.telemetry.journal import journal_of
from llm_manager.wiring import default_deps, make_llm_manager

MODEL = "smollm2-135m"
COLD = Preferences(temperature=0.0, seed=7, max_tokens=24)
CAPITAL = LLMRequest("What is the capital of France?", system="You are a helpful assistant.", preferences=COLD)
STORY = LLMRequest("Tell me a long story.", preferences=evolve(COLD, max_tokens=1500), cache="off")
WORD = LLMRequest("Say yes.", preferences=evolve(COLD, max_tokens=2), cache="off")


@define
class Told:
    """What the journal told of a manager's calls."""

    events: list[Event] = field(factory=list)

    @property
    def asked(self) -> list[str]:
        """The provider of every request that left."""
        return [event.provider for event in self.events if isinstance(event, AttemptStarted)]

    def of(self, kind: type[Event]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def served(base_url: str, key: str | None = None) -> ProviderSettings:
    """A provider whose server is this one."""
    return ProviderSettings(base_url=base_url, api_key=None if key is None else Secret(key), default_model=MODEL)


def config_of(providers: Mapping[str, ProviderSettings], *, weights: Path | None = None, **routing: Any) -> LLMConfig:
    """Settings with these providers; the embedded model joins when its weights are given."""
    embedded = EmbeddedSettings() if weights is None else EmbeddedSettings(enabled=True, model_path=str(weights))
    return LLMConfig(providers=providers, routing=RoutingPolicy(**routing), embedded=embedded)


def manager_of(config: LLMConfig, told: Told | None = None, world: World | None = None) -> LLMManager:
    """Make a manager whose journal is heard beside being logged."""
    deps = default_deps(config, real_world({}) if world is None else world).unwrap()
    journal = journal_of(deps.journal.emit, (Told() if told is None else told).events.append)
    return make_llm_manager(config, evolve(deps, journal=journal)).unwrap()


@asynccontextmanager
async def managing(config: LLMConfig, world: World | None = None) -> AsyncIterator[tuple[LLMManager, Told]]:
    """A manager and what its journal tells, closed at the end."""
    told = Told()
    async with manager_of(config, told, world) as manager:
        yield manager, told
