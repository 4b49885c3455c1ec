"""A slow call asks a second endpoint as well: the first answer counts, the other attempt is left, and both stand in the ledger.

Asking a model changes nothing anywhere, whatever tools it may call for in its answer, so that every chat qualifies. The second
model is one of the plan, which holds nobody who may not see the request. It is taken from the first endpoint's share of re-sends,
for that is where the calls are: when everything is slow, hedging does not double what is asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt, Ledger
from llm_manager.domain.errors import AttemptRecord, with_attempts
from llm_manager.domain.plans import Plan
from llm_manager.domain.responses import LLMResponse
from llm_manager.orchestration.attempting import WalkDeps, Way, most_usd
from llm_manager.orchestration.trying import MAYBE_BILLED, Lost, Missed, missed_record, record
from llm_manager.outcomes import Settled
from llm_manager.policies.recovery import FIRST, Try
from llm_manager.services.steps import Ending, OpenStream, Reply, Step, at_end


@frozen(kw_only=True)
class Hedge:
    """Which step is asked too, and after how many seconds."""

    step: int
    after_seconds: float


def hedge(deps: WalkDeps, plan: Plan) -> Hedge | None:
    """The next step at another endpoint than the first one's, once enough answers of the first model are known."""
    first, hedging = plan.steps[0], deps.hedging
    other = next((place for place, step in enumerate(plan.steps) if step.endpoint != first.endpoint), None)
    if other is None:
        return None
    seconds = deps.percentile(first.profile.provider, first.profile.name, hedging.percentile)
    return None if seconds is None else Hedge(step=other, after_seconds=max(seconds, hedging.least_seconds))


async def hedged(step: Step[Attempt, Reply], way: Way, ledger: Ledger, began: float, second: Hedge) -> Settled[Reply, Lost]:
    """Ask the first step, and after a while the second one too; what follows two failures is decided as after any other."""
    ready = await way.fetched(FIRST, ledger, began)
    if isinstance(ready, Missed):
        return Failure(Lost(ledger=ledger, asked=FIRST, began=began, ended=way.deps.world.now(), missed=ready))
    first = _start(step, way, ready, asked=FIRST, ledger=ledger, began=began)
    racers = [first]
    try:
        await _within(first.task, second.after_seconds)
        if not first.task.done():
            racers += await _joining(step, way, first, second.step)
        winner = await _first_to_answer(racers)
        await _leave([racer for racer in racers if racer is not winner])
    except BaseException:  # who has won is left too: nobody is there to read it
        await _leave(racers)
        raise
    if winner is None:
        return Failure(_lost(ledger, racers))
    answered: Success[Reply] = Success(winner.task.result()[0].unwrap())
    if len(racers) == 1:
        return answered
    loser = racers[0] if winner is racers[1] else racers[1]
    told = at_end(answered, _told(ledger, winner, loser.record(way.deps.world.now())))
    return told if isinstance(told, Success) else Failure(_lost(ledger, racers))


_Ended: TypeAlias = tuple[Settled[Any, Missed], float]


@frozen(kw_only=True)
class _Racer:
    """One of the two attempts; its task tells how it ended, and when."""

    way: Way
    asked: Try
    attempt: Attempt
    ledger: Ledger
    began: float
    task: "asyncio.Task[_Ended]"

    def lost(self, missed: Missed, ended: float) -> Lost:
        """It as one that failed."""
        return Lost(ledger=self.ledger, asked=self.asked, began=self.began, ended=ended, missed=missed)

    def record(self, now: float) -> AttemptRecord:
        """Its line in the ledger: what it met, or that it was left; an answer that came too late has its price.

        While it is under way it may still be sent, and counts as if it were.
        """
        plan, ledger, index, key = self.way.plan, self.ledger, self.asked.step, self.attempt.key
        outcome, ended = self.task.result() if self.task.done() and not self.task.cancelled() else (None, now)
        if isinstance(outcome, Failure):
            return missed_record(plan, self.lost(outcome.failure(), ended))
        reply, where = None if outcome is None else outcome.unwrap(), self.attempt.whereabouts
        sent = where.sent or not self.task.done()
        most = most_usd(ledger, self.attempt) if sent else None
        cost = reply.cost if isinstance(reply, LLMResponse) else MAYBE_BILLED if sent else None
        return record(plan, ledger, index, self.began, ended, cost=cost, key=key, sent=sent, left=True, most_usd=most, shared=where.shared)


def _start(step: Step[Attempt, Reply], way: Way, attempt: Attempt, *, asked: Try, ledger: Ledger, began: float) -> _Racer:
    async def run() -> _Ended:
        return await way.send(step, attempt, asked.step, ledger, began), way.deps.world.now()

    return _Racer(way=way, asked=asked, attempt=attempt, ledger=ledger, began=began, task=asyncio.create_task(run()))


async def _joining(step: Step[Attempt, Reply], way: Way, first: _Racer, index: int) -> tuple[_Racer, ...]:
    """The second attempt, unless too many were made of late for calls to the first endpoint; the ledger it sees has the first one in it."""
    now = way.deps.world.now()
    asked, ledger = Try(step=index), first.ledger.entered(first.record(now))
    ready = await way.fetched(asked, ledger, now)
    if isinstance(ready, Missed) or first.task.done():
        return ()
    if way.deps.guards.resends.take(way.plan.steps[first.asked.step].endpoint) > 0.0:
        return ()
    return (_start(step, way, ready, asked=asked, ledger=ledger, began=now),)


async def _within(task: "asyncio.Task[_Ended]", seconds: float) -> None:
    """Wait so long for a task at most, which goes on."""
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            await asyncio.shield(task)
    except TimeoutError:
        if not scope.expired():
            raise


async def _first_to_answer(racers: Sequence[_Racer]) -> _Racer | None:
    """The first one that has an answer; None when all have failed."""
    news = asyncio.Event()
    for racer in racers:
        racer.task.add_done_callback(lambda _: news.set())
    while True:
        ended = [racer for racer in racers if racer.task.done()]
        for racer in ended:
            if isinstance(racer.task.result()[0], Success):
                return racer
        if len(ended) == len(racers):
            return None
        news.clear()
        await news.wait()


async def _leave(racers: Sequence[_Racer]) -> None:
    """End attempts that nobody waits for, and close the streams that they have opened."""
    for racer in racers:
        racer.task.cancel()
    for ended in await asyncio.gather(*(racer.task for racer in racers), return_exceptions=True):
        if not isinstance(ended, BaseException) and isinstance(ended[0], Success) and isinstance(reply := ended[0].unwrap(), OpenStream):
            await reply.rest.aclose()


def _lost(ledger: Ledger, racers: Sequence[_Racer]) -> Lost:
    """What is known when all have failed, the last of them last."""
    *before, last = sorted(racers, key=lambda racer: racer.task.result()[1])
    for racer in before:
        ledger = ledger.entered(evolve(racer.record(racer.began), number=len(ledger.attempts) + 1))
    outcome, ended = last.task.result()
    return evolve(last.lost(outcome.failure(), ended), ledger=ledger)


def _told(ledger: Ledger, winner: _Racer, loser: AttemptRecord) -> Callable[[Ending], Ending]:
    """Put the one that was left into the ledger of the answer, before the one that answered."""

    def tell(ending: Ending) -> Ending:
        if not isinstance(ending, Success):
            error = ending.failure()
            return Failure(with_attempts(error, (*ledger.attempts, loser, *error.attempts[len(winner.ledger.attempts) :])))
        answer = ending.unwrap()
        return Success(evolve(answer, attempts=(*ledger.attempts, loser, *answer.attempts[len(winner.ledger.attempts) :])))

    return tell
