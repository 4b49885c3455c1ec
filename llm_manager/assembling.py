"""Parts become a manager. Where a layer stands is written here, once: `around_calls` and `around_attempts`."""

from collections.abc import Mapping
from functools import partial
from typing import TypeAlias

from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import BudgetPeriod, LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.plans import Plan, Snapshot
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.standing import Standing
from llm_manager.domain.usage_stats import ResetPeriod
from llm_manager.effects import publish, settle
from llm_manager.layers.admitting import admitting
from llm_manager.layers.bounding import bounding
from llm_manager.layers.breaking import breaking
from llm_manager.layers.budgeting import budgeting
from llm_manager.layers.caching import Memory, caching, caching_streams
from llm_manager.layers.gating import gating
from llm_manager.layers.leasing import leasing
from llm_manager.layers.observing import CallLayer, observing
from llm_manager.layers.recording import recording
from llm_manager.layers.resending import resending
from llm_manager.orchestration.asking_once import creating_images, moderating
from llm_manager.orchestration.attempting import WalkDeps
from llm_manager.orchestration.batching import batching
from llm_manager.orchestration.calling_tools import calling_tools
from llm_manager.orchestration.checking import checking_health, listing_models, telling_credits
from llm_manager.orchestration.conversing import conversing
from llm_manager.orchestration.counting import Routes, counting_tokens
from llm_manager.orchestration.discovering import discovering
from llm_manager.orchestration.dispatching import asking_clients, opening_clients
from llm_manager.orchestration.embedding import embedding
from llm_manager.orchestration.exploring import exploring
from llm_manager.orchestration.generating import Turns, answering_rows, generating, going_on
from llm_manager.orchestration.knowing import Knowledge, Known
from llm_manager.orchestration.limiting import LimitingDeps, checking_limits
from llm_manager.orchestration.offering import offering
from llm_manager.orchestration.operating import OperatingDeps
from llm_manager.orchestration.performing import Performing
from llm_manager.orchestration.rechecking import RecheckingDeps, rechecking
from llm_manager.orchestration.streaming import streaming
from llm_manager.orchestration.structuring import structuring
from llm_manager.orchestration.walking import walking
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.choosing import Besides, ability_for, choose
from llm_manager.policies.request_faults import check_request
from llm_manager.policies.routing import why_not_asked
from llm_manager.policies.statistics import percentile_of
from llm_manager.policies.usage_stats import usage_of
from llm_manager.services.guards import Guards, Keys
from llm_manager.services.journal import Journal
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.services.model_client import has_real_model
from llm_manager.services.steps import Around, OpenStream, stacked
from llm_manager.services.world import World
from llm_manager.telemetry.journal import journal_of
from llm_manager.telemetry.statistics import keeping_statistics


def assembled(deps: ManagerDeps) -> LLMManager:
    """Put a manager together; this does no I/O."""
    config, world, now = deps.config, deps.world, deps.world.now
    statistics = keeping_statistics()
    known = Known(clients=deps.clients, unavailable=deps.unavailable)
    guards = guards_of(config, world, deps.keys) if deps.guards is None else deps.guards
    knowledge = Knowledge(known, lambda: statistics.recent(now()), guards.breakers.shut, now)
    journal = journal_of(statistics.subscriber, knowledge.hear, deps.journal.emit)

    def forbidden(endpoint: Endpoint) -> str | None:
        return why_not_asked(endpoint, config.routing)

    looked_for = {name: client for name, client in deps.servers.items() if forbidden(client.endpoint) is None}
    servers = {} if has_real_model(deps.clients) else looked_for

    async def ready() -> None:
        await world.run_blocking(_load_sending)

    discover = discovering(servers, journal, now, knowledge.learn_clients, ready)

    recheck = rechecking(
        RecheckingDeps(
            world=world,
            journal=journal,
            settings=config.breaker,
            breakers=guards.breakers,
            clients=knowledge.clients,
            forbidden=forbidden,
        )
    )

    async def snapshot(request: LLMRequest) -> Snapshot:
        if servers:
            await discover()
        recheck.begin_if_shut()
        return knowledge.snapshot(request)

    memory = Memory(cache=deps.cache, journal=journal, now=now)

    walk = WalkDeps(
        world=world,
        journal=journal,
        router=deps.router,
        snapshot=snapshot,
        clients=knowledge.clients,
        performance=config.performance,
        providers=config.providers,
        guards=guards,
        percentile=partial(percentile_of, lambda: statistics.recent(now()), config.hedging.least_answers),
        explore=exploring(config.routing, world.rng, knowledge.clients, memory.holds),
        hedging=config.hedging,
    )

    around_each, around_each_stream = around_attempts(deps, memory, guards)
    answers = stacked(around_each, asking_clients(knowledge.clients))
    streams = stacked(around_each_stream, opening_clients(knowledge.clients))
    calls = stacked(around_calls(deps, journal), walking(answers, walk, streamed=False))
    turns = Turns(ask=going_on(calls, world), max_retries=config.routing.max_retries, now=now)
    opened = stacked(around_calls(deps, journal), walking(streams, walk, streamed=True))

    offers = offering(knowledge.clients, config.profiles)

    async def choose_who(asked: Besides) -> Result[Plan, LLMError]:
        if servers:
            await discover()
        recheck.begin_if_shut()
        return choose(asked, offers(ability_for(asked)), knowledge.as_it_is(), config.routing)

    besides = OperatingDeps(
        world=world,
        journal=journal,
        choose=choose_who,
        clients=knowledge.clients,
        performance=config.performance,
        providers=config.providers,
        guards=guards,
        gates=guards.gates,
    )

    async def fitting(request: LLMRequest) -> int:
        if config.performance.concurrency is not None:
            return config.performance.concurrency
        if check_request(request) is not None:
            return 1
        planned = sealed(deps.router.route(request, await snapshot(request)))
        return 1 if isinstance(planned, Failure) else planned.unwrap().steps[0].profile.concurrency

    def plan(request: LLMRequest) -> Result[Plan, LLMError]:
        wrong = check_request(request)
        return deps.router.route(request, knowledge.snapshot(request)) if wrong is None else Failure(wrong)

    check, listed = checking_health(knowledge.clients, forbidden), listing_models(knowledge.clients, forbidden)

    async def look() -> Settled[tuple[str, ...], LLMError]:
        await discover()
        return Success(tuple(knowledge.clients()))

    async def health() -> Settled[tuple[Health, ...], LLMError]:
        await discover()
        asked = await settle(check())
        return sealed(asked.map(knowledge.learn_health))

    async def models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        await discover()
        return await settle(listed())

    async def close() -> None:
        await recheck.stop()
        for client in (*knowledge.clients().values(), *deps.servers.values()):
            await client.close()

    performing = Performing(world=world, journal=journal, routing=config.routing, concurrent=config.performance.concurrent_tools)
    return LLMManager(
        generate=publish(generating(calls, world)),
        stream=streaming(opened, world),
        generate_all=batching(answering_rows(calls, world), fitting, config.performance.patience_seconds),
        generate_as=structuring(turns, config.performance.output_retries),
        converse=conversing(turns, deps.conversations, config.context),
        call_tools=calling_tools(turns.ask, performing),
        embed=embedding(besides, deps.vectors if config.cache.enabled else None),
        moderate=moderating(besides),
        create_image=creating_images(besides),
        count_tokens=counting_tokens(besides, Routes(router=deps.router, snapshot=snapshot)),
        plan=plan,
        health=publish(health),
        stats=statistics.read,
        standing=lambda: _standing(guards, knowledge.online()),
        reset_breaker=lambda provider=None, /: guards.breakers.reset(provider, journal.emit),
        usage=lambda provider=None, /: usage_of(statistics.read(), _standing(guards, knowledge.online()), config.budgets, provider),
        check_limits=checking_limits(LimitingDeps(plan=plan, clients=knowledge.clients, guards=guards, now=now)),
        reset_usage=lambda period, /: guards.budgets.reset(_PERIODS[period], journal.emit),
        models=publish(models),
        credits=telling_credits(knowledge.clients, forbidden),
        discover=publish(look),
        close=close,
    )


_PERIODS: Mapping[ResetPeriod, BudgetPeriod] = {"daily": "day", "monthly": "month", "run": "run"}


def around_calls(deps: ManagerDeps, journal: Journal) -> tuple[CallLayer, ...]:
    """What stands around a whole call, outermost first. Its deadline is a number in the ledger: see `walking`."""
    return (observing(journal, deps.world.now),)


AroundEach: TypeAlias = tuple[tuple[Around[Attempt, LLMResponse], ...], tuple[Around[Attempt, OpenStream], ...]]


def around_attempts(deps: ManagerDeps, memory: Memory, guards: Guards) -> AroundEach:
    """What stands around each attempt, outermost first: for whole answers, and for streams, which differ in caching."""
    journal, now = memory.journal, memory.now
    each = (gating(guards.gates, journal.emit, now), recording(journal, now), bounding(now))
    if not deps.config.cache.enabled:
        return each, each
    return (caching(memory), *each), (caching_streams(memory), *each)


def guards_of(config: LLMConfig, world: World, keys: Keys | None = None) -> Guards:
    """What lets requests through, as the settings say; ``keys`` are those that the clients choose from too."""
    return Guards(
        breakers=breaking(config.breaker, world.now),
        admissions=admitting(config.admission, config.providers, world),
        budgets=budgeting(config.budgets, world),
        keys=keys_of(config, world) if keys is None else keys,
        resends=resending(world.now),
    )


def keys_of(config: LLMConfig, world: World) -> Keys:
    """The keys of every provider that has several, or fetches them."""

    def read(provider: str, path: str) -> Result[tuple[Secret, ...], LLMError]:
        from llm_manager.settings.key_files import read_keys

        return read_keys(provider, path)

    return leasing(config.providers, world, read)


def _standing(guards: Guards, online: bool | None) -> Standing:
    return Standing(
        breakers=guards.breakers.standing(),
        scopes=guards.admissions.standing(),
        budgets=guards.budgets.standing(),
        keys=guards.keys.standing(),
        online=online,
    )


def _load_sending() -> None:
    """Import what the first request would otherwise wait for: the HTTP library, in a tenth of a second or several."""
    import llm_manager.clients.pools  # noqa: F401 - it is loaded for those who send
