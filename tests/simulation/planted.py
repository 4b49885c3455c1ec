"""Known bugs, put into the manager on purpose: the simulator must find each of them, and nothing without.

Most are put in through seams, by another function in the records that a manager is made of. A few have none: for those one
name of a module is replaced while the history runs.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from typing import Any, TypeAlias

from attrs import evolve, field, frozen
from msgspec.structs import replace
from returns.result import Failure, Result, Success

from llm_manager.assembling.guards import guards_of
from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ContentFiltered,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    QuotaExhausted,
)
from llm_manager.domain.plans import Plan, Snapshot
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Priced
from llm_manager.layers import admitting
from llm_manager.outcomes import Settled
from llm_manager.policies.budget import settle
from llm_manager.policies.budget_book import Alert, Book, Decisions, Real
from llm_manager.policies.cache_key import cache_key
from llm_manager.policies.deadlines import Patient, total_seconds
from llm_manager.services.gates import Emit, End, Gate, Pass, Replied, WaitingGate, enter
from llm_manager.services.guards import Guards
from llm_manager.services.manager import ManagerDeps
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import Step

Plant: TypeAlias = Callable[[ManagerDeps], ManagerDeps]
Answer: TypeAlias = Step[Attempt, LLMResponse]


@frozen(kw_only=True)
class Bug:
    """A bug, the scenario in which it shows, and what the simulator says of it."""

    name: str
    scenario: str
    plant: Plant = field(default=lambda deps: deps)
    replaced: Mapping[str, Any] = field(factory=dict)
    """Names of modules, such as ``package.module:name``, and what takes their place."""
    said: tuple[str, ...]
    """The beginning or a part of what it breaks, any of these."""

    @contextmanager
    def at_work(self) -> Iterator[Plant]:
        """The bug, for as long as a history runs."""
        kept: list[tuple[Any, str, Any]] = []
        try:
            for place, other in self.replaced.items():
                module, _, name = place.partition(":")
                owner = import_module(module)
                kept.append((owner, name, getattr(owner, name)))
                setattr(owner, name, other)
            yield self.plant
        finally:
            for owner, name, own in kept:
                setattr(owner, name, own)


# -- seams


def _guarded(change: Callable[[Guards], Guards]) -> Plant:
    def plant(deps: ManagerDeps) -> ManagerDeps:
        guards = guards_of(deps.config, deps.world) if deps.guards is None else deps.guards
        return evolve(deps, guards=change(guards))

    return plant


def _passing(gate: Gate, change: Callable[[Pass], Pass]) -> WaitingGate:
    async def changed(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        entered = await enter(gate, attempt, emit)
        return Success(change(entered.unwrap())) if isinstance(entered, Success) else entered

    return changed


def _ended(change: Callable[[Callable[[End], None], End], None]) -> Callable[[Pass], Pass]:
    """A pass that tells its end in another way; what else it has stays."""

    def changed(passed: Pass) -> Pass:
        return replace(passed, ended=lambda how: change(passed.ended, how))

    return changed


def _clients(change: Callable[[ModelClient], ModelClient]) -> Plant:
    return lambda deps: evolve(deps, clients={name: change(client) for name, client in deps.clients.items()})


# -- bugs


def _only_a_verdict_frees(ended: Callable[[End], None], how: End) -> None:
    if isinstance(how, Replied | NetworkError):
        ended(how)


def _twice(ended: Callable[[End], None], how: End) -> None:
    ended(how)
    ended(how)


def _not_when_left(ended: Callable[[End], None], how: End) -> None:
    if how is not None:
        ended(how)


def _everything_is_a_failure(ended: Callable[[End], None], how: End) -> None:
    bad = how is not None and not isinstance(how, Replied)
    ended(ModelUnavailable(model="m", message="failed") if bad else how)


def _free_unless_answered(ended: Callable[[End], None], how: End) -> None:
    maybe = how is None or (not isinstance(how, Replied) and charge_of(how) != "none")
    ended(InvalidRequest(message="never mind") if maybe else how)


def _half_price(ended: Callable[[End], None], how: End) -> None:
    ended(replace(how, cost=Priced(usd=Decimal(0), price_version="none")) if isinstance(how, Replied) else how)


def _breaker(change: Callable[[Pass], Pass]) -> Plant:
    return _guarded(lambda guards: evolve(guards, breakers=evolve(guards.breakers, gate=_passing(guards.breakers.gate, change))))


def _budget(change: Callable[[Pass], Pass]) -> Plant:
    def changed(guards: Guards) -> Guards:
        gate = guards.budgets.gate
        return guards if gate is None else evolve(guards, budgets=evolve(guards.budgets, gate=_passing(gate, change)))

    return _guarded(changed)


def _admission(change: Callable[[Pass], Pass]) -> Plant:
    return _guarded(lambda guards: evolve(guards, admissions=evolve(guards.admissions, gate=_passing(guards.admissions.gate, change))))


def _nobody_keeps_the_door(guards: Guards) -> Guards:
    async def through(_: AnyAttempt, __: Emit) -> Settled[Pass, LLMError]:
        return Success(Pass(ended=lambda _: None))

    return evolve(guards, breakers=evolve(guards.breakers, entry=through, gate=_knocking(guards.breakers.gate)))


def _knocking(gate: Gate) -> Gate:
    async def knocked(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        entered = await enter(gate, attempt, emit)
        return entered if isinstance(entered, Success) else Success(Pass(ended=lambda _: None))

    return knocked


def _given_back_twice(quota: Any, grant: Any, emit: Emit) -> Pass:
    once, again = (admitting._Leaving(quota, grant, emit) for _ in range(2))

    def ended(how: End) -> None:
        once.ended(how)
        again.ended(how)

    return Pass(ended=ended, opened=once.opened)


def _private_is_forgotten(deps: ManagerDeps) -> ManagerDeps:
    route = deps.router.route

    def routed(request: LLMRequest, snapshot: Snapshot) -> Result[Plan, LLMError]:
        return route(evolve(request, sensitivity="public"), snapshot)

    return evolve(deps, router=evolve(deps.router, route=routed))


def _retries_without_end(deps: ManagerDeps) -> ManagerDeps:
    route = deps.router.route

    def routed(request: LLMRequest, snapshot: Snapshot) -> Result[Plan, LLMError]:
        return route(request, snapshot).map(lambda plan: evolve(plan, max_retries=plan.max_retries + 3))

    return evolve(deps, router=evolve(deps.router, route=routed))


def _first_key_for_ever(guards: Guards) -> Guards:
    async def gate(_: AnyAttempt, __: Emit) -> Settled[Pass, LLMError]:
        return Success(Pass(ended=lambda _: None))

    async def leased(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        entered = Success(Pass(ended=lambda _: None)) if guards.keys.gate is None else await guards.keys.gate(attempt, emit)
        return entered if isinstance(entered, Success) else await enter(gate, attempt, emit)

    return evolve(guards, keys=evolve(guards.keys, choose=lambda _, own: own, gate=leased))


def _answering(change: Callable[[Answer], Answer]) -> Plant:
    return _clients(lambda client: evolve(client, answer=change(client.answer)))


def _quota_comes_back(answer: Answer) -> Answer:
    async def answered(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        outcome = await answer(attempt)
        if isinstance(outcome, Success):
            return outcome
        error = outcome.failure()
        if isinstance(error, QuotaExhausted | AuthenticationFailed | ContentFiltered):
            return Failure(ModelUnavailable(model=error.model, message=error.message, origin=error.origin))
        return outcome

    return answered


def _retried_in_secret(answer: Answer) -> Answer:
    async def answered(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        outcome = await answer(attempt)
        return outcome if isinstance(outcome, Success) else await answer(attempt)

    return answered


def _retried_after_cancellation(answer: Answer) -> Answer:
    async def answered(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        try:
            return await answer(attempt)
        except asyncio.CancelledError:
            return await answer(attempt)

    return answered


def _leaves_a_task(answer: Answer) -> Answer:
    async def answered(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        _KEPT.append(asyncio.create_task(asyncio.Event().wait()))
        return await answer(attempt)

    return answered


_KEPT: list[asyncio.Task[Any]] = []


def _three_times_as_long(request: Patient, longest_attempt: float) -> float:
    return 3.0 * total_seconds(request, longest_attempt)


def _paid_twice(book: Book, id_: int, real: Real, wall: float) -> tuple[Book, tuple[Decisions, tuple[Alert, ...]]]:
    twice = Real(*(None if amount is None else 2 * amount for amount in (real.usd, real.tokens, real.requests)))
    return settle(book, id_, twice, wall)


def _whose_it_is_does_not_matter(attempt: Attempt) -> str:
    request = evolve(attempt.request, metadata=evolve(attempt.request.metadata, tenant=None))
    return cache_key(replace(attempt, request=request))


def _freed_with_every_piece(passed: Pass) -> Pass:
    """A permit that comes back when the stream begins, and again when it ends."""

    def opened(told: RateLimits | None) -> None:
        passed.opened(told)
        passed.ended(None)

    return replace(passed, opened=opened)


BUGS: tuple[Bug, ...] = (
    Bug(
        name="a probe's slot is not given back on 4xx, 429 and cancellation",
        scenario="breaking",
        plant=_breaker(_ended(_only_a_verdict_frees)),
        said=("keeps 1 probes for nobody", "is well again and is not asked"),
    ),
    Bug(
        name="a breaker counts what is not the server's fault",
        scenario="breaking",
        plant=_breaker(_ended(_everything_is_a_failure)),
        said=("failures that count",),
    ),
    Bug(
        name="a shut breaker lets everybody through",
        scenario="breaking",
        plant=_guarded(_nobody_keeps_the_door),
        said=("was asked while its breaker was open", "probes at once"),
    ),
    Bug(
        name="a request is settled twice",
        scenario="spending",
        replaced={"llm_manager.layers.budgeting:settle": _paid_twice},
        said=("knows of", " spent and "),
    ),
    Bug(
        name="what may have been billed is released",
        scenario="spending",
        plant=_budget(_ended(_free_unless_answered)),
        said=("for what nobody was told",),
    ),
    Bug(name="an answer's usage is lost before it is settled", scenario="spending", plant=_budget(_ended(_half_price)), said=("knows of",)),
    Bug(
        name="what was reserved stays so when the caller leaves",
        scenario="spending",
        plant=_budget(_ended(_not_when_left)),
        said=("reserved for nobody",),
    ),
    Bug(
        name="a permit is not given back on cancellation",
        scenario="limited",
        plant=_admission(_ended(_not_when_left)),
        said=("under way and",),
    ),
    Bug(
        name="a permit is given back twice",
        scenario="limited",
        replaced={"llm_manager.layers.admitting:_pass": _given_back_twice},
        said=("below nothing", "requests under way"),
    ),
    Bug(
        name="a permit is given back when a stream begins",
        scenario="limited",
        plant=_admission(_freed_with_every_piece),
        said=("requests under way",),
    ),
    Bug(
        name="the window of a minute is a few seconds short",
        scenario="limited",
        replaced={"llm_manager.policies.minute_windows:_BINS": 56, "llm_manager.policies.minute_windows:_LASTS": 57},
        said=("within a minute",),
    ),
    Bug(name="a private request falls back to a cloud", scenario="mixed", plant=_private_is_forgotten, said=("is private",)),
    Bug(name="re-sends are not bounded", scenario="outage", plant=_retries_without_end, said=("re-sends",)),
    Bug(name="a key that was refused is used on", scenario="keys", plant=_guarded(_first_key_for_ever), said=("which was refused",)),
    Bug(name="a spent quota is asked again", scenario="keys", plant=_answering(_quota_comes_back), said=("after what cannot be mended",)),
    Bug(
        name="a client re-sends in secret",
        scenario="breaking",
        plant=_answering(_retried_in_secret),
        said=("without an attempt in the journal",),
    ),
    Bug(
        name="a request is sent again after its cancellation",
        scenario="breaking",
        plant=_answering(_retried_after_cancellation),
        said=("without an attempt in the journal",),
    ),
    Bug(name="a task is left behind", scenario="calm", plant=_answering(_leaves_a_task), said=("a task was left behind",)),
    Bug(
        name="a call's deadline is not its own",
        scenario="breaking",
        replaced={"llm_manager.orchestration.walking:total_seconds": _three_times_as_long},
        said=("after its deadline", " s of "),
    ),
    Bug(
        name="an answer is remembered for every tenant",
        scenario="remembering",
        replaced={"llm_manager.layers.caching:cache_key": _whose_it_is_does_not_matter},
        said=("another tenant's answer",),
    ),
)
"""The bugs that are planted."""
