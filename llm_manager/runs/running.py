"""The loop: ask what is left, write each answer down as it comes, and stop only for what every row would meet.

A run that stops for an answer asks nothing more and waits for what is under way: it may be answered, and then it is paid.
One that gives up on a server does not wait for it: after many rows that got nowhere, or when no row got anywhere.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from typing import Any

from attrs import evolve, frozen
from returns.result import Failure, Result

from llm_manager.cells import Cell
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.runs import RunRow
from llm_manager.outcomes import Settled
from llm_manager.policies.run_budget import worst_of
from llm_manager.runs.committing import Committer, Durable
from llm_manager.runs.jobs import Job
from llm_manager.runs.outcomes import Finished, finished
from llm_manager.runs.purse import Purse
from llm_manager.runs.stopping import PATIENCE, in_vain, stops
from llm_manager.runs.surveying import Standing, Survey
from llm_manager.runs.tallies import Tally, with_given_up, with_in_vain, with_left
from llm_manager.services.departures import on_departure
from llm_manager.services.manager import GenerateAll
from llm_manager.services.run_store import RowIntent, RunLog


@frozen(kw_only=True)
class Running:
    """What a run goes by beside its rows. ``model`` is who is asked, for what a row may cost; ``budget_usd`` what the run may spend,
    what was spent earlier included. ``leaving`` is called before it gives up on what is under way. The last rows of a run that ends
    ``offline`` and got nowhere for it count as not asked, so do all when none got anywhere, and so does a row whose key was refused
    while there is a ``key_left`` for the others, which are asked.
    """

    generate_all: GenerateAll
    tally: Cell[Tally]
    concurrency: int | None = None
    tell: Callable[[Tally], None] = lambda _: None
    offline: Callable[[LLMError], bool] = lambda _: False
    leaving: Callable[[], None] = lambda: None
    key_left: Callable[[LLMError], bool] = lambda _: False
    model: ModelProfile | None = None
    budget_usd: Decimal | None = None


async def run_rows(job: Job, found: Survey, log: RunLog, running: Running) -> LLMError | None:
    """Ask every row that is to be asked; gives what stopped the run early, or None.

    That a row is asked is durable before its request leaves, and a row is counted in the tally once its outcome is durable. Cancelled, it
    leaves what is under way, takes back what never left, and writes down the rest. Somebody's wish that it pause or end lets what is
    under way end.
    """
    tally = running.tally
    asking = _Asking(job, found, log, running)
    committer = Committer(log, tally, running.tell)
    vain: list[tuple[Finished, int, Durable]] = []
    stopped: LLMError | None = None
    reached = False
    try:
        answers_of = running.generate_all(asking.requests(), concurrency=running.concurrency, before=asking.before)
        async with aclosing(answers_of) as answers:
            async for number, outcome in answers:
                if asking.refused(number):
                    stopped = stopped or outcome.failure()
                    asking.stop()
                    continue
                ended, rows, durable = asking.finished(number, outcome)
                error = ended.error
                if error is not None and stops(error):
                    stopped = stopped or error
                    tally.swap(partial(with_left, ended=ended))
                    committer.leave(ended, durable)
                    if not running.key_left(error):
                        asking.stop()
                    continue
                if error is not None and in_vain(error):
                    vain.append((ended, rows, durable))
                    tally.swap(partial(with_in_vain, count=len(vain)))
                    if len(vain) < PATIENCE:
                        continue
                    stopped, vain = stopped or error, _given_up(vain, tally, committer)
                    running.leaving()
                    break
                reached = True
                for waiting in (*vain, (ended, rows, durable)):
                    await committer.put(*waiting)
                vain = []
                tally.swap(partial(with_in_vain, count=0))
                if committer.failed is not None:
                    running.leaving()
                    break
        if vain and (last := vain[-1][0].error) is not None and (not reached or running.offline(last)):
            stopped, vain = stopped or last, _given_up(vain, tally, committer)
        for waiting in vain:
            await committer.put(*waiting)
        if vain:
            tally.swap(partial(with_in_vain, count=0))
    finally:
        asking.stop()
        for unsent in asking.unsent():
            committer.leave(unsent)
        await committer.drain()
    return stopped or committer.failed or asking.broken


def _given_up(vain: Sequence[tuple[Finished, int, Durable]], tally: Cell[Tally], committer: Committer) -> list[Any]:
    """Leave rows that got nowhere to be asked again; none is left over."""
    tally.swap(partial(with_given_up, vain=tuple(each for each, _, _ in vain)))
    for ended, _, durable in vain:
        committer.leave(ended, durable)
    return []


class _Asking:
    """Numbers the requests that go out and knows which row each one is; holds only those under way."""

    def __init__(self, job: Job, found: Survey, log: RunLog, running: Running) -> None:
        self._job = job
        self._found = found
        self._log = log
        self._model = running.model
        self._purse = None if running.budget_usd is None else Purse(running.budget_usd, log.counts)
        self._under_way: dict[int, tuple[int, str]] = {}
        self._worst: dict[int, Decimal | None] = {}
        self._intended: set[int] = set()
        self._sent: set[int] = set()
        self._refused: set[int] = set()
        self._stopped = False
        self.broken: LLMError | None = None

    def requests(self) -> Iterator[LLMRequest]:
        """The requests to send, made as they are taken. A file that changed under the run ends them."""
        number = 0
        for ordinal, outcome in enumerate(self._job.table.rows()):
            if self._stopped or self._log.wish() is not None:
                return
            if isinstance(outcome, Failure):
                self.broken = outcome.failure()
                return
            if self._found.standings[ordinal] != Standing.TO_ASK:
                continue
            words = self._job.words(outcome.unwrap())
            if isinstance(words, Failure):
                self.broken = words.failure()
                return
            self._under_way[number] = (ordinal, self._job.key_of(words.unwrap()))
            number += 1
            yield self._job.request_of(words.unwrap())

    async def before(self, number: int, request: LLMRequest, /) -> Settled[None, LLMError]:
        """Make it durable that a row is asked, once it may be; a refusal stops the run, and the row was not asked."""
        place, key = self._under_way[number]
        worst = self._worst[number] = worst_of(request, self._model)
        if self._purse is not None:
            no = await self._purse.take(number, worst)
            if no is not None:
                self._refused.add(number)
                return Failure(no)
        self._intended.add(number)
        durable = await self._log.intend(RowIntent(key=key, place=place, worst_usd=worst))
        on_departure(partial(self._sent.add, number))
        if isinstance(durable, Failure):
            self._intended.discard(number)
            self._give_back(number)
            self._refused.add(number)
        return durable

    def stop(self) -> None:
        """Let no more requests be taken."""
        self._stopped = True

    def refused(self, number: int) -> bool:
        """Say whether a row was refused before it was sent; asked once."""
        if number not in self._refused:
            return False
        self._refused.discard(number)
        del self._under_way[number], self._worst[number]
        return True

    def unsent(self) -> Iterator[Finished]:
        """Rows of which it was written down that they are asked, and which were not sent."""
        for number in self._intended - self._sent:
            place, key = self._under_way[number]
            yield Finished(row=RunRow(key=key, place=place, state="waiting"), unsent=True)

    def finished(self, number: int, outcome: Result[LLMResponse, LLMError]) -> tuple[Finished, int, Durable]:
        """What became of a request, how many rows of the file it settles, and whom to tell when it is durable."""
        ordinal, key = self._under_way.pop(number)
        self._intended.discard(number)
        self._sent.discard(number)
        ended = evolve(finished(key, self._job.columns, outcome, place=ordinal), worst_usd=self._worst.pop(number, None))
        return ended, 1 + self._found.twins[ordinal], partial(self._give_back, number)

    def _give_back(self, number: int) -> None:
        if self._purse is not None:
            self._purse.give_back(number)
