"""A run as it is kept, in words and as plain data: how far it is, what it took, what it will take, and what holds it back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from llm_manager.domain.moments import moment_exactly
from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.runs import RunRecord
from llm_manager.domain.standing import BreakerStanding, ScopeStanding
from llm_manager.policies.budget_words import plain
from llm_manager.policies.plurals import counted
from llm_manager.policies.run_budget import spent_of
from llm_manager.policies.standing_words import standing_lines
from llm_manager.runs.reporting import duration

SHORT_ID: Final = 8
FRESH_SECONDS: Final = 10.0
"""A pulse that is older says nothing of now."""

_MICRO: Final = Decimal("0.000001")
_MOST_SCOPES: Final = 20


def settled(record: RunRecord, pulse: RunPulse | None) -> int:
    """Rows that need nothing more: what is durable, and what its owner said last, however long ago."""
    if record.state == "finished":
        return record.plan.rows
    kept = record.counts.answered + record.counts.failed
    return min(record.plan.rows, kept if pulse is None else max(kept, pulse.rows_done))


def left(record: RunRecord, pulse: RunPulse | None) -> int:
    """Rows still to be asked."""
    return record.plan.rows - settled(record, pulse)


def projected_usd(record: RunRecord, pulse: RunPulse | None) -> Decimal | None:
    """What the whole run will cost if the rest goes as what is settled did; None where that is not known."""
    done = settled(record, pulse)
    if not left(record, pulse):
        return record.counts.cost_usd
    if not done or record.counts.unpriced:
        return None
    return (record.counts.cost_usd / done * record.plan.rows).quantize(_MICRO)


def fresh(record: RunRecord, pulse: RunPulse | None, now: float) -> RunPulse | None:
    """The pulse, if it tells how the run is doing now."""
    return pulse if pulse is not None and record.state == "running" and now - pulse.at <= FRESH_SECONDS else None


def portrait_lines(record: RunRecord, pulse: RunPulse | None, now: float) -> Iterator[str]:
    """A run for a person; the pulse is told while it is fresh."""
    counts, told = record.counts, fresh(record, pulse, now)
    asked = f", {record.model}" if record.model else ""
    yield f"run {record.id[:SHORT_ID]}: {record.state}{asked}"
    yield f"begun {moment_exactly(record.created_at)}, last heard of {moment_exactly(record.updated_at)}"
    yield f"rows of {record.plan.source}" + (f", answers in {record.plan.target}" if record.plan.target else "")
    yield _rows(record, pulse)
    if told is not None:
        yield _pace(told)
    yield f"{counts.input_tokens} + {counts.output_tokens} tokens in {counted(counts.calls, 'call')}"
    yield _money(record, pulse)
    if counts.doubtful:
        yield f"{counted(counts.doubtful, 'call')} may be charged a second time: {_goes('export', record)} --possible-double-charges"
    for tag, count in sorted(counts.errors.items(), key=lambda item: (-item[1], item[0])):
        yield f"failed {count} x {tag}"
    if told is not None:
        yield from _held_back(told)
    if record.stopped and record.state != "running":
        yield f"stopped: {record.stopped}"
    if record.state in ("interrupted", "paused"):
        yield f"goes on with: {_goes('resume', record)}"


def portrait_document(record: RunRecord, pulse: RunPulse | None, now: float) -> dict[str, Any]:
    """A run as plain data. Money is decimal text, since a float would round it; what is not known is null."""
    counts, told, projected = record.counts, fresh(record, pulse, now), projected_usd(record, pulse)
    return {
        "id": record.id,
        "state": record.state,
        "source": record.plan.source,
        "output": record.plan.target,
        "model": record.model,
        "rows": record.plan.rows,
        "answered": counts.answered,
        "failed": counts.failed,
        "left": left(record, pulse),
        "calls": counts.calls,
        "cached": counts.cached,
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
        "cost_usd": plain(counts.cost_usd),
        "projected_cost_usd": None if projected is None else plain(projected),
        "budget_usd": None if record.plan.budget_usd is None else plain(record.plan.budget_usd),
        "calls_of_unknown_cost": counts.unpriced,
        "possible_double_charges": counts.doubtful,
        "possible_double_charges_usd": plain(counts.doubtful_usd),
        "errors": dict(counts.errors),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "owner": record.owner,
        "stopped": record.stopped,
        "now": None if told is None else _pulse_document(told),
    }


def list_row(record: RunRecord, pulse: RunPulse | None) -> tuple[str, ...]:
    """A run as a line of a table under `LIST_HEADINGS`; of its output the last part of the name, so that it fits."""
    return (
        record.id[:SHORT_ID],
        record.state,
        f"{settled(record, pulse)}/{record.plan.rows}",
        str(record.counts.failed),
        plain(record.counts.cost_usd),
        datetime.fromtimestamp(record.updated_at, UTC).strftime("%Y-%m-%d %H:%M"),
        (record.plan.target or record.plan.source).rpartition("/")[2],
    )


LIST_HEADINGS: Final = ("run", "state", "rows", "failed", "usd", "heard of (UTC)", "output")


def watch_line(record: RunRecord, pulse: RunPulse | None, now: float) -> str:
    """A run as one line, for those who watch it."""
    counts, told, projected = record.counts, fresh(record, pulse, now), projected_usd(record, pulse)
    parts = [f"{settled(record, pulse)} of {counted(record.plan.rows, 'row')}", f"{counts.failed} failed"]
    if told is not None:
        parts += [f"{told.under_way} under way"]
        parts += [f"{told.rows_per_second:.1f} rows/s"] if told.rows_per_second is not None and told.waiting is None else []
    parts.append(
        f"{plain(counts.cost_usd)} USD" + ("" if projected is None or not left(record, pulse) else f" of about {plain(projected)}")
    )
    if told is not None and told.waiting:
        parts.append(f"waiting: {told.waiting}")
    elif told is not None and told.seconds_left is not None:
        parts.append(f"{duration(told.seconds_left)} left")
    return ", ".join(parts if record.state == "running" else [record.state, *parts])


def _goes(command: str, record: RunRecord) -> str:
    return f"llm-manager runs {command} {record.id[:SHORT_ID]}"


def _rows(record: RunRecord, pulse: RunPulse | None) -> str:
    counts = record.counts
    cached = f" ({counts.cached} from the cache)" if counts.cached else ""
    done, rest = settled(record, pulse), f"{left(record, pulse)} left"
    if done <= counts.answered + counts.failed:
        return f"{counts.answered} of {counted(record.plan.rows, 'row')} answered{cached}, {counts.failed} failed, {rest}"
    asked = f"{counts.answered} answered{cached}, {counts.failed} failed"
    return f"{done} of {counted(record.plan.rows, 'row')} done, {rest}; of those asked, equal ones once, {asked}"


def _pace(told: RunPulse) -> str:
    parts = [f"{counted(told.under_way, 'call')} under way"]
    if told.rows_per_second is not None:
        parts.append(f"{told.rows_per_second:.1f} rows/s")
    if told.seconds_left is not None and not told.waiting:
        parts.append(f"{duration(told.seconds_left)} left")
    if told.waiting:
        parts.append(f"waiting: {told.waiting}")
    return ", ".join(parts)


def _money(record: RunRecord, pulse: RunPulse | None) -> str:
    counts, projected = record.counts, projected_usd(record, pulse)
    parts = [f"{plain(counts.cost_usd)} USD so far"]
    if left(record, pulse):
        parts.append("what it will cost is not known" if projected is None else f"about {plain(projected)} USD in all")
    if counts.unpriced:
        parts.append(f"{counted(counts.unpriced, 'call')} of unknown cost")
    if counts.doubtful_usd:
        parts.append(f"{plain(counts.doubtful_usd)} USD more at most for what was not told")
    if record.plan.budget_usd is not None:
        rest = max(Decimal(0), record.plan.budget_usd - spent_of(counts))
        parts.append(f"budget {plain(record.plan.budget_usd)} USD, {plain(rest)} left")
    return ", ".join(parts)


def _held_back(told: RunPulse) -> Iterator[str]:
    """Limits in use, then whatever is not as usual: breakers that are open, pauses, budgets."""
    for scope in told.standing.scopes[:_MOST_SCOPES]:
        if scope.under_way or scope.waiting:
            yield _limit(scope)
    yield from standing_lines(told.standing)


def _limit(scope: ScopeStanding) -> str:
    at_once = "" if scope.concurrency is None else f" of {scope.concurrency} at once"
    parts = [f"limits of {scope.provider}: {scope.under_way} under way{at_once}", f"{scope.waiting} waiting"]
    for name, much, rest in (("requests", scope.requests, scope.requests_left), ("tokens", scope.tokens, scope.tokens_left)):
        if much is not None:
            parts.append(f"{much if rest is None else rest} of {much} {name} left this minute")
    return ", ".join(parts)


def _pulse_document(told: RunPulse) -> dict[str, Any]:
    return {
        "under_way": told.under_way,
        "rows_per_second": told.rows_per_second,
        "seconds_left": told.seconds_left,
        "waiting": told.waiting,
        "online": told.standing.online,
        "breakers": [_breaker_document(one) for one in told.standing.breakers],
        "limits": [_scope_document(one) for one in told.standing.scopes],
    }


def _breaker_document(one: BreakerStanding) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "endpoint": one.endpoint,
        "phase": one.phase,
        "failures": one.failures,
        "probe_in_seconds": one.probe_in_seconds,
    }


def _scope_document(one: ScopeStanding) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "endpoint": one.endpoint,
        "under_way": one.under_way,
        "waiting": one.waiting,
        "concurrency": one.concurrency,
        "paused_seconds": one.paused_seconds,
    }
