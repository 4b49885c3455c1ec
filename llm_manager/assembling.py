"""Parts become a manager. Where a layer stands is written here, once: `around_calls` and `around_attempts`.

assembled     the record of functions that a user holds
_house        what all of them share: guards, statistics, knowledge, journal
_chats        the walk, for whole answers and for streams
_besides      what is no chat
guards_of     what lets requests through
"""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeAlias

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Attempt, Call
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.plans import Plan, Snapshot
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.standing import Standing
from llm_manager.effects import publish, settle
from llm_manager.layers.admitting import admitting
from llm_manager.layers.admitting_together import admitting_together
from llm_manager.layers.bounding import bounding
from llm_manager.layers.breaking import breaking
from llm_manager.layers.budgeting import budgeting
from llm_manager.layers.budgeting_together import budgeting_together
from llm_manager.layers.caching import Memory, caching, caching_streams
from llm_manager.layers.covering import covering
from llm_manager.layers.flying import flying
from llm_manager.layers.gating import gating
from llm_manager.layers.leasing import leasing
from llm_manager.layers.observing import observing
from llm_manager.layers.recording import recording
from llm_manager.layers.resending import resending
from llm_manager.layers.similar import Likeness, Tally, similar, similar_streams
from llm_manager.orchestration.asking_once import creating_images, moderating
from llm_manager.orchestration.attempting import WalkDeps
from llm_manager.orchestration.batching import batching
from llm_manager.orchestration.calling_tools import calling_tools
from llm_manager.orchestration.checking import checking_health, listing_models, telling_credits
from llm_manager.orchestration.clearing import clearing, telling_cache
from llm_manager.orchestration.conversing import conversing, conversing_streams
from llm_manager.orchestration.counting import Routes, counting_tokens
from llm_manager.orchestration.discovering import discovering
from llm_manager.orchestration.dispatching import asking_clients, opening_clients
from llm_manager.orchestration.embedding import embedding
from llm_manager.orchestration.exploring import exploring
from llm_manager.orchestration.forgetting import forgetting
from llm_manager.orchestration.generating import Turns, answering_rows, generating, going_on
from llm_manager.orchestration.knowing import Knowledge, Known
from llm_manager.orchestration.limiting import LimitingDeps, checking_limits
from llm_manager.orchestration.offering import offering
from llm_manager.orchestration.operating import OperatingDeps
from llm_manager.orchestration.performing import Performing
from llm_manager.orchestration.recalling import RecallingDeps
from llm_manager.orchestration.rechecking import Rechecking, RecheckingDeps, rechecking
from llm_manager.orchestration.remembering import remembering
from llm_manager.orchestration.streaming import streaming
from llm_manager.orchestration.structuring import describe, read, structuring
from llm_manager.orchestration.tending import reporting_usage, resetting_breakers, resetting_usage, telling_usage
from llm_manager.orchestration.walking import walking
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.cache_key import answer_key
from llm_manager.policies.choosing import Besides, ability_for, choose
from llm_manager.policies.classification import is_private
from llm_manager.policies.pricing import Pricing, price, remembering_price
from llm_manager.policies.request_faults import check_request
from llm_manager.policies.routing import why_not_asked
from llm_manager.policies.shared_budgets import is_shared
from llm_manager.policies.statistics import percentile_of
from llm_manager.policies.usage_stats import usage_of
from llm_manager.runs.doing import DoingDeps, doing
from llm_manager.services.guards import Guards, Keys
from llm_manager.services.journal import Journal, Subscriber
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.services.model_client import Embed, ModelClient, has_real_model, is_toy
from llm_manager.services.sharing import Sharing
from llm_manager.services.steps import Around, CallLayer, OpenStream, Step, stacked
from llm_manager.services.store import Store
from llm_manager.services.world import World
from llm_manager.telemetry.journal import journal_of
from llm_manager.telemetry.statistics import StatisticsKeeper, keeping_statistics


def assembled(deps: ManagerDeps) -> LLMManager:
    """Put a manager together; this does no I/O."""
    config, world, now = deps.config, deps.world, deps.world.now
    house = _house(deps)
    knowledge, journal, guards, statistics = house.knowledge, house.journal, house.guards, house.statistics
    besides = _besides(house)
    embed = embedding(besides, deps.vectors if config.cache.enabled else None)
    likeness = _likeness(house, embed)
    calls, opened = _chats(house, likeness)
    turns = Turns(ask=going_on(calls, world), max_retries=config.routing.max_retries, now=now)
    recalling = RecallingDeps(
        turns=turns,
        context=config.context,
        world=world,
        find_window=house.window,
        is_private=partial(is_private, policy=config.routing),
    )
    conversations = forgetting(deps.conversations, config.context.retention_days, world.wall)
    performing = Performing(world=world, journal=journal, routing=config.routing, concurrent=config.performance.concurrent_tools)
    generate_all = batching(answering_rows(calls, world), house.fitting, config.performance.patience_seconds, now)
    return LLMManager(
        generate=publish(generating(calls, world)),
        stream=streaming(opened, world),
        generate_all=generate_all,
        run=doing(
            DoingDeps(
                world=world,
                generate_all=generate_all,
                plan=house.plan,
                discover=publish(house.look),
                online=lambda: house.standing().online,
                describe=describe,
                read=read,
                store=deps.store,
                scratch=deps.scratch,
            )
        ),
        generate_as=structuring(turns, config.performance.output_retries),
        converse=conversing(recalling, conversations),
        converse_stream=conversing_streams(recalling, conversations, opened),
        conversations=conversations,
        call_tools=calling_tools(turns.ask, performing),
        embed=embed,
        moderate=moderating(besides),
        create_image=creating_images(besides),
        count_tokens=counting_tokens(besides, Routes(router=deps.router, snapshot=house.snapshot)),
        plan=house.plan,
        health=publish(house.health),
        stats=statistics.read,
        standing=house.standing,
        reset_breaker=resetting_breakers(guards, knowledge.clients, journal.emit),
        usage=telling_usage(lambda provider: usage_of(statistics.read(), house.standing(), config.budgets, provider), knowledge.clients),
        usage_report=reporting_usage(deps.store),
        check_limits=checking_limits(LimitingDeps(plan=house.plan, clients=knowledge.clients, guards=guards, now=now)),
        forget=clearing(deps.cache, deps.vectors),
        cache_statistics=telling_cache(deps.cache, deps.vectors, None if likeness is None else likeness.statistics),
        remembered=remembering(
            house.plan,
            knowledge.clients,
            deps.cache if config.cache.enabled else None,
            stable_prompts=config.performance.stable_prompts,
        ),
        reset_usage=resetting_usage(guards, journal.emit),
        recall_budgets=publish(guards.budgets.recall),
        models=publish(house.models),
        credits=telling_credits(knowledge.clients, house.forbidden),
        discover=publish(house.look),
        close=house.close,
    )


@frozen(kw_only=True)
class _House:
    """What all that a manager does shares, and what it does with that alone."""

    deps: ManagerDeps
    guards: Guards
    statistics: StatisticsKeeper
    knowledge: Knowledge
    journal: Journal
    forbidden: Callable[[Endpoint], str | None]
    unprobed: bool
    """Whether local servers are looked for before the first call."""
    discover: Callable[[], Coroutine[Any, Any, None]]
    recheck: Rechecking

    async def prepared(self) -> None:
        """What comes before a plan: servers that may be there are looked for, endpoints that are shut looked after."""
        if self.unprobed:
            await self.discover()
        self.recheck.begin_if_shut()

    async def snapshot(self, request: LLMRequest) -> Snapshot:
        """What a request is planned on."""
        if self.unprobed:  # as `prepared` does, which would be one more wait on every call
            await self.discover()
        self.recheck.begin_if_shut()
        return self.knowledge.snapshot(request)

    def plan(self, request: LLMRequest) -> Result[Plan, LLMError]:
        """Where a request would go, as things are known now."""
        wrong = check_request(request)
        return self.deps.router.route(request, self.knowledge.snapshot(request)) if wrong is None else Failure(wrong)

    async def fitting(self, request: LLMRequest) -> int:
        """How many calls at once suit the model that a request would get."""
        set_by_user = self.deps.config.performance.concurrency
        if set_by_user is not None:
            return set_by_user
        if check_request(request) is not None:
            return 1
        planned = sealed(self.deps.router.route(request, await self.snapshot(request)))
        return 1 if isinstance(planned, Failure) else planned.unwrap().steps[0].profile.concurrency

    async def window(self, request: LLMRequest) -> int | None:
        """How many tokens the model takes that a request would go to first; None when nobody knows, or nobody would be asked."""
        planned = sealed(self.deps.router.route(request, await self.snapshot(request)))
        return None if isinstance(planned, Failure) else planned.unwrap().steps[0].profile.context_window

    async def look(self) -> Settled[tuple[str, ...], LLMError]:
        """Who may be asked, servers that were found included."""
        await self.discover()
        return Success(tuple(self.knowledge.clients()))

    async def health(self) -> Settled[tuple[Health, ...], LLMError]:
        """How everybody is, who is believed from now on."""
        await self.discover()
        asked = await settle(checking_health(self.relied_on, self.forbidden)())
        return sealed(asked.map(self.knowledge.learn_health))

    def relied_on(self) -> Mapping[str, ModelClient]:
        """Every client, but no toy beside real models that nobody named or enabled."""
        clients, config = self.knowledge.clients(), self.deps.config
        if config.routing.use_toys or not has_real_model(clients):
            return clients
        return {name: client for name, client in clients.items() if name in config.providers or not is_toy(client)}

    async def models(self) -> Settled[tuple[ModelProfile, ...], LLMError]:
        """Everybody's models."""
        await self.discover()
        return await settle(listing_models(self.knowledge.clients, self.forbidden)())

    def standing(self) -> Standing:
        """How everything stands that lets requests through."""
        guards = self.guards
        return Standing(
            breakers=guards.breakers.standing(),
            scopes=guards.admissions.standing(),
            budgets=guards.budgets.standing(),
            keys=guards.keys.standing(),
            online=self.knowledge.online(),
            sharing=None if guards.sharing is None else guards.sharing.standing(),
        )

    async def close(self) -> None:
        """End what is under way on its own, and close every client; one that fails to close keeps no other one open."""
        async with AsyncExitStack() as closing:
            if self.deps.store is not None:  # the last to be closed: what the others still tell is kept
                closing.push_async_callback(self.deps.store.close)
            sharing = self.deps.sharing or self.guards.sharing
            if sharing is not None:
                closing.push_async_callback(sharing.close)
            for client in (*self.knowledge.clients().values(), *self.deps.servers.values()):
                closing.push_async_callback(client.close)
            closing.push_async_callback(self.recheck.stop)


def _house(deps: ManagerDeps) -> _House:
    config, world, now = deps.config, deps.world, deps.world.now
    statistics = keeping_statistics()
    known = Known(clients=deps.clients, unavailable=deps.unavailable)
    guards = guards_of(config, world, deps.keys, deps.sharing) if deps.guards is None else deps.guards
    knowledge = Knowledge(known, lambda: statistics.recent(now()), guards.breakers.shut, now)
    journal = journal_of(statistics.subscriber, knowledge.hear, *_keeping(deps.store), deps.journal.emit)
    if deps.store is not None:
        guards.budgets.remember(deps.store.usage)

    def forbidden(endpoint: Endpoint) -> str | None:
        return why_not_asked(endpoint, config.routing)

    async def ready() -> None:
        await world.run_blocking(_load_sending)

    looked_for = {name: client for name, client in deps.servers.items() if forbidden(client.endpoint) is None}
    servers = {} if has_real_model(deps.clients) else looked_for
    looking_after = RecheckingDeps(
        world=world,
        journal=journal,
        settings=config.breaker,
        breakers=guards.breakers,
        clients=knowledge.clients,
        forbidden=forbidden,
    )
    return _House(
        deps=deps,
        guards=guards,
        statistics=statistics,
        knowledge=knowledge,
        journal=journal,
        forbidden=forbidden,
        unprobed=bool(servers),
        discover=discovering(servers, journal, now, knowledge.learn_clients, ready),
        recheck=rechecking(looking_after),
    )


def _keeping(store: Store | None) -> tuple[Subscriber, ...]:
    """Who keeps what the journal tells."""
    if store is None:
        return ()
    return (store.usage.subscriber,) if store.audit is None else (store.usage.subscriber, store.audit.subscriber)


def _likeness(house: _House, embed: Embed) -> Likeness | None:
    """What finds the answers to similar prompts, where they are wanted."""
    deps, clients = house.deps, house.knowledge.clients
    if deps.config.cache.similar is None or deps.similar is None or not deps.config.cache.enabled:
        return None

    def rest_key(attempt: Attempt, rest: LLMRequest) -> str | None:
        encoded = sealed(clients()[attempt.model.provider].encode(rest, attempt.model))
        if isinstance(encoded, Failure):
            return None
        return answer_key(encoded.unwrap(), attempt.endpoint, attempt.model.name, attempt.metadata.tenant)

    return Likeness(
        settings=deps.config.cache.similar,
        prompts=deps.similar,
        answers=deps.cache,
        embed=embed,
        rest_key=rest_key,
        journal=house.journal,
        now=deps.world.now,
        tally=Tally(),
    )


def _chats(house: _House, likeness: Likeness | None) -> tuple[Step[Call, LLMResponse], Step[Call, OpenStream]]:
    """Calls for whole answers, and calls for streams: the same layers around the same walk."""
    deps, config, clients, statistics, now = house.deps, house.deps.config, house.knowledge.clients, house.statistics, house.deps.world.now
    pricing = remembering_price()
    memory = Memory(cache=deps.cache, journal=house.journal, now=now, pricing=pricing)
    walk = WalkDeps(
        world=deps.world,
        journal=house.journal,
        router=deps.router,
        snapshot=house.snapshot,
        clients=clients,
        performance=config.performance,
        providers=config.providers,
        guards=house.guards,
        percentile=partial(percentile_of, lambda: statistics.recent(now()), config.hedging.least_answers),
        explore=exploring(config.routing, deps.world.rng, clients, memory.holds),
        hedging=config.hedging,
        pricing=pricing,
    )
    around_each, around_each_stream = around_attempts(deps, memory, house.guards, pricing, likeness)
    answers = stacked(around_each, asking_clients(clients))
    streams = stacked(around_each_stream, opening_clients(clients))
    around = around_calls(deps, house.journal)
    return stacked(around, walking(answers, walk, streamed=False)), stacked(around, walking(streams, walk, streamed=True))


def _besides(house: _House) -> OperatingDeps:
    """What calls need that are no chat."""
    config, knowledge = house.deps.config, house.knowledge
    offers = offering(knowledge.clients, config.profiles)

    async def choose_who(asked: Besides) -> Result[Plan, LLMError]:
        await house.prepared()
        return choose(asked, offers(ability_for(asked)), knowledge.as_it_is(), config.routing)

    return OperatingDeps(
        world=house.deps.world,
        journal=house.journal,
        choose=choose_who,
        clients=knowledge.clients,
        performance=config.performance,
        providers=config.providers,
        guards=house.guards,
        gates=house.guards.gates,
    )


def around_calls(deps: ManagerDeps, journal: Journal) -> tuple[CallLayer, ...]:
    """What stands around a whole call, outermost first. Its deadline is a number in the ledger: see `walking`."""
    return (*deps.around_calls, observing(journal, deps.world.now))


AroundEach: TypeAlias = tuple[tuple[Around[Attempt, LLMResponse], ...], tuple[Around[Attempt, OpenStream], ...]]


def around_attempts(
    deps: ManagerDeps, memory: Memory, guards: Guards, pricing: Pricing = price, likeness: Likeness | None = None
) -> AroundEach:
    """What stands around each attempt, outermost first: for whole answers, and for streams, which differ in caching."""
    journal, now = memory.journal, memory.now
    each = (gating((covering, *guards.gates), journal.emit, now, pricing), recording(journal, now, pricing), bounding(now))
    if not deps.config.cache.enabled:
        return each, each
    shared = () if deps.sharing is None else (flying(deps.sharing.flights, journal, deps.world, pricing),)
    if likeness is None:
        return (caching(memory), *shared, *each), (caching_streams(memory), *each)
    return (caching(memory), similar(likeness), *shared, *each), (caching_streams(memory), similar_streams(likeness), *each)


def guards_of(config: LLMConfig, world: World, keys: Keys | None = None, sharing: Sharing | None = None) -> Guards:
    """What lets requests through, as the settings say; ``keys`` are those that the clients choose from too, ``sharing`` holds what is
    shared with other processes."""
    admissions = admitting(config.admission, config.providers, world)
    if sharing is None:
        budgets = budgeting(config.budgets, world)
    else:
        own = budgeting([budget for budget in config.budgets if not is_shared(budget)], world)
        budgets = budgeting_together(own, sharing.purses, config.budgets, world)
        admissions = admitting_together(admissions, sharing.limits, config.admission, config.providers, world)
    return Guards(
        breakers=breaking(config.breaker, world.now),
        admissions=admissions,
        budgets=budgets,
        sharing=sharing,
        keys=keys_of(config, world) if keys is None else keys,
        resends=resending(world.now),
    )


def keys_of(config: LLMConfig, world: World) -> Keys:
    """The keys of every provider that has several, or fetches them."""

    def read(provider: str, path: str) -> Result[tuple[Secret, ...], LLMError]:
        from llm_manager.settings.key_files import read_keys

        return read_keys(provider, path)

    return leasing(config.providers, world, read)


def _load_sending() -> None:
    """Import what the first request would otherwise wait for: the HTTP library, in a tenth of a second or several."""
    import llm_manager.clients.pools  # noqa: F401 - it is loaded for those who send
