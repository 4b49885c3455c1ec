"""Questions to the usage log, as statements: what was used, by whatever it is grouped; the dearest calls; what budgets have spent."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import add
from typing import Any, Final

from attrs import define, field
from sqlalchemy import ColumnElement, Connection, Label, RowMapping, Select, and_, case, desc, func, or_, select

from llm_manager.domain.configuration import Budget
from llm_manager.domain.usage_log import DearCall, PastSpending, UsageGroup, UsageKey, UsageQuery, UsageReport
from llm_manager.policies.budget_rules import amount_of, purse_name
from llm_manager.policies.names import canonical_provider
from llm_manager.policies.usage_entries import parts_of
from llm_manager.policies.usage_totals import PAID, REMEMBERED, TIMES, TOKENS, Alike, Sums, moment, no_sums, totals_of
from llm_manager.stores.sql.tables.usage import USAGE

_ROW: Final = USAGE.c
_HOURS: Final = 24
_PAID: Final = _ROW.outcome.in_(PAID)
_REMEMBERED: Final = _ROW.outcome.in_(REMEMBERED)
_ALL_TOKENS: Final[ColumnElement[int]] = sum((func.coalesce(_ROW[name], 0) for name in TOKENS[1:]), func.coalesce(_ROW[TOKENS[0]], 0))


def _sum(condition: ColumnElement[bool], amount: ColumnElement[Any] | int = 1) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, amount), else_=0)), 0)


_AMOUNTS: Final[Mapping[str, ColumnElement[Any]]] = {
    "rows": func.count(),
    **{name: func.coalesce(func.sum(_ROW[name]), 0) for name in (*TOKENS, "cost_micros", "cost_rest", "prefix_nanos")},
    "priced": func.count(_ROW.cost_micros),
    "billable": _sum(_ROW.billable),
    "milliseconds": func.sum(_ROW.seconds * 1000),
}
_PAID_MICROS: Final = _sum(_PAID, func.coalesce(_ROW.cost_micros, 0))
_COST: Final = desc(func.coalesce(func.sum(_ROW.cost_micros), 0))
_NAMES: Final[Mapping[UsageKey, str]] = {"user": "user", "key": "key_fingerprint"}


def report_of(connection: Connection, query: UsageQuery) -> UsageReport:
    """What a query asks for, read in one pass over the log."""
    wanted = _wanted(query)
    read = _folded(connection, wanted, query)
    lost = connection.execute(select(func.coalesce(func.sum(_ROW.number), 0)).where(*_within(query), _ROW.outcome == "lost")).scalar_one()
    return UsageReport(
        query=query,
        total=totals_of(read.total),
        groups=_groups(query, read.groups) if query.by else (),
        dearest=_dearest(connection, query, wanted) if query.dearest > 0 else (),
        lost=int(lost),
        first=read.first,
        last=read.last,
    )


def spent_of(connection: Connection, budget: Budget, since: float, but: Collection[int]) -> tuple[PastSpending, ...]:
    """What a budget has spent since a moment, by all writers but these; a reset of its period begins it anew."""
    reset = select(func.max(_ROW.at)).where(_ROW.outcome == "reset", _ROW.operation == budget.period, _ROW.at >= since)
    since = max(since, connection.execute(reset).scalar_one() or since)
    split = ("provider", "model") if budget.each == "model" else () if budget.each is None else (budget.each,)
    untold = _ROW.cost_micros.is_(None)
    no_tokens = _ROW.input_tokens.is_(None)
    micros, rest = func.coalesce(_ROW.cost_micros, _ROW.most_micros, 0), func.coalesce(_ROW.cost_rest, 0)
    tokens = case((no_tokens, func.coalesce(_ROW.most_tokens, 0)), else_=_ALL_TOKENS)
    statement = select(
        *(_ROW[name] for name in split),
        *(func.coalesce(func.sum(each), 0) for each in (micros, rest, tokens)),
        func.count(),
        *(_sum(untold, micros), _sum(no_tokens, tokens), _sum(_ROW.outcome != "answered")),
    ).where(_PAID, _ROW.billable, _ROW.at >= since, _ROW.at - _ROW.seconds >= since, *_fitting(budget))
    if but:
        statement = statement.where(_ROW.writer.not_in(sorted(but)))
    found: dict[str, PastSpending] = {}
    for row in connection.execute(statement.group_by(*(_ROW[name] for name in split))):
        names = dict(zip(split, row, strict=False))
        amounts = [int(each) for each in row[len(split) :]]
        purse = "" if budget.each is None else purse_name(budget.each, **names)
        before = found.get(purse, PastSpending(purse=purse))
        found[purse] = PastSpending(
            purse=purse,
            usd_parts=before.usd_parts + parts_of(amounts[0], amounts[1]),
            tokens=before.tokens + amounts[2],
            requests=before.requests + amounts[3],
            unknown_usd_parts=before.unknown_usd_parts + parts_of(amounts[4], 0),
            unknown_tokens=before.unknown_tokens + amounts[5],
            unknown_requests=before.unknown_requests + amounts[6],
        )
    return tuple(found.values())


def _fitting(budget: Budget) -> list[ColumnElement[bool]]:
    said = {"feature": budget.feature, "user": budget.user, "tenant": budget.tenant}
    found = [_ROW[name] == value for name, value in said.items() if value is not None]
    if budget.provider is not None:
        found.append(_ROW.provider == (canonical_provider(budget.provider) or budget.provider))
    if budget.model is not None:
        found.append(_named(budget.model))
    return found


def _named(model: str) -> ColumnElement[bool]:
    """A model by its name, or by its provider's and its own."""
    provider, _, name = model.partition("/")
    return or_(_ROW.model == model, and_(_ROW.provider == provider, _ROW.model == name))


def _within(query: UsageQuery) -> list[ColumnElement[bool]]:
    found = []
    if query.since is not None:
        found.append(_ROW.at >= query.since)
    if query.until is not None:
        found.append(_ROW.at < query.until)
    return found


def _wanted(query: UsageQuery) -> list[ColumnElement[bool]]:
    names = ("operation", "feature", "user", "tenant", "run")
    found = [*_within(query), *(_ROW[name] == value for name in names if (value := getattr(query, name)) is not None)]
    if query.provider is not None:
        found.append(_ROW.provider == (canonical_provider(query.provider) or query.provider))
    if query.model is not None:
        found.append(_named(query.model))
    return found


def _columns(by: Sequence[UsageKey]) -> list[Label[Any]]:
    """What SQL groups by; hours become months only when they are told, since no two databases agree on how to make them."""
    found: list[ColumnElement[Any]] = []
    for key in by:
        if key == "hour":
            found.append(_ROW.hour)
        elif key in TIMES:
            found.append(_ROW.hour - _ROW.hour % _HOURS)
        elif key == "model":
            found += (_ROW.provider, _ROW.model)
        else:
            found.append(_ROW[_NAMES.get(key, key)])
    return [column.label(f"of_{place}") for place, column in enumerate(found)]


def _told(by: Sequence[UsageKey], values: Sequence[Any]) -> tuple[str | None, ...]:
    """The names that a row of `_columns` says."""
    rest = iter(values)
    found: list[str | None] = []
    for key in by:
        value = next(rest)
        if key in TIMES:
            found.append(moment(key, int(value)))
        elif key == "model":
            found.append(f"{value}/{next(rest)}")
        else:
            found.append(None if value is None else str(value))
    return tuple(found)


@define
class _Read:
    """What was read of the log: all of it, by group, and when its first and its last entry came."""

    total: Sums = field(factory=no_sums)
    groups: dict[tuple[str | None, ...], Sums] = field(factory=dict)
    first: float | None = None
    last: float | None = None


def _folded(connection: Connection, wanted: Sequence[ColumnElement[bool]], query: UsageQuery) -> _Read:
    """Sums of all, and by group: of every one, or only of the dearest, so that no more is held than is asked for."""
    columns, read = _columns(query.by), _Read()
    only, width = _dearest_groups(connection, wanted, query, columns), len(columns)
    alike: dict[tuple[tuple[Any, ...] | None, str], _Lines] = {}
    for row in connection.execute(_by_ending(columns, wanted)):
        of, (outcome, error, bucket, first, last), amounts = row[:width], row[width : width + 5], row[width + 5 :]
        read.first = first if read.first is None else min(read.first, first)
        read.last = last if read.last is None else max(read.last, last)
        key = None if only is not None and of not in only else of
        lines = alike.get((key, outcome))
        if lines is None:
            lines = alike[key, outcome] = _Lines([0] * len(amounts))
        lines.amounts = list(map(add, lines.amounts, amounts))
        if outcome == "answered":
            lines.buckets[bucket] += amounts[0]
        elif error is not None:
            lines.errors[error] += amounts[0]
    for (key, outcome), lines in alike.items():
        told = Alike(dict(zip(_AMOUNTS, map(int, lines.amounts), strict=True)), lines.buckets, lines.errors)
        read.total.count(told, outcome)
        if key is not None:
            read.groups.setdefault(_told(query.by, key), no_sums()).count(told, outcome)
    return read


@define
class _Lines:
    """What lines of one group and one outcome come to, before it is told by name."""

    amounts: list[Any]
    buckets: Counter[int] = field(factory=Counter)
    errors: Counter[str] = field(factory=Counter)


def _by_ending(columns: Sequence[Label[Any]], wanted: Sequence[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    """One line for each group, outcome, error and latency: all that is told of requests comes from it, in one pass."""
    ending = (_ROW.outcome, _ROW.error, _ROW.latency_bucket)
    return (
        select(*columns, *ending, func.min(_ROW.at), func.max(_ROW.at), *_AMOUNTS.values())
        .where(*wanted, or_(_PAID, _REMEMBERED))
        .group_by(*(column.name for column in columns), *ending)
    )


def _dearest_groups(
    connection: Connection, wanted: Sequence[ColumnElement[bool]], query: UsageQuery, columns: Sequence[Label[Any]]
) -> frozenset[tuple[Any, ...]] | None:
    """Which groups are the dearest, by what SQL groups by; None when all are wanted, or SQL does not know them as such."""
    if query.top is None or "month" in query.by or not columns:
        return None
    names = [column.name for column in columns]
    ranked = select(*columns).where(*wanted, or_(_PAID, _REMEMBERED)).group_by(*names)
    return frozenset(tuple(row) for row in connection.execute(ranked.order_by(desc(_PAID_MICROS), desc(func.count())).limit(query.top)))


def _groups(query: UsageQuery, found: Mapping[tuple[str | None, ...], Sums]) -> tuple[UsageGroup, ...]:
    groups = [UsageGroup(of=of, totals=totals_of(sums)) for of, sums in found.items()]
    named = {group.of: tuple((name is None, name or "") for name in group.of) for group in groups}
    groups.sort(key=lambda group: (-group.totals.cost_usd, -group.totals.requests, named[group.of]))
    if query.top is not None:
        groups = groups[: query.top]
    if any(key in TIMES for key in query.by):
        groups.sort(key=lambda group: named[group.of])
    return tuple(groups)


def _dearest(connection: Connection, query: UsageQuery, wanted: Sequence[ColumnElement[bool]]) -> tuple[DearCall, ...]:
    ranked = select(_ROW.call_id).where(*wanted, _PAID, _ROW.cost_micros.is_not(None)).group_by(_ROW.call_id)
    ranked = ranked.order_by(_COST, desc(func.sum(_ROW.cost_rest)), _ROW.call_id).limit(query.dearest)
    calls = [row.call_id for row in connection.execute(ranked)]
    statement = select(USAGE).where(*wanted, _PAID, _ROW.call_id.in_(calls)).order_by(_ROW.at, _ROW.writer, _ROW.place)
    rows: dict[str, list[RowMapping]] = {call: [] for call in calls}
    for row in connection.execute(statement).mappings():
        rows[row[_ROW.call_id]].append(row)
    return tuple(_dear(call, attempts) for call, attempts in rows.items() if attempts)


def _dear(call_id: str, attempts: Sequence[RowMapping]) -> DearCall:
    last = attempts[-1]

    def summed(*names: str) -> int:
        return sum(each[_ROW[name]] or 0 for each in attempts for name in names)

    return DearCall(
        call_id=call_id,
        at=last[_ROW.at],
        models=tuple(dict.fromkeys(f"{each[_ROW.provider]}/{each[_ROW.model]}" for each in attempts)),
        operation=last[_ROW.operation],
        feature=last[_ROW.feature],
        user=last[_ROW.user],
        tenant=last[_ROW.tenant],
        run=last[_ROW.run],
        requests=len(attempts),
        tokens=summed(*TOKENS),
        cost_usd=amount_of(parts_of(summed("cost_micros"), summed("cost_rest")), "usd"),
    )
