"""`llm-manager usage`: what was asked, by period and name, as a table, JSON or CSV."""

from datetime import UTC, datetime
from typing import Any, Final

from attrs import evolve
from returns.result import Failure

from llm_manager.cli.exits import OK
from llm_manager.cli.output import Output
from llm_manager.cli.runs.at_hand import meant
from llm_manager.cli.session import Session
from llm_manager.cli.usage.page.words import NOBODY, count, latency, usd
from llm_manager.domain.usage_log import DearCall, UsageGroup, UsageQuery, UsageReport, UsageTotals
from llm_manager.effects import settle
from llm_manager.policies.budget_words import plain
from llm_manager.policies.plurals import counted
from llm_manager.runs.cells import cell_line
from llm_manager.runs.portraying import SHORT_ID

_COLUMNS: Final = ("requests", "failed", "from cache", "tokens in", "tokens out", "cost USD", "saved USD", "median", "p95")
_SHORT_COLUMNS: Final = ("asked", "failed", "cached", "tokens", "USD", "saved", "p95")
_SHORT_CALL_COLUMNS: Final = ("when", "models", "feature", "user", "tokens", "USD")
_CALL_COLUMNS: Final = ("when", "models", "operation", "feature", "user", "requests", "tokens", "cost USD", "call")
_NOTHING: Final = "nothing is in the usage log for this time; calls are kept there where a store is set"
_NAMES: Final = ("provider", "model", "feature", "user", "tenant", "run")


async def usage(session: Session, query: UsageQuery, *, csv: bool = False, raw: bool = False) -> int:
    """Show what the usage log says."""
    output, said = session.output, query
    query = evolve(query, run=_whole_id(session, query.run))
    found = await settle(session.manager.usage_report(query))
    if isinstance(found, Failure):
        return output.failure(found.failure())
    report = found.unwrap()
    if output.json:
        output.document(document_of(report))
    elif csv:
        output.text("".join(csv_lines(report, raw=raw)))
    elif report.first is None:
        output.note(_nothing(said))
    else:
        _tabulate(output, query, report)
    if not output.json and report.first is not None:
        _summarise(output, report)
    return OK


def _whole_id(session: Session, said: str | None) -> str | None:
    """The id of the run that is meant by the beginning of one or by the file it writes; programs may name theirs as they like."""
    if said is None or session.store is None:
        return said
    found = meant(session.store.runs, said)
    return said if isinstance(found, Failure) else found.unwrap().id


def _nothing(said: UsageQuery) -> str:
    """Why there is nothing: what was asked for comes first, and then the time."""
    names = {name: value for name in _NAMES if (value := getattr(said, name)) is not None}
    if not names:
        return _NOTHING
    wanted = " ".join(f"--{name} {value}" for name, value in names.items())
    when = "" if said.since is None and said.until is None else " of this time"
    return f"nothing in the usage log{when} fits {wanted}; `llm-manager usage --by {','.join(names)}` shows which there are"


def _tabulate(output: Output, query: UsageQuery, report: UsageReport) -> None:
    """Every number in a pipe; on a terminal as much as fits beside the names."""
    if query.dearest:
        calls = report.dearest
        if output.terminal:
            output.table(_SHORT_CALL_COLUMNS, map(_short_call_row, calls))
        else:
            output.table(_CALL_COLUMNS, map(_call_row, calls))
        return
    columns, row = (_SHORT_COLUMNS, _short_row) if output.terminal else (_COLUMNS, _row)
    output.table((*query.by, *columns), [(*_names(output, query, group), *row(group.totals)) for group in report.groups])


def _names(output: Output, query: UsageQuery, group: UsageGroup) -> tuple[str, ...]:
    """What the requests share; on a terminal as much of a run's id as `runs list` shows, which is enough to name it by."""
    named = zip(query.by, group.of, strict=True)
    return tuple(each[:SHORT_ID] if each and key == "run" and output.terminal else each or NOBODY for key, each in named)


def _summarise(output: Output, report: UsageReport) -> None:
    total = report.total
    told = [f"{counted(total.requests, 'request')}: {total.successful} answered, {total.failed} failed, {total.left} left"]
    told.append(f"{plain(round(total.cost_usd, 6))} USD")
    if total.remembered:
        told.append(f"{counted(total.remembered, 'answer')} from the cache saved {plain(round(total.saved_usd, 6))} USD")
    if total.prefix_saved_usd:
        told.append(f"prompts whose beginning a provider had kept saved {plain(round(total.prefix_saved_usd, 6))} USD")
    output.note("; ".join(told))
    if total.unpriced:
        output.note(f"note: {counted(total.unpriced, 'answer')} of unknown cost on top, since no price is known or no usage was told")
    if total.doubtful:
        output.note(f"note: {counted(total.doubtful, 'request')} that failed or were left may have been billed too")
    if report.lost:
        output.note(f"note: {counted(report.lost, 'entry')} could not be kept and are missing here")


def _row(totals: UsageTotals) -> tuple[str, ...]:
    return (
        str(totals.requests),
        str(totals.failed + totals.left),
        str(totals.remembered),
        str(totals.usage.prompt_tokens),
        str(totals.usage.completion_tokens),
        plain(round(totals.cost_usd, 6)) + ("+" if totals.unpriced else ""),
        plain(round(totals.saved_usd, 6)),
        _latency(totals.median_latency_ms),
        _latency(totals.p95_latency_ms),
    )


def _short_row(totals: UsageTotals) -> tuple[str, ...]:
    return (
        count(totals.requests),
        count(totals.failed + totals.left),
        count(totals.remembered),
        count(totals.total_tokens),
        usd(totals.cost_usd) + ("+" if totals.unpriced else ""),
        usd(totals.saved_usd),
        _latency(totals.p95_latency_ms),
    )


def _latency(milliseconds: float | None) -> str:
    return "" if milliseconds is None else latency(milliseconds)


def _call_row(call: DearCall) -> tuple[str, ...]:
    return (
        moment(call.at),
        ", ".join(call.models),
        call.operation,
        call.feature or NOBODY,
        call.user or NOBODY,
        str(call.requests),
        str(call.tokens),
        plain(round(call.cost_usd, 6)),
        call.call_id,
    )


def _short_call_row(call: DearCall) -> tuple[str, ...]:
    models = ", ".join(call.models)
    return moment(call.at), models, call.feature or NOBODY, call.user or NOBODY, count(call.tokens), usd(call.cost_usd)


def moment(wall: float | None) -> str:
    """A moment for people, by UTC."""
    return "" if wall is None else datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M")


def document_of(report: UsageReport) -> dict[str, Any]:
    """The report as JSON: money as text, so that no digit is lost, and latencies in milliseconds."""
    query = report.query
    return {
        "since": query.since,
        "until": query.until,
        "first": report.first,
        "last": report.last,
        "total": _totals(report.total),
        "groups": [{"of": dict(zip(query.by, group.of, strict=True)), **_totals(group.totals)} for group in report.groups],
        "dearest": [_call(call) for call in report.dearest],
        "lost": report.lost,
    }


def csv_lines(report: UsageReport, *, raw: bool) -> list[str]:
    """The report as CSV, with the names of `document_of`; no cell begins a formula unless ``raw``."""
    if report.query.dearest:
        calls = [_call(call) for call in report.dearest]
        headings = tuple(_call(_NO_CALL))
        return [cell_line(headings), *(cell_line([call[name] for name in headings], raw=raw) for call in calls)]
    headings = tuple(name for name in _totals(UsageTotals()) if name != "errors")
    lines = [cell_line((*report.query.by, *headings))]
    for group in report.groups:
        told = _totals(group.totals)
        lines.append(cell_line((*group.of, *(told[name] for name in headings)), raw=raw))
    return lines


_NO_CALL: Final = DearCall(
    call_id="",
    at=0.0,
    models=(),
    operation="",
    feature=None,
    user=None,
    tenant=None,
    run=None,
    requests=0,
    tokens=0,
    cost_usd=UsageTotals().cost_usd,
)


def _call(call: DearCall) -> dict[str, Any]:
    return {
        "call": call.call_id,
        "at": call.at,
        "models": " ".join(call.models),
        "operation": call.operation,
        "feature": call.feature,
        "user": call.user,
        "tenant": call.tenant,
        "run": call.run,
        "requests": call.requests,
        "tokens": call.tokens,
        "cost_usd": plain(call.cost_usd),
    }


def _totals(totals: UsageTotals) -> dict[str, Any]:
    usage = totals.usage
    return {
        "requests": totals.requests,
        "successful": totals.successful,
        "failed": totals.failed,
        "left": totals.left,
        "total_tokens": usage.total_tokens,
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens + usage.cache_write_long_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": plain(totals.cost_usd),
        "unpriced": totals.unpriced,
        "doubtful": totals.doubtful,
        "remembered": totals.remembered,
        "saved_usd": plain(totals.saved_usd),
        "saved_tokens": totals.saved_tokens,
        "prefix_saved_usd": plain(totals.prefix_saved_usd),
        "average_latency_ms": _rounded(totals.average_latency_ms),
        "median_latency_ms": _rounded(totals.median_latency_ms),
        "p95_latency_ms": _rounded(totals.p95_latency_ms),
        "p99_latency_ms": _rounded(totals.p99_latency_ms),
        "errors": dict(totals.errors),
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)
