"""One history: a manager of its own among scripted providers, from the first request to the last check."""

import asyncio
import time
import traceback
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

from attrs import evolve, field, frozen
from returns.result import Success

from llm_manager.domain.errors import BudgetExceeded
from llm_manager.domain.events import Event
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.standing import Standing
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.services.journal import Journal
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.services.transport import Envelope
from llm_manager.testing import DeadlockError, VirtualLoop
from llm_manager.wiring import default_deps, make_llm_manager
from tests.simulation.dialects import Saying
from tests.simulation.invariants import Invariants
from tests.simulation.providers import Exchange, Provider
from tests.simulation.reactions import Reaction
from tests.simulation.recovering import recovered
from tests.simulation.scenarios import Scenario
from tests.simulation.trace import Trace, line_of
from tests.simulation.transport import simulated_transport
from tests.simulation.workload import MARK, Asked, Drawing, Ended, ask
from tests.simulation.world import ASKING, simulated_world, stream

_LONGEST = 50_000.0
_MOST_BROKEN = 5
_DIGITS = 8

Plant = Callable[[ManagerDeps], ManagerDeps]
"""Puts something else into what a manager is made of."""


@frozen(kw_only=True)
class Broken:
    """An invariant that did not hold: at which step of the trace, and what had happened last."""

    what: str
    step: int
    at: float
    last: tuple[str, ...] = field(repr=False)


@frozen(kw_only=True)
class Report:
    """What became of a history."""

    seed: int
    scenario: str
    wanted: int
    requests: int
    """Those of batches are counted each, so there may be a few more than were wanted."""
    digest: str
    steps: int
    virtual_seconds: float
    real_seconds: float
    outcomes: dict[str, int]
    attempts: int
    resends: int
    hits: int
    micro_dollars: int
    broken: tuple[Broken, ...]

    @property
    def rate(self) -> float:
        """Requests a second of real time."""
        return self.requests / self.real_seconds if self.real_seconds else 0.0


class History:
    """All parts of one history, tied together."""

    def __init__(
        self, seed: int, scenario: Scenario, requests: int, *, plant: Plant | None = None, look_every: int = 1, show: str | None = None
    ) -> None:
        self.seed = seed
        self.scenario = scenario
        self.requests = requests
        self.played = 0
        self.plant = plant
        self.look_every = look_every
        self.trace = Trace(show=show)
        self.broken: list[Broken] = []
        self.providers: dict[str, Provider] = scenario.servers(seed)
        self.loop = VirtualLoop(seed=seed)
        self.config = scenario.config()
        self.checks = Invariants(self.config, self.loop.time, self.break_)
        self.asked: dict[int, Asked] = {}
        self.ended: list[tuple[float, float, bool]] = []
        """Of every request: when it was asked, when it ended, whether well."""
        self.arrivals: list[float] = []
        self._exchanges = 0
        self._loose = {budget.name for budget in self.config.budgets if budget.unpriced == "allow"}
        self._fingerprints: dict[bytes, str] = {}
        self._events = 0
        self.manager: LLMManager | None = None

    # -- the transport's watcher

    def send(self, envelope: Envelope, *, streamed: bool) -> tuple[Reaction, Exchange | None]:
        """A request leaves."""
        now = self.loop.time()
        provider = self.providers[envelope.provider]
        where = envelope.body.find(MARK)
        if where < 0:
            self.trace.tell(f"{now!r} beside {envelope.provider} {envelope.method}")
            return provider.react_beside(envelope.url.partition("?")[0], now), None
        start = where + len(MARK)
        question = int(envelope.body[start : start + _DIGITS])
        number = self._exchanges
        self._exchanges += 1
        exchange = Exchange(number, envelope.provider, question, "", 0, self._key(envelope), now, streamed)
        asked = self.checks.sent(exchange)
        self.checks.served.append(None if asked is None else asked.request.metadata.tenant)
        saying = Saying(
            text=f"answer {question} {number}",
            prompt_tokens=min(len(envelope.body), 20 + len(envelope.body) // 4),
            completion_tokens=1 if asked is None else asked.completion_tokens,
        )
        provider.under_way += 1
        reaction = provider.react(exchange, saying, now)
        if exchange.reached:
            self.checks.arrived(exchange)
        what = "" if exchange.fault is None else exchange.fault.name
        self.trace.tell(f"{now!r} sent {number} {envelope.provider} {exchange.call_id} {reaction.status} {what}")
        return reaction, exchange

    def end(self, exchange: Exchange | None, how: str) -> None:
        """An answer is read, or will not be."""
        if exchange is None:
            return
        self.trace.tell(f"{self.loop.time()!r} ended {exchange.number} {how}")
        self.providers[exchange.provider].under_way -= 1
        self.checks.finished(exchange, how)

    def _key(self, envelope: Envelope) -> str:
        for name, value in envelope.headers:
            if name in (b"authorization", b"x-goog-api-key", b"x-api-key"):
                return value.removeprefix(b"Bearer ").decode()
        return ""

    # -- the journal's subscriber

    def hear(self, event: Event) -> None:
        """Something happened in the manager."""
        self.trace.tell(line_of(event))
        self.checks.hear(event)
        self._events += 1
        if self._events % self.look_every == 0 and self.manager is not None:
            self.look(self.manager.standing())

    def look(self, standing: Standing) -> None:
        """What stands in the cells is within its bounds."""
        for purse in standing.budgets:
            if purse.spent + purse.reserved > purse.limit and purse.budget not in self._loose:
                self.break_(f"the budget {purse.budget} {purse.of}: {purse.spent} spent and {purse.reserved} reserved of {purse.limit}")
            if purse.reserved < 0 or purse.spent < 0 or purse.unknown < 0:
                self.break_(f"the budget {purse.budget} {purse.of} is below nothing: {purse}")
        for scope in standing.scopes:
            if scope.under_way < 0 or scope.waiting < 0:
                self.break_(f"the quota of {scope.provider} counts below nothing: {scope}")
        for breaker in standing.breakers:
            if not 0 <= breaker.probes <= self.config.breaker.probes:
                self.break_(f"the breaker of {breaker.provider} has {breaker.probes} probes under way")

    def break_(self, what: str) -> None:
        """An invariant does not hold."""
        if len(self.broken) < _MOST_BROKEN:
            self.broken.append(Broken(what=what, step=self.trace.step, at=self.loop.time(), last=tuple(self.trace.last)))

    # -- running

    def run(self) -> Report:
        """Play it to its end."""
        began = time.perf_counter()
        self.loop.set_exception_handler(self._unhandled)
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._play())
        except DeadlockError as error:
            self.break_(f"a deadlock: {error}")
        except Exception as error:  # noqa: BLE001 - whatever is raised is a bug, and is told as one
            self.break_(f"raised: {error!r} {_where(error)}")
        finally:
            _close(self.loop)
            asyncio.set_event_loop(None)
        numbers = self.checks.numbers
        return Report(
            seed=self.seed,
            scenario=self.scenario.name,
            wanted=self.requests,
            requests=self.played,
            digest=self.trace.digest(),
            steps=self.trace.step,
            virtual_seconds=self.loop.time(),
            real_seconds=time.perf_counter() - began,
            outcomes=dict(sorted(numbers.outcomes.items())),
            attempts=numbers.attempts,
            resends=numbers.resends,
            hits=numbers.hits,
            micro_dollars=numbers.bill,
            broken=tuple(self.broken),
        )

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.break_(f"nobody handles: {context.get('message')} {context.get('exception')!r}")

    def _begin(self, call_id: str, number: int) -> None:
        self.checks.begin(call_id, self.asked.get(number))

    def _made(self) -> LLMManager:
        world = simulated_world(self.seed, self._begin)
        transport = simulated_transport(self, self.loop.time)
        deps = evolve(default_deps(self.config, world, transport).unwrap(), journal=Journal(emit=self.hear))
        if self.plant is not None:
            deps = self.plant(deps)
        return make_llm_manager(self.config, deps).unwrap()

    async def _play(self) -> None:
        self.manager = self._made()
        tasks = await self._arrive(self.manager)
        deadline = self.loop.time() + _LONGEST
        pending = [task for task in tasks if not task.done()]
        while pending and self.loop.time() < deadline:
            await asyncio.sleep(50.0)
            pending = [task for task in pending if not task.done()]
        for task in pending:
            self.break_(f"{task.get_name()} never ends")
            task.cancel()
        for provider in self.providers.values():
            provider.windows.clear()
            provider.limit = provider.most_at_once = None
        await asyncio.sleep(self.scenario.quiet)
        self._rest(self.manager.standing())
        await self._revive(self.manager)
        await self.manager.close()
        await asyncio.sleep(0.0)
        self._leaked()
        self.checks.at_end(self.providers, self.manager.standing().budgets)
        if self.scenario.recovers_at is not None:
            for problem in recovered(self.scenario.recovers_at, self.arrivals, self.ended, self.checks.numbers.seen):
                self.break_(problem)

    async def _arrive(self, manager: LLMManager) -> list[asyncio.Task[None]]:
        rng = stream(self.seed, "arrivals")
        drawing = Drawing(stream(self.seed, "workload"), self.scenario.mix, self.scenario.providers)
        running: list[asyncio.Task[None]] = []
        count = 0
        while count < self.requests:
            await asyncio.sleep(rng.expovariate(self.scenario.rate))
            asked = drawing.next()
            for row in asked.rows or (asked,):
                count += 1
                self.checks.questions.setdefault(row.question, row)
                self.arrivals.append(self.loop.time())
            task = asyncio.create_task(self._client(manager, asked), name=f"request {asked.number}")
            self.asked[asked.number] = asked
            if asked.cancel_after is not None:
                self.loop.call_later(asked.cancel_after, self._cancel, task, asked)
            running.append(task)
            if len(running) > 1000:
                running = [task for task in running if not task.done()]
        self.played = count
        return running

    def _cancel(self, task: "asyncio.Task[None]", asked: Asked) -> None:
        if not task.done():
            self.trace.tell(f"{self.loop.time()!r} cancel {asked.number}")
            asked.cancelled = True
            task.cancel()

    async def _client(self, manager: LLMManager, asked: Asked) -> None:
        ASKING.set(asked.number)
        began = self.loop.time()
        try:
            if asked.kind == "batch":
                await self._batch(manager, asked)
                return
            ended = await ask(manager, asked)
        except asyncio.CancelledError:
            for row in asked.rows or (asked,):
                if not row.ended:
                    self._end(row, "cancelled", began)
            return
        except Exception as error:  # noqa: BLE001 - the same
            self.break_(f"request {asked.number} raised {error!r} {_where(error)}")
            return
        self._end(asked, ended, began)

    async def _batch(self, manager: LLMManager, batch: Asked) -> None:
        began = self.loop.time()
        async with aclosing(manager.generate_all((row.request for row in batch.rows), concurrency=4)) as answers:
            told = 0
            async for position, answer in answers:
                self._end(batch.rows[position], sealed(answer), began)
                if told == batch.leave_after:
                    break
                told += 1
        for row in batch.rows:
            if not row.ended:
                self._end(row, "left", began)

    def _end(self, asked: Asked, ended: Ended, began: float) -> None:
        asked.ended += 1
        if asked.ended > 1:
            self.break_(f"request {asked.number} ended {asked.ended} times")
        how: str
        if isinstance(ended, str):
            how = ended
        elif isinstance(ended, Success):
            self.checks.replied(asked, ended.unwrap())
            how = "answered"
        else:
            self.checks.refused(asked, ended.failure())
            how = ended.failure().tag
        self.ended.append((began, self.loop.time(), how == "answered"))
        self.checks.numbers.outcomes[how] += 1
        self.trace.tell(f"{self.loop.time()!r} result {asked.number} {how}")

    # -- the end

    def _rest(self, standing: Standing) -> None:
        for purse in standing.budgets:
            if purse.reserved:
                self.break_(f"the budget {purse.budget} {purse.of} keeps {purse.reserved} reserved for nobody")
        for scope in standing.scopes:
            if scope.under_way or scope.waiting:
                self.break_(f"the quota of {scope.provider} keeps {scope.under_way} under way and {scope.waiting} waiting for nobody")
        for breaker in standing.breakers:
            if breaker.probes:
                self.break_(f"the breaker of {breaker.provider} keeps {breaker.probes} probes for nobody")
        for key in standing.keys:
            if key.leases:
                self.break_(f"the key {key.fingerprint} of {key.provider} keeps {key.leases} leases for nobody")

    async def _revive(self, manager: LLMManager) -> None:
        """Ask every provider once more: all of them must answer."""
        for number, name in enumerate(self.providers):
            question = 90_000_000 + number
            only = Preferences(provider=name, exact=True, max_tokens=5)
            request = LLMRequest(f"question {question:08d}.", preferences=only, cache="off", sensitivity="public")
            asked = Asked(-2 - number, question, "whole", request, 3, False)
            self.asked[asked.number] = self.checks.questions[question] = asked
            ASKING.set(asked.number)
            answer = await settle(manager.generate(request))
            for _ in range(self.scenario.keys):  # a key that was refused meanwhile is found out by a call, which may not send again
                if not isinstance(answer, Success):
                    answer = await settle(manager.generate(request))
            if isinstance(answer, Success):
                self.checks.replied(asked, answer.unwrap())
            elif not isinstance(answer.failure(), BudgetExceeded):
                self.break_(f"{name} is well again and is not asked, or its answer refused: {answer.failure()!r}")

    def _leaked(self) -> None:
        here = asyncio.current_task()
        for task in sorted((task for task in asyncio.all_tasks() if task is not here), key=hash):
            self.break_(f"a task was left behind: {task.get_name()} {task.get_coro()!r}")
        timers = [timer[3] for timer in self.loop._timers if not timer[3].cancelled()]
        if len(timers) > 1:
            self.break_(f"{len(timers)} timers were left behind: {timers[:3]!r}")


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return "".join(f"in {frame.filename}:{frame.lineno}" for frame in last)


def _close(loop: VirtualLoop) -> None:
    with suppress(RuntimeError, DeadlockError):
        tasks = sorted(asyncio.all_tasks(loop), key=hash)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
