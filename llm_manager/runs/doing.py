"""A whole run for a program: the same survey, loop and log as the command line's, in one call."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final, TypeAlias
from weakref import finalize

import msgspec
from attrs import frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, LLMError, StorageFailed
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.runs import RunPlan
from llm_manager.domain.standing import Standing
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.fences import unfenced
from llm_manager.policies.run_changes import fingerprint
from llm_manager.policies.run_states import left_as
from llm_manager.runs.columns import Columns, Values, answer_column, columns_from_fields
from llm_manager.runs.jobs import Job, in_run, make_job, pinned
from llm_manager.runs.prompting import Prompt, made_prompt, read_prompt
from llm_manager.runs.pulses import TICK_SECONDS, pulse_now, pulse_plain
from llm_manager.runs.reading import Row, form_of
from llm_manager.runs.rendering import Layout, make_layout, output_lines
from llm_manager.runs.running import Running, run_rows
from llm_manager.runs.settling import first_plan, refusal
from llm_manager.runs.spooling import table_of
from llm_manager.runs.surveying import Survey, survey
from llm_manager.runs.tallies import Tally
from llm_manager.runs.writing import write_whole
from llm_manager.services.manager import GenerateAll, Structured
from llm_manager.services.run_store import RunLog, RunStore
from llm_manager.services.running import FinishedRow, Prompting, Rows, RunAll, RunReport
from llm_manager.services.store import Store
from llm_manager.services.world import World

_AT_ONCE: Final = 256
_REQUEST: Final = LLMRequest()

Describe: TypeAlias = Callable[[type[Any]], Result[JsonSchema, LLMError]]
Read: TypeAlias = Callable[[type[Any], LLMResponse, JsonSchema], Result[Structured[Any], LLMError]]


@frozen(kw_only=True)
class DoingDeps:
    """What a run of a program needs. ``describe`` and ``read`` are how classes become schemas and answers values; ``scratch`` opens a store
    in a folder, for a manager that has none."""

    world: World
    generate_all: GenerateAll
    plan: Callable[[LLMRequest], Result[Plan, LLMError]]
    discover: Callable[[], FutureResult[tuple[str, ...], LLMError]]
    standing: Callable[[], Standing]
    describe: Describe
    read: Read
    store: Store | None
    scratch: Callable[[Path], Result[Store, LLMError]]


@frozen(kw_only=True)
class _Asked:
    """What the caller said."""

    rows: Rows
    prompt: Prompting
    output: type[Any] | Sequence[str] | None
    to: str | Path | None
    name: str | None
    request: LLMRequest
    concurrency: int | None
    budget_usd: Decimal | None
    retry_failed: bool
    fork: bool

    @property
    def target(self) -> str | None:
        return self.name if self.to is None else str(Path(self.to).absolute())


def _prompt(said: Prompting, columns: Sequence[str]) -> Settled[Prompt, LLMError]:
    return read_prompt(said, columns) if isinstance(said, str) else Success(made_prompt(said))


def doing(deps: DoingDeps) -> RunAll:
    """Runs for programs."""

    def run(
        rows: Rows,
        prompt: Prompting,
        *,
        output: Any = None,
        to: str | Path | None = None,
        name: str | None = None,
        request: LLMRequest | None = None,
        concurrency: int | None = None,
        budget_usd: Decimal | None = None,
        retry_failed: bool = False,
        fork: bool = False,
    ) -> FutureResult[RunReport[Any], LLMError]:
        asked = _Asked(
            rows=rows,
            prompt=prompt,
            output=output,
            to=to,
            name=name,
            request=_REQUEST if request is None else request,
            concurrency=concurrency,
            budget_usd=budget_usd,
            retry_failed=retry_failed,
            fork=fork,
        )

        async def reported() -> Settled[RunReport[Any], LLMError]:
            return await _Doing(deps, asked).report()

        published: Callable[[], FutureResult[RunReport[Any], LLMError]] = publish(reported)
        return published()

    return run


def _is_gone(error: LLMError) -> bool:
    """Say whether somebody removed the store under the run: what was answered is at hand, and nothing else of it is kept."""
    return isinstance(error, StorageFailed) and error.reason == "gone"


class _Folder:
    """A folder that goes when nobody can read rows of it any more."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="llm-manager-"))
        finalize(self, rmtree, self.path, ignore_errors=True)


class _Doing:
    """One run. Its scratch folder lives for as long as somebody may read its rows."""

    def __init__(self, deps: DoingDeps, asked: _Asked) -> None:
        self._deps = deps
        self._asked = asked
        self._columns = answer_column()
        self._value: Callable[[Mapping[str, Any]], Any] = dict
        self._layout: Layout | None = None

    async def report(self) -> Settled[RunReport[Any], LLMError]:
        deps, blocking = self._deps, self._deps.world.run_blocking
        began = deps.world.now()
        folder = await blocking(_Folder)
        prepared: Settled[Job, LLMError] = await blocking(lambda: self._prepared(folder.path))
        if isinstance(prepared, Failure):
            return prepared
        job = prepared.unwrap()
        taken = await self._held_from_now(job, folder.path)
        if isinstance(taken, Failure):
            return taken
        log = taken.unwrap()
        tally, stopped = Cell(Tally(rows=job.table.count)), None
        try:
            stopped = await self._asking(job, log, tally)
        finally:
            state, why = left_as(tally.read().left, stopped, log.wish())
            closed: Settled[None, LLMError] = await blocking(lambda: sealed(log.close(state, why)))
        if isinstance(closed, Failure):
            if not _is_gone(closed.failure()):
                return closed
            state, stopped = "interrupted", stopped or closed.failure()
        written: Settled[None, LLMError] = await blocking(lambda: self._written(job, log))
        if isinstance(written, Failure):
            return written

        def finished() -> Iterator[Result[FinishedRow[Any], LLMError]]:
            return self._finished(job, log, folder)

        counts, left = log.counts(), tally.read().left
        seconds = deps.world.now() - began
        return Success(RunReport(id=log.record.id, state=state, counts=counts, left=left, seconds=seconds, rows=finished, stopped=stopped))

    async def _held_from_now(self, job: Job, folder: Path) -> Settled[RunLog, LLMError]:
        """Take the run. When this is cancelled meanwhile it is left again, or nobody could take it while this process lives."""
        blocking = self._deps.world.run_blocking
        taking: asyncio.Task[Settled[RunLog, LLMError]] = asyncio.create_task(blocking(lambda: self._taken(job, folder)))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taken = await taking
            if isinstance(taken, Success):
                log = taken.unwrap()
                await blocking(lambda: log.close("interrupted", None))
            raise

    def _prepared(self, folder: Path) -> Settled[Job, LLMError]:
        asked = self._asked
        table = table_of(asked.rows, folder)
        if isinstance(table, Failure):
            return table
        prompt = _prompt(asked.prompt, table.unwrap().columns)
        if isinstance(prompt, Failure):
            return prompt
        columns = self._columns_of(asked.output)
        if isinstance(columns, Failure):
            return columns
        self._columns = columns.unwrap()
        job = make_job(table.unwrap(), prompt.unwrap(), asked.request, self._columns)
        if asked.to is None:
            return Success(job)
        form = form_of(str(asked.to))
        if form is None:
            return Failure(
                ConfigurationError(message=f"to: {asked.to} is neither JSON Lines nor CSV by its name: end it in .jsonl or .csv")
            )
        layout = make_layout(job, form)
        if isinstance(layout, Failure):
            return layout
        self._layout = layout.unwrap()
        return Success(job)

    def _taken(self, job: Job, folder: Path) -> Settled[RunLog, LLMError]:
        asked, store = self._asked, self._deps.store
        plan = RunPlan(
            target=asked.target,
            source=str(asked.rows) if isinstance(asked.rows, str | Path) else "a program",
            settings=job.settings(),
            rows=job.table.count,
            budget_usd=asked.budget_usd,
        )
        if store is None:
            opened = sealed(self._deps.scratch(folder))
            return opened if isinstance(opened, Failure) else sealed(opened.unwrap().runs.begin(plan))
        return sealed(self._held(store.runs, plan))

    def _held(self, runs: RunStore, plan: RunPlan) -> Result[RunLog, LLMError]:
        found = sealed(Success(None) if plan.target is None else runs.find(plan.target))
        if isinstance(found, Failure):
            return found
        before = found.unwrap()
        if before is None or before.state == "cancelled":
            return runs.begin(plan)
        if self._asked.fork and before.fingerprint != fingerprint(plan.settings):
            return runs.fork(before.id, plan)
        return runs.resume(before.id, plan)

    async def _asking(self, job: Job, log: RunLog, tally: Cell[Tally]) -> LLMError | None:
        deps, blocking = self._deps, self._deps.world.run_blocking
        looked: Settled[Survey, LLMError] = await blocking(lambda: self._surveyed(job, log))
        if isinstance(looked, Failure):
            return looked.failure()
        found = looked.unwrap()
        tally.swap(lambda _: found.tally)
        if found.requests:
            await settle(deps.discover())
        planned = first_plan(deps.plan, job, found)
        if planned is None and (why := refusal(deps.plan, job, found)) is not None:
            return why
        model = None if planned is None else planned.steps[0].profile
        asked = in_run(job if model is None else pinned(job, model), log.record.id)
        if model is not None:
            kept: Settled[None, LLMError] = await blocking(lambda: sealed(log.pin(f"{model.name} of {model.provider}")))
            if isinstance(kept, Failure):
                return kept.failure()
        running = Running(
            generate_all=deps.generate_all,
            tally=tally,
            concurrency=self._asked.concurrency,
            offline=lambda _: deps.standing().online is False,
            model=model,
            budget_usd=self._asked.budget_usd,
        )
        ticking = asyncio.create_task(self._tick(log, tally))
        try:
            return await run_rows(asked, found, log, running)
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self, log: RunLog, tally: Cell[Tally]) -> None:
        """Keep how it stands for those who watch, and hear what they wish though no row ends."""
        world, began = self._deps.world, self._deps.world.now()
        while True:
            await world.sleep(TICK_SECONDS)
            standing = self._deps.standing()
            under_way = sum(scope.under_way for scope in standing.scopes)
            seconds = world.now() - began
            await log.tell(pulse_plain(pulse_now(tally.read(), seconds=seconds, under_way=under_way, standing=standing, wall=world.wall())))

    def _surveyed(self, job: Job, log: RunLog) -> Settled[Survey, LLMError]:
        retry = self._asked.retry_failed
        reopened = sealed(log.reopen()) if retry else Success(None)
        return reopened if isinstance(reopened, Failure) else survey(job, log.standings, retry_failed=retry)

    def _written(self, job: Job, log: RunLog) -> Settled[None, LLMError]:
        if self._asked.to is None or self._layout is None:
            return Success(None)
        return write_whole(Path(self._asked.to), output_lines(job, self._layout, log.rows))

    def _finished(self, job: Job, log: RunLog, folder: "_Folder") -> Iterator[Result[FinishedRow[Any], LLMError]]:
        rows, _ = job.table.rows(), folder
        while piece := tuple(islice(rows, _AT_ONCE)):
            words = [None if isinstance(read, Failure) else job.words(read.unwrap()) for read in piece]
            keys = [job.key_of(each.unwrap()) if isinstance(each, Success) else None for each in words]
            kept = sealed(log.rows(tuple(dict.fromkeys(key for key in keys if key is not None))))
            if isinstance(kept, Failure):
                yield kept
                return
            for read, said, key in zip(piece, words, keys, strict=True):
                if isinstance(read, Failure):
                    yield read
                    return
                if isinstance(said, Failure):
                    yield Success(FinishedRow(row=read.unwrap(), error=said.failure().tag, message=describe(said.failure())))
                elif key is not None and (found := kept.unwrap().get(key)) is not None and found.state in ("answered", "failed"):
                    yield Success(self._row(read.unwrap(), found.output or {}))

    def _row(self, row: Row, output: Mapping[str, Any]) -> FinishedRow[Any]:
        error = output.get("error")
        if error is not None:
            return FinishedRow(row=row, error=error["tag"], message=error["message"], output=output)
        return FinishedRow(row=row, value=self._value({name: output[name] for name in self._columns.names}), output=output)

    def _columns_of(self, output: "type[Any] | Sequence[str] | None") -> Settled[Columns, LLMError]:
        if output is None:
            return Success(answer_column())
        if not isinstance(output, type):
            return columns_from_fields((output,) if isinstance(output, str) else output)
        described = sealed(self._deps.describe(output))
        if isinstance(described, Failure):
            return described
        wanted = described.unwrap()

        def value(columns: Mapping[str, Any]) -> Any:
            answer = LLMResponse(content=msgspec.json.encode(columns).decode(), model="", provider="")
            return self._deps.read(output, answer, wanted).map(lambda structured: structured.value).value_or(None)

        def read(response: LLMResponse) -> Settled[Values, LLMError]:
            structured = sealed(self._deps.read(output, response, wanted))
            if isinstance(structured, Failure):
                return structured
            values: Values = msgspec.json.decode(unfenced(response.content))
            return Success(values)

        self._value = value
        return Success(Columns(names=tuple(wanted.schema["properties"]), output=wanted, read=read))
