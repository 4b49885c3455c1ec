"""`llm-manager runs`: which runs are kept, how each is, what it gave, and how it ends."""

import asyncio
import csv
import json
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.cli.runs.at_hand import with_runs
from llm_manager.cli.runs.ending import cancel_runs, delete_runs
from llm_manager.cli.runs.export import export_run
from llm_manager.cli.runs.show import list_runs, show_run
from llm_manager.cli.runs.watch import watch_run
from llm_manager.domain.errors import StorageFailed
from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.runs import RunPlan, RunRow
from llm_manager.domain.standing import BreakerStanding, Standing
from llm_manager.real_world import real_world
from llm_manager.runs.portraying import portrait_lines
from llm_manager.runs.pulses import pulse_of, pulse_plain
from llm_manager.services.run_store import RowIntent, RowOutcome, RunLog, RunStore
from llm_manager.services.world import World
from llm_manager.stores.runs.keeping import kept_runs
from llm_manager.stores.runs.locks import run_locks
from llm_manager.stores.sql.connecting import open_database
from llm_manager.testing import fake_world, run_virtual
from tests.cli.conftest import Setting
from tests.cli.program import run

PLAN = RunPlan(target="/home/ann/answers.jsonl", source="/home/ann/rows.jsonl", settings={"prompt": "Say {text}"}, rows=4)
A, B, C, D = (sha256(name.encode()).hexdigest() for name in "abcd")
NOW = 1_800_000_000.0
DOWN = Standing(breakers=(BreakerStanding(provider="p", endpoint="https://e", phase="open", failures=5, probe_in_seconds=9.0),))


@frozen
class Kept:
    """Runs in a database in a file, and where that is."""

    runs: RunStore
    url: str


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    database = open_database(url).unwrap()
    yield Kept(kept_runs(database, run_locks(url, database), real_world()), url)
    database.close_now()


def begun(kept: Kept, *, target: str = "/home/ann/answers.jsonl") -> RunLog:
    """A run with a row answered, one that failed, and one that nothing is known of."""
    log = kept.runs.begin(evolve(PLAN, target=target)).unwrap()

    async def work() -> None:
        for place, key in enumerate((A, B, C)):
            await log.intend(RowIntent(key=key, place=place, worst_usd=Decimal("0.01")))
        about = {"error": None, "cost_usd": "0.25", "model": "m"}
        good = RunRow(key=A, output={"answer": "=1+1", **about}, input_tokens=3, output_tokens=2, cost_usd=Decimal("0.25"))
        bad = RunRow(
            key=B, place=1, state="failed", error="ContentFiltered", output={"answer": None, **about, "error": {"tag": "ContentFiltered"}}
        )
        await log.settle([RowOutcome(row=good), RowOutcome(row=bad)])

    asyncio.run(work())
    return log


def died(kept: Kept) -> str:
    """A run whose owner died, taken and left by another."""
    log = begun(kept)
    log.close("interrupted", None)
    again = kept.runs.resume(log.record.id, PLAN).unwrap()
    again.close("paused", "budget '--budget' is spent")
    return log.record.id


def pulsing(log: RunLog, wall: float, **how: Any) -> None:
    async def tell() -> None:
        await log.tell(pulse_plain(RunPulse(at=wall, **how)))

    asyncio.run(tell())


def test_a_pulse_comes_back_as_it_was_told(kept: Kept) -> None:
    log = begun(kept)
    pulsing(log, 5.0, under_way=3, waiting="for you", standing=DOWN)
    record = kept.runs.show(log.record.id).unwrap()
    assert pulse_of(record) == RunPulse(at=5.0, under_way=3, waiting="for you", standing=DOWN)
    assert pulse_of(evolve(record, standing={"at": "soon"})) is None
    assert pulse_of(evolve(record, standing={})) is None
    log.close("finished", None)


def test_a_list_has_a_line_for_each(scene: Setting, kept: Kept) -> None:
    at, wall = scene(), real_world().wall
    assert run_virtual(list_runs(at.session, kept.runs, last=5, states=(), wall=wall)) == 0
    assert at.err.getvalue() == "no runs are kept yet\n"
    first, second = died(kept), begun(kept, target="/home/ann/other.csv")
    assert run_virtual(list_runs(at.session, kept.runs, last=5, states=(), wall=wall)) == 0
    heading, newest, oldest = (line.split("\t") for line in at.out.getvalue().splitlines())
    assert heading[0] == "run"
    assert newest[:4] == [second.record.id[:8], "running", "2/4", "1"]
    assert newest[-1] == "other.csv"
    assert oldest[:2] == [first[:8], "paused"]
    second.close("finished", None)


def test_a_list_may_be_data_or_of_one_state(scene: Setting, kept: Kept) -> None:
    run_id, at = died(kept), scene(json=True)
    assert run_virtual(list_runs(at.session, kept.runs, last=5, states=("paused",), wall=real_world().wall)) == 0
    assert [each["id"] for each in json.loads(at.out.getvalue())["runs"]] == [run_id]
    none = scene()
    run_virtual(list_runs(none.session, kept.runs, last=5, states=("finished", "cancelled"), wall=real_world().wall))
    assert none.err.getvalue() == "no run is finished or cancelled\n"


def test_a_run_is_shown_with_what_may_have_been_charged_twice(scene: Setting, kept: Kept) -> None:
    run_id, at = died(kept), scene()
    assert run_virtual(show_run(at.session, kept.runs, run_id[:6], wall=real_world().wall)) == 0
    told = at.out.getvalue().splitlines()
    assert told[0] == f"run {run_id[:8]}: paused"
    assert "1 of 4 rows answered, 1 failed, 2 left" in told
    assert "stopped: budget '--budget' is spent" in told
    assert any(line.startswith("maybe charged: row 3, attempt 1, asked ") and line.endswith("at most 0.01 USD") for line in told)
    data = scene(json=True)
    run_virtual(show_run(data.session, kept.runs, run_id, wall=real_world().wall))
    assert json.loads(data.out.getvalue())["double_charges"][0]["at_most_usd"] == "0.01"


def test_a_run_may_be_named_by_the_file_it_writes(scene: Setting, kept: Kept, tmp_path: Path) -> None:
    log, at, wall = begun(kept, target=str(tmp_path / "out.csv")), scene(), real_world().wall
    assert run_virtual(show_run(at.session, kept.runs, str(tmp_path / "x" / ".." / "out.csv"), wall=wall)) == 0
    assert log.record.id[:8] in at.out.getvalue()
    assert run_virtual(show_run(at.session, kept.runs, "other.csv", wall=wall)) == 2
    assert "no run that is kept writes other.csv" in at.err.getvalue()
    log.close("finished", None)


def test_what_is_no_run_is_one_clear_line(scene: Setting, kept: Kept) -> None:
    at, world = scene(), real_world()
    for command in (
        show_run(at.session, kept.runs, "nope", wall=world.wall),
        watch_run(at.session, kept.runs, "nope", world),
        cancel_runs(at.session, kept.runs, ("nope",), world),
        delete_runs(at.session, kept.runs, ("nope",), None, world),
        export_run(at.session, kept.runs, "nope", to="-", wanted="rows", form=None, raw=False, overwrite=False),
    ):
        assert run_virtual(command) == 2
    assert at.err.getvalue().count("there is no run 'nope'") == 5


@pytest.mark.parametrize(("form", "name"), [("jsonl", "out.jsonl"), ("csv", "out.csv")])
def test_rows_are_exported_whole(scene: Setting, kept: Kept, tmp_path: Path, form: str, name: str) -> None:
    run_id, at, path = died(kept), scene(), tmp_path / name

    def export(**how: Any) -> int:
        words: dict[str, Any] = {"to": str(path), "wanted": "rows", "form": None, "raw": False, "overwrite": False, **how}
        return run_virtual(export_run(at.session, kept.runs, run_id, **words))

    def read() -> list[dict[str, Any]]:
        if form == "csv":
            return list(csv.DictReader(path.read_text().splitlines()))
        return [json.loads(line) for line in path.read_text().splitlines()]

    assert export() == 0
    assert at.err.getvalue() == f"3 rows: {path}\n"
    assert [(str(row["row"]), row["state"]) for row in read()] == [("1", "answered"), ("2", "failed"), ("3", "waiting")]
    assert read()[0]["answer"] == ("'=1+1" if form == "csv" else "=1+1")
    assert export() == 2
    assert "--overwrite" in at.err.getvalue()
    assert export(overwrite=True, wanted="failed") == 0
    assert [row["error_tag"] for row in read()] == ["ContentFiltered"]
    assert export(overwrite=True, wanted="doubts") == 0
    assert [(str(row["row"]), str(row["at_most_usd"])) for row in read()] == [("3", "0.01")]


def test_an_export_may_go_to_standard_output(scene: Setting, kept: Kept) -> None:
    run_id, at = died(kept), scene()
    assert run_virtual(export_run(at.session, kept.runs, run_id, to="-", wanted="rows", form=None, raw=False, overwrite=False)) == 0
    assert [json.loads(line)["row"] for line in at.out.getvalue().splitlines()] == [1, 2, 3]
    assert run_virtual(export_run(at.session, kept.runs, run_id, to="out", wanted="rows", form=None, raw=False, overwrite=False)) == 2
    assert "--format" in at.err.getvalue()


def test_an_export_of_many_rows_goes_on_over_pages(scene: Setting, kept: Kept) -> None:
    log = kept.runs.begin(PLAN).unwrap()

    async def work() -> None:
        keys = [sha256(str(number).encode()).hexdigest() for number in range(2500)]
        await asyncio.gather(*(log.intend(RowIntent(key=key, place=place)) for place, key in enumerate(keys)))

    asyncio.run(work())
    at = scene()
    run_virtual(export_run(at.session, kept.runs, log.record.id, to="-", wanted="rows", form="csv", raw=True, overwrite=False))
    assert len(at.out.getvalue().splitlines()) == 2501
    log.close("finished", None)


def stepping(*steps: Any) -> World:
    """A world where one of these happens at each sleep, and it is `NOW` all along."""
    waiting = iter(steps)

    async def sleep(_: float) -> None:
        await asyncio.to_thread(next(waiting))

    return evolve(fake_world(), sleep=sleep, wall=lambda: NOW)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_run_is_watched_until_it_ends(scene: Setting, kept: Kept, terminal: bool) -> None:
    log, at = begun(kept), scene(terminal=terminal)
    pulsing(log, NOW, under_way=2, rows_per_second=1.5, seconds_left=75.0)
    world = stepping(
        lambda: None,
        lambda: pulsing(log, NOW, under_way=2, waiting="e is down, tried again soon", standing=DOWN),
        lambda: log.close("finished", None),
    )
    assert asyncio.run(watch_run(at.session, kept.runs, log.record.id[:8], world)) == 0
    told = at.out.getvalue()
    assert told.splitlines()[-1] == "failed 1 x ContentFiltered"
    assert "is open after 5 failures" in told
    if not terminal:
        first, breaker, waiting, last, *_ = told.splitlines()
        assert first == "2 of 4 rows, 1 failed, 2 under way, 1.5 rows/s, 0.25 USD of about 0.5, 1 min 15 s left"
        assert breaker.startswith("the breaker of p")
        assert waiting.endswith("waiting: e is down, tried again soon")
        assert last == f"run {log.record.id[:8]}: finished"


def test_watched_as_data_it_is_a_document_for_each_change(scene: Setting, kept: Kept) -> None:
    log, at = begun(kept), scene(json=True)
    pulsing(log, NOW, under_way=2)
    world = stepping(lambda: None, lambda: None, lambda: log.close("interrupted", None))
    assert asyncio.run(watch_run(at.session, kept.runs, log.record.id, world)) == 0
    documents = [json.loads(line) for line in at.out.getvalue().splitlines()]
    assert [each["state"] for each in documents] == ["running", "interrupted"]


def test_a_run_that_is_deleted_while_watched_is_an_error(scene: Setting, kept: Kept) -> None:
    log, at = begun(kept), scene()

    def gone() -> None:
        log.close("finished", None)
        kept.runs.forget(log.record.id)

    assert asyncio.run(watch_run(at.session, kept.runs, log.record.id, stepping(gone))) == 2
    assert "there is no run" in at.err.getvalue()


def test_who_works_on_a_run_is_told_to_stop_and_waited_for(scene: Setting, kept: Kept) -> None:
    log, at = begun(kept), scene()
    world = stepping(lambda: None, lambda: log.close("cancelled", None))
    assert asyncio.run(cancel_runs(at.session, kept.runs, (log.record.id[:8],), world)) == 0
    told = at.err.getvalue().splitlines()
    assert "was told to stop" in told[0]
    assert told[1] == f"run {log.record.id[:8]} is cancelled"


def test_a_run_that_nobody_works_on_is_cancelled_at_once(scene: Setting, kept: Kept) -> None:
    run_id, at = died(kept), scene()
    assert asyncio.run(cancel_runs(at.session, kept.runs, (run_id[:8],), real_world())) == 0
    assert at.err.getvalue() == f"run {run_id[:8]} is cancelled\n"
    assert isinstance(kept.runs.resume(run_id, PLAN), Failure)


def test_ended_as_data(scene: Setting, kept: Kept) -> None:
    run_id, at = died(kept), scene(json=True)
    assert asyncio.run(cancel_runs(at.session, kept.runs, (run_id,), real_world())) == 0
    assert asyncio.run(delete_runs(at.session, kept.runs, (run_id,), None, real_world())) == 0
    cancelled, deleted = map(json.loads, at.out.getvalue().splitlines())
    assert cancelled == {"runs": [{"id": run_id, "state": "cancelled"}]}
    assert deleted == {"deleted": [run_id]}


def test_a_run_that_is_deleted_while_it_is_waited_for_is_gone(scene: Setting, kept: Kept) -> None:
    log, at = begun(kept), scene()

    def gone() -> None:
        log.close("interrupted", None)
        kept.runs.forget(log.record.id)

    assert asyncio.run(cancel_runs(at.session, kept.runs, (log.record.id,), stepping(gone))) == 0


def test_who_does_not_stop_is_left_to_it(scene: Setting, kept: Kept) -> None:
    log, at = begun(kept), scene()
    assert run_virtual(cancel_runs(at.session, kept.runs, (log.record.id,), fake_world())) == 1
    assert "still runs" in at.err.getvalue()
    log.close("interrupted", None)


def test_runs_are_deleted_by_id_or_by_age(scene: Setting, kept: Kept) -> None:
    old, young, at = died(kept), begun(kept), scene()
    world = real_world()
    later = evolve(world, wall=lambda: world.wall() + 40 * 86_400)
    assert asyncio.run(delete_runs(at.session, kept.runs, (), None, world)) == 2
    assert asyncio.run(delete_runs(at.session, kept.runs, (), "soon", world)) == 2
    assert asyncio.run(delete_runs(at.session, kept.runs, (young.record.id,), None, world)) == 1
    assert asyncio.run(delete_runs(at.session, kept.runs, (), "30d", world)) == 0
    assert len(kept.runs.list().unwrap()) == 2
    assert asyncio.run(delete_runs(at.session, kept.runs, (), "30d", later)) == 0
    assert [record.id for record in kept.runs.list().unwrap()] == [young.record.id]
    young.close("finished", None)
    assert asyncio.run(delete_runs(at.session, kept.runs, (young.record.id[:8],), None, world)) == 0
    assert kept.runs.list().unwrap() == ()
    assert at.err.getvalue().splitlines()[-1] == "deleted 1 run; answers that they wrote stay where they are"
    assert isinstance(kept.runs.show(old), Failure)


def test_a_run_that_is_not_there_is_an_error_and_nothing_more(scene: Setting, kept: Kept) -> None:
    at = scene()
    assert asyncio.run(delete_runs(at.session, kept.runs, ("nosuch",), None, real_world())) == 2
    assert len(at.err.getvalue().splitlines()) == 1
    assert "deleted" not in at.err.getvalue()


def test_the_commands_find_the_store_of_the_settings(kept: Kept, tmp_path: Path) -> None:
    """In a process of its own, while another one works on a run."""
    log = begun(kept)
    environ = {"LLM_MANAGER_STORE__URL": kept.url}
    listed = run("runs", "list", home=tmp_path, environ=environ)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.splitlines()[1].split("\t")[:2] == [log.record.id[:8], "running"]
    shown = run("runs", "show", log.record.id[:8], home=tmp_path, environ=environ)
    assert "1 of 4 rows answered" in shown.stdout
    log.close("interrupted", None)
    assert "goes on with: llm-manager runs resume" in run("runs", "show", log.record.id[:8], home=tmp_path, environ=environ).stdout
    exported = run("runs", "export", log.record.id[:8], "--possible-double-charges", home=tmp_path, environ=environ)
    assert exported.returncode == 0
    assert "is cancelled" in run("runs", "cancel", log.record.id[:8], home=tmp_path, environ=environ).stderr
    assert "deleted 1 run" in run("runs", "delete", log.record.id[:8], home=tmp_path, environ=environ).stderr


def test_every_line_is_one_line(kept: Kept) -> None:
    log = begun(kept)
    assert all("\n" not in line for line in portrait_lines(log.record, None, 0.0))
    log.close("finished", None)


def test_a_store_that_fails_is_one_clear_line(scene: Setting, kept: Kept, tmp_path: Path) -> None:
    run_id, world = died(kept), real_world()
    lost = Failure(StorageFailed(message="the disk is gone"))

    def fail(*_: Any, **__: Any) -> Any:
        return lost

    runs = evolve(kept.runs, list=fail, find=fail, rows=fail, doubts=fail, wish=fail, forget=fail)
    out: dict[str, Any] = {"form": None, "raw": False, "overwrite": False}
    commands: tuple[Callable[[Any], Coroutine[Any, Any, int]], ...] = (
        lambda at: list_runs(at.session, runs, last=1, states=(), wall=world.wall),
        lambda at: show_run(at.session, runs, run_id, wall=world.wall),
        lambda at: show_run(at.session, runs, "out.csv", wall=world.wall),
        lambda at: export_run(at.session, runs, run_id, to="-", wanted="rows", **out),
        lambda at: export_run(at.session, runs, run_id, to="-", wanted="doubts", **out),
        lambda at: export_run(at.session, runs, run_id, to=str(tmp_path / "x.csv"), wanted="failed", **out),
        lambda at: cancel_runs(at.session, runs, (run_id,), world),
        lambda at: delete_runs(at.session, runs, (run_id,), None, world),
        lambda at: delete_runs(at.session, runs, (), "1h", world),
    )
    for command in commands:
        at = scene()
        assert asyncio.run(command(at)) == 1
        assert "the disk is gone" in at.err.getvalue()
    assert not (tmp_path / "x.csv").exists()
    ended = Success(((1, RunRow(key=A)),))
    broken = evolve(kept.runs, rows=lambda *_, limit=0, **__: ended if limit == 1 else lost)
    at = scene()
    assert asyncio.run(export_run(at.session, broken, run_id, to="-", wanted="rows", **out)) == 1


def test_many_doubts_are_shown_in_part(scene: Setting, kept: Kept) -> None:
    log = kept.runs.begin(PLAN).unwrap()

    async def work() -> None:
        keys = [sha256(str(number).encode()).hexdigest() for number in range(25)]
        await asyncio.gather(*(log.intend(RowIntent(key=key, place=place)) for place, key in enumerate(keys)))

    asyncio.run(work())
    log.close("interrupted", None)
    kept.runs.resume(log.record.id, PLAN).unwrap().close("interrupted", None)
    at = scene()
    run_virtual(show_run(at.session, kept.runs, log.record.id, wall=real_world().wall))
    assert at.out.getvalue().count("maybe charged: row") == 20
    assert "and 5 calls more" in at.out.getvalue()


def test_without_a_store_there_are_no_runs(scene: Setting) -> None:
    """As where the settings of an embedder name none."""
    at = scene()

    async def unasked(*_: Any) -> int:
        raise AssertionError("there is nothing to ask")

    assert asyncio.run(with_runs(at.session, unasked)) == 2
    assert "set store.url" in at.err.getvalue()
