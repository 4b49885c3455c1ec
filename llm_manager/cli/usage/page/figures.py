"""Each plot with its numbers in a table beside it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from llm_manager.cli.usage.page.axes import periods
from llm_manager.cli.usage.page.gathering import Gathered
from llm_manager.cli.usage.page.plots import Plot, Series, by_name, lines, stacked
from llm_manager.cli.usage.page.words import NOBODY, count, latency, safe, short, usd, usd_mark
from llm_manager.domain.usage_log import UsageReport, UsageTotals

_MODELS: Final = 6
_OTHERS: Final = "all others"
_ERRORS: Final = 5


def figures(found: Gathered) -> str:
    """All plots, in the order in which they are read."""
    first, last = found.over_time.first, found.over_time.last
    if first is None or last is None:
        return '<p class="empty">Nothing is in the usage log for this time.</p>'
    labels = periods(found.key, first, last)
    totals = {group.of[0] or "": group.totals for group in found.over_time.groups}
    over = _OverTime(labels, [totals.get(label, UsageTotals()) for label in labels])
    return "".join(
        (
            _cost(over, found),
            _tokens(over),
            _latencies(over),
            _requests(over),
            _errors(found.over_time.total.errors),
            _savings(over),
            _by("model", "Cost by model", found.by_model),
            _by("feature", "Cost by feature", found.by_feature),
        )
    )


class _OverTime:
    """Totals by period, those without usage included."""

    def __init__(self, labels: tuple[str, ...], totals: Sequence[UsageTotals]) -> None:
        self.labels = labels
        self.totals = totals

    def series(self, name: str, value: Callable[[UsageTotals], float | None], colour: int | None = None) -> Series:
        return Series(name=name, values=tuple(map(value, self.totals)), colour=colour)

    def rows(self, *cells: Callable[[UsageTotals], str]) -> list[tuple[str, ...]]:
        return [(label, *(cell(totals) for cell in cells)) for label, totals in zip(self.labels, self.totals, strict=True)]


def _cost(over: _OverTime, found: Gathered) -> str:
    spent: dict[str, dict[str, float]] = {}
    for group in found.by_time_and_model.groups:
        spent.setdefault(group.of[1] or NOBODY, {})[group.of[0] or ""] = float(group.totals.cost_usd)
    dearest = sorted(spent, key=lambda model: (-sum(spent[model].values()), model))
    series = [Series(name=model, values=tuple(spent[model].get(label, 0.0) for label in over.labels)) for model in dearest[:_MODELS]]
    if len(dearest) > _MODELS:
        rest = tuple(sum(spent[model].get(label, 0.0) for model in dearest[_MODELS:]) for label in over.labels)
        series.append(Series(name=_OTHERS, values=rest))
    plot = Plot(id="cost", title="Cost over time", unit="USD", told=usd, mark=usd_mark, labels=over.labels, series=tuple(series))
    rows = over.rows(lambda each: usd(each.cost_usd), lambda each: str(each.unpriced))
    return _figure(plot, stacked(plot), ("period", "USD", "of unknown cost"), rows)


def _tokens(over: _OverTime) -> str:
    series = (
        over.series("read", lambda each: each.usage.input_tokens),
        over.series("read from the provider's cache", lambda each: each.usage.cache_read_tokens),
        over.series("written to the provider's cache", lambda each: each.usage.cache_write_tokens + each.usage.cache_write_long_tokens),
        over.series("written", lambda each: each.usage.output_tokens),
        over.series("reasoned", lambda each: each.usage.reasoning_tokens),
    )
    plot = Plot(id="tokens", title="Tokens over time", unit="tokens", told=count, labels=over.labels, series=series)
    rows = over.rows(*(_number(name) for name in ("input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens")))
    return _figure(plot, stacked(plot), ("period", "read", "cached", "written", "reasoned"), rows)


def _number(name: str) -> Callable[[UsageTotals], str]:
    return lambda totals: f"{getattr(totals.usage, name):,}"


def _latencies(over: _OverTime) -> str:
    series = (
        over.series("half within", lambda each: each.median_latency_ms),
        over.series("95 % within", lambda each: each.p95_latency_ms),
        over.series("99 % within", lambda each: each.p99_latency_ms),
    )
    plot = Plot(
        id="latency",
        title="Latency of answers",
        unit="time to the whole answer",
        told=latency,
        mark=latency,
        labels=over.labels,
        series=series,
    )
    cells = (
        lambda each: latency(each.median_latency_ms),
        lambda each: latency(each.p95_latency_ms),
        lambda each: latency(each.p99_latency_ms),
    )
    return _figure(plot, lines(plot), ("period", "50 %", "95 %", "99 %"), over.rows(*cells))


def _requests(over: _OverTime) -> str:
    series = (
        over.series("answered", lambda each: each.successful),
        over.series("from the cache", lambda each: each.remembered, colour=2),
        over.series("left by their callers", lambda each: each.left, colour=1),
        over.series("failed", lambda each: each.failed, colour=_ERRORS),
    )
    plot = Plot(id="requests", title="Requests over time", unit="requests", told=count, labels=over.labels, series=series)
    rows = over.rows(
        lambda each: f"{each.successful:,}",
        lambda each: f"{each.failed:,}",
        lambda each: f"{each.left:,}",
        lambda each: f"{each.remembered:,}",
    )
    return _figure(plot, stacked(plot), ("period", "answered", "failed", "left", "cached"), rows)


def _errors(errors: Mapping[str, int]) -> str:
    names = tuple(errors)
    series = Series(name="failed", values=tuple(errors.values()), colour=_ERRORS)
    plot = Plot(id="errors", title="Errors", unit="failed requests", told=count, labels=names, series=(series,))
    return _figure(plot, by_name(plot), ("error", "requests"), [(name, f"{errors[name]:,}") for name in names])


def _savings(over: _OverTime) -> str:
    series = (over.series("saved", lambda each: float(each.saved_usd)),)
    plot = Plot(id="savings", title="Saved by the cache", unit="USD", told=usd, mark=usd_mark, labels=over.labels, series=series)
    cells = (lambda each: str(each.remembered), lambda each: f"{each.saved_tokens:,}", lambda each: usd(each.saved_usd))
    return _figure(plot, stacked(plot), ("period", "answers", "tokens", "USD"), over.rows(*cells))


def _by(kind: str, title: str, report: UsageReport) -> str:
    names = tuple(group.of[0] or NOBODY for group in report.groups)
    series = Series(name="cost", values=tuple(float(group.totals.cost_usd) for group in report.groups))
    plot = Plot(id=f"by-{kind}", title=title, unit="USD", told=usd, labels=names, series=(series,))
    rows = [
        (
            short(name),
            f"{group.totals.requests:,}",
            count(group.totals.total_tokens),
            usd(group.totals.cost_usd),
            latency(group.totals.p95_latency_ms),
            f"{group.totals.failed:,}",
        )
        for name, group in zip(names, report.groups, strict=True)
    ]
    return _figure(plot, by_name(plot), (kind, "requests", "tokens", "USD", "95 % within", "failed"), rows)


def _figure(plot: Plot, drawn: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return (
        f'<section id="{safe(plot.id)}"><h2>{safe(plot.title)}</h2><div class="pair"><div>{drawn}</div>'
        f'<div class="numbers" tabindex="0">{table(headings, rows)}</div></div></section>'
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Numbers in rows; the first of each row names it."""
    head = "".join(f'<th scope="col">{safe(heading)}</th>' for heading in headings)
    body = "".join(f'<tr><th scope="row">{safe(row[0])}</th>{"".join(f"<td>{safe(cell)}</td>" for cell in row[1:])}</tr>' for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
