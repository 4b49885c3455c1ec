"""What a command works with, and the one place where it is made from the settings."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.cli.keeping import keeping
from llm_manager.cli.models.weights import Fetch, fetch_showing, fetching
from llm_manager.cli.output import Output
from llm_manager.cli.waits import telling_waits
from llm_manager.domain.configuration import Budget, EmbeddedSettings, LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import Strategy
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.run_budget import OF_THE_RUN
from llm_manager.runs.telling import described
from llm_manager.services.guards import Guards
from llm_manager.services.journal import Journal
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.services.store import Store
from llm_manager.services.world import World

Catalogue: TypeAlias = Callable[[], tuple[tuple[ModelProfile, str | None], ...]]
"""Every model known by data, each with why it cannot be asked, or None."""
Prepare: TypeAlias = Callable[[LLMRequest], Coroutine[Any, Any, Settled[None, LLMError]]]


async def _nothing_to_prepare(_: LLMRequest) -> Settled[None, LLMError]:
    return Success(None)


@frozen(kw_only=True)
class Session:
    """A manager, the settings it was made from, and where to write. ``prepare`` is called once before a model is asked."""

    manager: LLMManager
    config: LLMConfig
    output: Output
    store: Store | None = field(default=None, repr=False)
    """What is kept between commands."""
    prepare: Prepare = field(default=_nothing_to_prepare, repr=False)
    catalogue: Catalogue = field(default=tuple, repr=False)


Command: TypeAlias = Callable[[Session], Coroutine[Any, Any, int]]


def standard_output(*, json: bool = False) -> Output:
    """The streams of this process."""
    return Output(out=sys.stdout, err=sys.stderr, json=json)


def overridden(config: LLMConfig, *, strategy: Strategy | None = None, remember: int = 0, budget_usd: Decimal | None = None) -> LLMConfig:
    """The settings with what the command says instead; ``remember`` is how much it must not have to pay for twice."""
    if budget_usd is not None:
        config = evolve(config, budgets=(Budget(name=OF_THE_RUN, limit=budget_usd), *config.budgets))
    if strategy is not None:
        config = evolve(config, routing=evolve(config.routing, strategy=strategy))
    if remember:
        config = evolve(config, cache=evolve(config.cache, enabled=True, max_size=max(config.cache.max_size, remember)))
    return config


def open_session(
    output: Output,
    *,
    config: Path | None = None,
    strategy: Strategy | None = None,
    remember: int = 0,
    budget_usd: Decimal | None = None,
    world: World | None = None,
    guarding: Callable[[Guards], Guards] | None = None,
    tells_waits: bool = False,
) -> Settled[Session, LLMError]:
    """Read the settings, apply what the command says, and make the manager; nothing is sent or fetched.

    ``guarding`` adds to what lets requests through; a command that ``tells_waits`` says on standard error what it waits for.
    """
    from llm_manager.assembling.guards import guards_of
    from llm_manager.real_world import real_world
    from llm_manager.settings import read_config
    from llm_manager.wiring import default_deps, known_models, make_llm_manager

    here = real_world() if world is None else world
    read = sealed(read_config(config, here.environ))
    if isinstance(read, Failure):
        return read
    settings = overridden(read.unwrap().config, strategy=strategy, remember=remember, budget_usd=budget_usd)
    settings = keeping(settings, here.environ)
    for warning in settings.warnings:
        output.note(f"warning: {warning}")

    def furnished(deps: ManagerDeps) -> ManagerDeps:
        if guarding is not None:
            deps = evolve(deps, guards=guarding(guards_of(settings, here, deps.keys, deps.sharing)))
        return evolve(deps, journal=_overheard(deps.journal, telling_waits(output.note, here.now))) if tells_waits else deps

    built = sealed(default_deps(settings, here).map(furnished))
    if isinstance(built, Failure):
        return built
    deps = built.unwrap()
    made = sealed(make_llm_manager(settings, deps))
    if isinstance(made, Failure):
        return made
    manager = made.unwrap()
    session = Session(manager=manager, config=settings, output=output, store=deps.store, catalogue=lambda: known_models(settings, here))
    if settings.routing.airgap:
        return Success(session)
    return Success(evolve(session, prepare=preparing(manager, settings.embedded, output, here.environ, fetching(here))))


def _overheard(journal: Journal, heed: Callable[[Event], None]) -> Journal:
    def emit(event: Event) -> None:
        journal.emit(event)
        heed(event)

    return Journal(emit=emit)


def preparing(manager: LLMManager, embedded: EmbeddedSettings, output: Output, environ: Mapping[str, str], fetch: Fetch) -> Prepare:
    """Fetch the weights of the embedded model, with their progress shown, when a request would get it and they are missing."""
    from llm_manager.clients.embedded.engine import import_engine
    from llm_manager.clients.embedded.profile import PROVIDER
    from llm_manager.clients.embedded.weights import find_weights

    async def prepare(request: LLMRequest) -> Settled[None, LLMError]:
        if embedded.model_path is not None or find_weights(embedded, environ) is not None:
            return Success(None)
        await settle(manager.discover())
        planned = sealed(manager.plan(request))
        if isinstance(planned, Failure) or planned.unwrap().steps[0].profile.provider != PROVIDER:
            return Success(None)
        if isinstance(import_engine(), Failure):
            return Success(None)
        fetched = await fetch_showing(output, fetch)
        return fetched if isinstance(fetched, Failure) else Success(None)

    return prepare


def conduct(output: Output, command: Command, *, config: Path | None = None, strategy: Strategy | None = None) -> int:
    """Open a session, run a command in it, close it; give the exit code."""
    opened = open_session(output, config=config, strategy=strategy, tells_waits=True)
    if isinstance(opened, Failure):
        return output.failure(opened.failure())
    return asyncio.run(_closing(opened.unwrap(), command))


async def _closing(session: Session, command: Command) -> int:
    async with session.manager:
        code = await command(session)
        if session.store is not None and isinstance(lost := await session.store.usage.flush(), Failure):
            session.output.note(f"note: nothing of this is kept: {described(lost.failure())}")
        return code
