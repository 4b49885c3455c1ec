"""`llm-manager runs`: the words of its commands. What they do stands in the files named after them."""

from typing import Annotated, Final

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from llm_manager.cli.parsing import Config, Json, RunBudget
from llm_manager.cli.runs.at_hand import on_runs
from llm_manager.cli.runs.ending import cancel_runs, delete_runs
from llm_manager.cli.runs.export import Wanted, export_run
from llm_manager.cli.runs.show import list_runs, show_run
from llm_manager.cli.runs.watch import watch_run
from llm_manager.cli.session import standard_output
from llm_manager.domain.runs import RunState
from llm_manager.runs.reading import Form

Id = Annotated[str, Parameter(help="Which run: its id, the beginning of it, or the file it writes.")]


_EPILOGUE: Final = """\
Examples:

  llm-manager runs list
  llm-manager runs watch 3f2a9c11
  llm-manager runs resume 3f2a9c11 --when-online
  llm-manager runs export 3f2a9c11 --failed -o failed.csv
  llm-manager runs delete --older-than 30d"""


def add(app: App) -> None:
    """Add the commands."""
    runs = App(name="runs", help="Look at the runs that are kept, go on with them, or end them.", help_epilogue=_EPILOGUE)
    for name, command in (
        ("list", _list),
        ("show", _show),
        ("watch", _watch),
        ("resume", _resume),
        ("cancel", _cancel),
        ("export", _export),
        ("delete", _delete),
    ):
        runs.command(command, name=name, help_epilogue="")
    app.command(runs)


def _list(
    *,
    last: Annotated[PositiveInt, Parameter(help="So many of the newest.")] = 20,
    state: Annotated[tuple[RunState, ...], Parameter(negative=(), help="Only runs of this state; may be repeated.")] = (),
    json: Json = False,
    config: Config = None,
) -> int:
    """Show the newest runs: how each stands, how far it is and what it cost."""
    from llm_manager.real_world import real_world

    wall = real_world().wall
    return on_runs(lambda session, runs: list_runs(session, runs, last=last, states=state, wall=wall), json=json, config=config)


def _show(run: Id, /, *, json: Json = False, config: Config = None) -> int:
    """Show one run whole, with every call that may have been charged for nothing."""
    from llm_manager.real_world import real_world

    wall = real_world().wall
    return on_runs(lambda session, runs: show_run(session, runs, run, wall=wall), json=json, config=config)


def _watch(run: Id, /, *, json: Json = False, config: Config = None) -> int:
    """Show how a run goes until it ends; Ctrl-C leaves the run alone."""
    from llm_manager.real_world import real_world

    world = real_world()
    return on_runs(lambda session, runs: watch_run(session, runs, run, world), json=json, config=config)


def _resume(
    run: Id,
    /,
    *,
    when_online: Annotated[bool, Parameter(negative=(), help="Wait while the model cannot be reached, and go on when it can.")] = False,
    retry_failed: Annotated[bool, Parameter(negative=(), help="Ask the rows again that failed.")] = False,
    budget: RunBudget = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Begin without asking, whatever it may cost.")] = False,
    concurrency: Annotated[PositiveInt | None, Parameter(help="So many rows at once; as it was begun by default.")] = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Go on with a run as it was begun: the same rows, prompt, model and output."""
    from llm_manager.cli.run.beginning import Manner
    from llm_manager.cli.runs.resume import resume_run

    manner = Manner(config=config, concurrency=concurrency, retry_failed=retry_failed, budget_usd=budget, yes=yes, when_online=when_online)
    return resume_run(standard_output(json=json), run, manner)


def _cancel(*run: Id, json: Json = False, config: Config = None) -> int:
    """End runs for good: who works on one finishes its calls under way and stops; what is finished stays."""
    from llm_manager.real_world import real_world

    world = real_world()
    return on_runs(lambda session, runs: cancel_runs(session, runs, run, world), json=json, config=config)


def _export(
    run: Id,
    /,
    *,
    to: Annotated[
        str, Parameter(name=("--output", "-o"), help="A .jsonl or .csv file; - is standard output.", allow_leading_hyphen=True)
    ] = "-",
    failed: Annotated[bool, Parameter(negative=(), help="Only the rows that failed.")] = False,
    possible_double_charges: Annotated[
        bool, Parameter(negative=(), help="Instead of rows, the calls that may have been charged for nothing.")
    ] = False,
    form: Annotated[Form | None, Parameter(name="--format", help="Where no name ends in .jsonl or .csv.")] = None,
    raw: Annotated[bool, Parameter(negative=(), help="Leave CSV cells alone that a spreadsheet would take for formulas.")] = False,
    overwrite: Annotated[bool, Parameter(negative=(), help="Replace the file if it is there.")] = False,
    json: Json = False,
    config: Config = None,
) -> int:
    """Write what a run gave to a file: every row that was asked, with the columns it gave."""
    wanted: Wanted = "doubts" if possible_double_charges else "failed" if failed else "rows"
    return on_runs(
        lambda session, runs: export_run(session, runs, run, to=to, wanted=wanted, form=form, raw=raw, overwrite=overwrite),
        json=json,
        config=config,
    )


def _delete(
    *run: Id,
    older_than: Annotated[str | None, Parameter(help="All that nothing was heard of for so long, such as 12h, 30d or 8w.")] = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Forget runs that nobody works on, with all their rows; answers that they wrote stay."""
    from llm_manager.real_world import real_world

    world = real_world()
    return on_runs(lambda session, runs: delete_runs(session, runs, run, older_than, world), json=json, config=config)
