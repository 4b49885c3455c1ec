"""The asking of a run: one model is settled on, progress is told by the clock, rows go out as they become ready."""

import asyncio
from collections.abc import Callable

from attrs import field, frozen
from returns.result import Failure

from llm_manager.cells import Cell
from llm_manager.cli.run.consent import Consent
from llm_manager.cli.run.door import Door
from llm_manager.cli.run.online import Going, asked_whenever_online
from llm_manager.cli.run.output import Sink
from llm_manager.cli.run.progress import Progress
from llm_manager.cli.run.spending import Spending
from llm_manager.cli.run.stopping import Stopping
from llm_manager.cli.run.typed import Prepared
from llm_manager.cli.session import Session
from llm_manager.domain.error_questions import may_try_another_key, origin_of
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.runs import RunPlan
from llm_manager.domain.standing import KeyStanding
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.connectivity import is_away
from llm_manager.runs.jobs import in_run, pinned
from llm_manager.runs.pulses import TICK_SECONDS, pulse_now, pulse_plain
from llm_manager.runs.reading import Table
from llm_manager.runs.running import Running, run_rows
from llm_manager.runs.settling import first_plan, refusal
from llm_manager.runs.surveying import Survey, requests_to_ask
from llm_manager.runs.tallies import Tally
from llm_manager.services.run_store import RunLog
from llm_manager.services.world import World


@frozen(kw_only=True)
class Run:
    """A run that is about to begin; ``held`` are rows of an earlier one that it may not replace by others."""

    session: Session
    prepared: Prepared
    world: World
    door: Door = field(factory=Door, repr=False)
    spending: Spending = field(factory=Spending, repr=False)
    concurrency: int | None = None
    retry_failed: bool = False
    when_online: bool = False
    plan: RunPlan
    fork: bool = False
    overwrite: bool = False
    held: Table | None = None
    consent: Consent | None = None


def _nobody() -> Cell[ModelProfile | None]:
    return Cell(None)


def _nothing() -> Cell[str | None]:
    return Cell(None)


def _not_yet() -> Cell[bool]:
    return Cell(False)


@frozen(kw_only=True)
class Asking:
    """Asks what a survey left to ask; ``asked`` is the model that the run settled on, ``begun`` whether any row went out."""

    run: Run
    found: Survey
    log: RunLog
    tally: Cell[Tally]
    sink: Sink
    stopping: Stopping | None = None
    asked: Cell[ModelProfile | None] = field(factory=_nobody)
    begun: Cell[bool] = field(factory=_not_yet)
    waiting: Cell[str | None] = field(factory=_nothing)
    """What the run itself waits for, in words."""

    async def ask(self, progress: Progress) -> LLMError | None:
        """Ask every row; gives what stopped the run early. Cancelled by signals, and when nobody takes the rows."""
        run, job = self.run, in_run(self.run.prepared.job, self.log.record.id)
        async with run.session.manager as manager:
            task = asyncio.current_task()
            stop = task.cancel if task is not None else bool

            def tell(line: str) -> None:
                with progress.aside():
                    run.session.output.note(line)

            stopping = self.stopping or Stopping(run.door, run.world)
            stopping.listen(stop, tell)
            for request in requests_to_ask(job, self.found, 1):
                ready = await run.session.prepare(request)
                if isinstance(ready, Failure):
                    return ready.failure()
            if self.found.requests:
                await settle(manager.discover())
            plan = first_plan(manager.plan, job, self.found)
            if plan is None and (why := refusal(manager.plan, job, self.found)) is not None:
                return why
            self.begun.swap(lambda _: True)
            if plan is not None:
                model = plan.steps[0].profile
                job = pinned(job, model)
                self.asked.swap(lambda _: model)
                named = f"{model.name} of {model.provider}"
                kept: Settled[None, LLMError] = sealed(await run.world.run_blocking(lambda: self.log.pin(named)))
                if isinstance(kept, Failure):
                    return kept.failure()
                with progress.aside():
                    for notice in plan.notices:
                        run.session.output.note(f"note: {notice}")
                    run.session.output.note(f"asking {model.name} of {model.provider}")
            writing = asyncio.create_task(self.sink.work(stop, progress.aside))
            ticking = asyncio.create_task(self._tick(progress, lambda: stopping.finish(stop, tell)))
            try:
                running = Running(
                    generate_all=manager.generate_all,
                    tally=self.tally,
                    concurrency=run.concurrency,
                    tell=lambda tally: self._tell(progress, tally),
                    offline=lambda error: manager.standing().online is False or (run.when_online and is_away(error)),
                    leaving=run.door.shut,
                    key_left=lambda error: _another_key(error, manager.standing().keys),
                    model=self.asked.read(),
                    budget_usd=self.log.record.plan.budget_usd,
                )
                if not run.when_online:
                    return await run_rows(job, self.found, self.log, running)
                going = Going(
                    manager=manager,
                    world=run.world,
                    tell=tell,
                    waiting=self.waiting,
                    ended=lambda: stopping.signal is not None or self.log.wish() is not None,
                    reopen=run.door.open,
                )
                return await asked_whenever_online(job, self.found, self.log, running, going)
            finally:
                ticking.cancel()
                self.sink.close()
                await asyncio.gather(ticking, return_exceptions=True)
                await writing

    def _tell(self, progress: Progress, tally: Tally) -> None:
        progress.tell(tally)
        self.sink.news()

    async def _tick(self, progress: Progress, finish: Callable[[], object]) -> None:
        """Tell how far it is though no row ends, since a server may hang; keep it for those who watch, and heed what they wish."""
        world, began = self.run.world, self.run.world.now()
        while True:
            await world.sleep(TICK_SECONDS)
            tally, standing = self.tally.read(), self.run.session.manager.standing()
            progress.tell(tally)
            pulse = pulse_now(
                tally,
                seconds=world.now() - began,
                under_way=self.run.door.under_way,
                standing=standing,
                wall=world.wall(),
                waiting=self.waiting.read(),
            )
            await self.log.tell(pulse_plain(pulse))
            if self.log.wish() is not None:
                finish()


def _another_key(error: LLMError, keys: tuple[KeyStanding, ...]) -> bool:
    """Say whether it was the matter of one key, and the provider has another that works."""
    origin = origin_of(error)
    if origin is None or not may_try_another_key(error):
        return False
    return any(key.usable and key.provider == origin.provider for key in keys)
