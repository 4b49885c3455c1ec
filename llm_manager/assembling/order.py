"""Where each layer stands, written once: around a whole call, and around each attempt."""

from typing import TypeAlias

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.responses import LLMResponse
from llm_manager.layers.bounding import bounding
from llm_manager.layers.caching import Memory, caching, caching_streams
from llm_manager.layers.covering import covering
from llm_manager.layers.flying import flying
from llm_manager.layers.gating import gating
from llm_manager.layers.observing import observing
from llm_manager.layers.recording import recording
from llm_manager.layers.similar import Likeness, similar, similar_streams
from llm_manager.policies.pricing import Pricing, price
from llm_manager.services.guards import Guards
from llm_manager.services.journal import Journal
from llm_manager.services.manager import ManagerDeps
from llm_manager.services.steps import Around, CallLayer, OpenStream


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
