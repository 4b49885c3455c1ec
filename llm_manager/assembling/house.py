"""What all that a manager does shares: guards, statistics, knowledge, journal; and what it does with that alone."""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.assembling.guards import guards_of
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.plans import Plan, Snapshot
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.standing import Standing
from llm_manager.effects import settle
from llm_manager.orchestration.checking import checking_health, listing_models
from llm_manager.orchestration.discovering import discovering
from llm_manager.orchestration.knowing import Knowledge, Known
from llm_manager.orchestration.rechecking import Rechecking, RecheckingDeps, rechecking
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.request_faults import check_request
from llm_manager.policies.routing import why_not_asked
from llm_manager.services.guards import Guards
from llm_manager.services.journal import Journal, Subscriber
from llm_manager.services.manager import ManagerDeps
from llm_manager.services.model_client import ModelClient, has_real_model, is_toy
from llm_manager.services.store import Store
from llm_manager.telemetry.journal import journal_of
from llm_manager.telemetry.statistics import StatisticsKeeper, keeping_statistics


@frozen(kw_only=True)
class House:
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


def house_of(deps: ManagerDeps) -> House:
    """Make it of the parts; this does no I/O."""
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
    return House(
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


def _load_sending() -> None:
    """Import what the first request would otherwise wait for: the HTTP library, in a tenth of a second or several."""
    import llm_manager.clients.pools  # noqa: F401 - it is loaded for those who send
