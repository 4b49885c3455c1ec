"""The words of `llm-manager usage` and `llm-manager usage report`; `table` and `report` do it."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

from attrs import evolve
from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from returns.result import Failure, Success

from llm_manager.cli.parsing import Config, Json
from llm_manager.cli.session import conduct, standard_output
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.usage_log import UsageQuery
from llm_manager.outcomes import Settled
from llm_manager.policies.moments import moment_of
from llm_manager.policies.usage_queries import query_fault, usage_keys
from llm_manager.real_world import real_world

HELP: Final = """\
Examples:

  llm-manager usage --since 7d
  llm-manager usage --by feature,day --since 2026-11-01 --csv > usage.csv
  llm-manager usage --top 10 --since 24h
  llm-manager usage report -o report.html --since 30d"""

By: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Group by hour, day, month, provider, model, operation, feature, user, tenant, run, key or error; "
        "several with commas. By model when nothing is said."
    ),
]
Since: TypeAlias = Annotated[str | None, Parameter(help="From then on: 90m, 24h, 7d, 4w, 2026-11-01 or 2026-11-01T12:00, by UTC.")]
Until: TypeAlias = Annotated[str | None, Parameter(help="Before then, spelled alike.")]
Top: TypeAlias = Annotated[PositiveInt | None, Parameter(help="The dearest calls, so many; with --by, the dearest groups.")]


def add(app: App) -> None:
    """Add the commands."""
    usage = App(name="usage", help="Show what was asked, what it took and what it cost.", help_epilogue=HELP)
    usage.default(run)
    usage.command(report, name="report", help_epilogue="")
    app.command(usage)


def run(
    *,
    by: By = None,
    since: Since = None,
    until: Until = None,
    top: Top = None,
    provider: Annotated[str | None, Parameter(help="Only this provider.")] = None,
    model: Annotated[str | None, Parameter(help="Only this model.")] = None,
    feature: Annotated[str | None, Parameter(help="Only this feature.")] = None,
    user: Annotated[str | None, Parameter(help="Only this user.")] = None,
    tenant: Annotated[str | None, Parameter(help="Only this tenant.")] = None,
    of_run: Annotated[str | None, Parameter(name="--run", help="Only this run: its id, how that begins, or the file it writes.")] = None,
    csv: Annotated[bool, Parameter(negative=(), help="Write CSV to standard output.")] = False,
    raw: Annotated[bool, Parameter(negative=(), help="Leave CSV cells alone that a spreadsheet would take for formulas.")] = False,
    json: Json = False,
    config: Config = None,
) -> int:
    """Show what was asked, what it took and what it cost."""
    from llm_manager.cli.usage.table import usage

    output = standard_output(json=json)
    if csv and json:
        return output.failure(InvalidRequest(message="--csv and --json: give one of them"))
    names = UsageQuery(provider=provider, model=model, feature=feature, user=user, tenant=tenant, run=of_run)
    query = query_for(names, since=since, until=until, by=by, top=top)
    if isinstance(query, Failure):
        return output.failure(query.failure())
    asked = query.unwrap()
    return conduct(output, lambda session: usage(session, asked, csv=csv, raw=raw), config=config)


def report(
    *,
    to: Annotated[Path, Parameter(name=("--output", "-o"), help="The file to write, such as report.html.")],
    since: Since = "30d",
    until: Until = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Write one page with plots: costs and tokens over time, latencies, errors, what the cache saved, by model and feature."""
    from llm_manager.cli.usage.report import report as written

    output = standard_output(json=json)
    query = query_for(UsageQuery(), since=since, until=until)
    if isinstance(query, Failure):
        return output.failure(query.failure())
    asked = query.unwrap()
    return conduct(output, lambda session: written(session, asked, to), config=config)


def query_for(
    names: UsageQuery, *, since: str | None, until: str | None, by: str | None = "", top: int | None = None
) -> Settled[UsageQuery, LLMError]:
    """The query that the words mean; which of them means nothing otherwise."""
    now = real_world().wall()
    moments: list[float | None] = []
    for option, text in (("--since", since), ("--until", until)):
        moment = None if text is None else moment_of(text, now)
        if text is not None and moment is None:
            told = f"{option}: {text!r} is no moment; give 90m, 24h, 7d, 4w, 2026-11-01 or 2026-11-01T12:00"
            return Failure(InvalidRequest(message=told))
        moments.append(moment)
    calls = top is not None and by is None
    words = [word for part in ("" if calls else "model" if by is None else by).split(",") if (word := part.strip())]
    keys = usage_keys(words)
    if isinstance(keys, str):
        return Failure(InvalidRequest(message=f"--{keys}"))
    query = evolve(
        names,
        since=moments[0],
        until=moments[1],
        by=keys,
        top=None if calls else top,
        dearest=top if calls and top is not None else 0,
    )
    wrong = query_fault(query)
    return Success(query) if wrong is None else Failure(InvalidRequest(message=f"--{wrong}"))
