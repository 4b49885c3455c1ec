"""Calls for whole answers and calls for streams: the same layers around the same walk."""

from functools import partial

from returns.result import Failure

from llm_manager.assembling.house import House
from llm_manager.assembling.order import around_attempts, around_calls
from llm_manager.domain.attempts import Attempt, Call
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.layers.caching import Memory
from llm_manager.layers.similar import Likeness, Tally
from llm_manager.orchestration.attempting import WalkDeps
from llm_manager.orchestration.dispatching import asking_clients, opening_clients
from llm_manager.orchestration.exploring import exploring
from llm_manager.orchestration.walking import walking
from llm_manager.outcomes import sealed
from llm_manager.policies.cache_key import answer_key
from llm_manager.policies.pricing import remembering_price
from llm_manager.policies.statistics import percentile_of
from llm_manager.services.model_client import Embed
from llm_manager.services.steps import OpenStream, Step, stacked


def likeness_of(house: House, embed: Embed) -> Likeness | None:
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


def chats_of(house: House, likeness: Likeness | None) -> tuple[Step[Call, LLMResponse], Step[Call, OpenStream]]:
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
