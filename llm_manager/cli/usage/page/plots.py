"""Plots as SVG: stacked bars and lines over time, bars by name. Every axis has its unit, every series its name in the legend."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from llm_manager.cli.usage.page.axes import marks, some
from llm_manager.cli.usage.page.words import count, safe, short

Told: TypeAlias = Callable[[float], str]
"""How a value is written."""

_WIDTH: Final = 600
_HEIGHT: Final = 260
_LEFT: Final = 76
_RIGHT: Final = 12
_TOP: Final = 26
_BOTTOM: Final = 34
_LABELS: Final = 6
_ROW: Final = 26
_NAME: Final = 190
_VALUE: Final = 92
_LETTERS: Final = 27
COLOURS: Final = 8


@frozen(kw_only=True)
class Series:
    """One row of values with its name; None where there is none."""

    name: str
    values: tuple[float | None, ...]
    colour: int | None = None
    """By its place, where nothing is said."""


@frozen(kw_only=True)
class Plot:
    """What a plot shows: its title, the unit of its values, how they and the marks of its axis are written, and what they stand for."""

    id: str
    title: str
    unit: str
    told: Told
    mark: Told = count
    labels: tuple[str, ...]
    series: tuple[Series, ...]


def stacked(plot: Plot) -> str:
    """Bars over time, one series upon the other."""
    shown = [series for series in plot.series if any(series.values)]
    totals = [sum(series.values[place] or 0 for series in plot.series) for place in range(len(plot.labels))]
    if not any(totals):
        return _empty(plot)
    top = marks(max(totals))
    width = (_WIDTH - _LEFT - _RIGHT) / len(plot.labels)
    bars: list[str] = []
    for place, label in enumerate(plot.labels):
        below = 0.0
        x = _LEFT + place * width + width * 0.1
        for series in shown:
            value = series.values[place] or 0
            if value <= 0:
                continue
            upper, lower = _y(below + value, top[-1]), _y(below, top[-1])
            said = safe(f"{label}, {short(series.name)}: {plot.told(value)} {plot.unit}")
            bars.append(
                f'<rect class="c{_colour(plot, series)}" x="{x:.1f}" y="{upper:.1f}" width="{width * 0.8:.1f}" '
                f'height="{max(0.5, lower - upper):.1f}"><title>{said}</title></rect>'
            )
            below += value
    return _framed(plot, top, "".join(bars), shown)


def lines(plot: Plot) -> str:
    """Lines over time, each with dashes of its own; where there is no value there is a gap."""
    shown = [series for series in plot.series if any(value is not None for value in series.values)]
    if not shown:
        return _empty(plot)
    top = marks(max(value for series in shown for value in series.values if value is not None))
    width = (_WIDTH - _LEFT - _RIGHT) / len(plot.labels)
    drawn: list[str] = []
    for series in shown:
        colour = _colour(plot, series)
        path, pen = [], "M"
        for place, value in enumerate(series.values):
            if value is None:
                pen = "M"
                continue
            x, y = _LEFT + (place + 0.5) * width, _y(value, top[-1])
            path.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
            said = safe(f"{plot.labels[place]}, {short(series.name)}: {plot.told(value)}")
            drawn.append(f'<circle class="c{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{said}</title></circle>')
        drawn.insert(0, f'<path class="l{colour}" d="{"".join(path)}"/>')
    return _framed(plot, top, "".join(drawn), shown, line=True)


def by_name(plot: Plot) -> str:
    """One bar for each label, with its value written beside it."""
    values = [value or 0 for value in plot.series[0].values] if plot.series else []
    if not any(values):
        return _empty(plot)
    height = _TOP + _ROW * len(values) + 8
    room = _WIDTH - _NAME - _VALUE
    most, colour = max(values), _colour(plot, plot.series[0])
    drawn = [f'<text class="unit" x="{_NAME}" y="14">{safe(plot.unit)}</text>']
    for place, (label, value) in enumerate(zip(plot.labels, values, strict=True)):
        y = _TOP + place * _ROW
        name = short(label)
        cut = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
        long = max(0.5, room * value / most) if value > 0 else 0.0
        said = safe(f"{name}: {plot.told(value)} {plot.unit}")
        drawn.append(
            f'<text class="name" x="{_NAME - 8}" y="{y + 13}">{safe(cut)}</text>'
            f'<rect class="c{colour}" x="{_NAME}" y="{y}" width="{long:.1f}" height="{_ROW - 8}"><title>{said}</title></rect>'
            f'<text x="{_NAME + long + 6:.1f}" y="{y + 13}">{safe(plot.told(value))}</text>'
        )
    return _svg(plot, height, "".join(drawn), kind="names")


def _framed(plot: Plot, top: Sequence[float], drawn: str, shown: Sequence[Series], *, line: bool = False) -> str:
    """The axes around what is drawn, and the legend."""
    frame = [f'<text class="unit" x="4" y="14">{safe(plot.unit)}</text>']
    for mark in top:
        y = _y(mark, top[-1])
        frame.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        frame.append(f'<text class="mark" x="{_LEFT - 6}" y="{y + 4:.1f}">{safe(plot.mark(mark))}</text>')
    width = (_WIDTH - _LEFT - _RIGHT) / len(plot.labels)
    for place, label in some(plot.labels, _LABELS).items():
        x = _LEFT + (place + 0.5) * width
        frame.append(f'<text class="when" x="{min(x, _WIDTH - 40):.1f}" y="{_HEIGHT - _BOTTOM + 18}">{safe(_when(label))}</text>')
    legend = "".join(f"<li>{_swatch(_colour(plot, series), line=line)}{safe(short(series.name))}</li>" for series in shown)
    return _svg(plot, _HEIGHT, "".join(frame) + drawn, kind="times") + f'<ul class="legend">{legend}</ul>'


def _swatch(colour: int, *, line: bool) -> str:
    drawn = f'<path class="l{colour}" d="M0 5L28 5"/>' if line else f'<rect class="c{colour}" width="28" height="10"/>'
    return f'<svg class="swatch" viewBox="0 0 28 10" aria-hidden="true">{drawn}</svg>'


def _svg(plot: Plot, height: int, inside: str, *, kind: str) -> str:
    name = safe(plot.id)
    return (
        f'<div class="plot"><svg class="chart {kind}" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="{name}-t">'
        f'<title id="{name}-t">{safe(plot.title)}, in {safe(plot.unit)}; the numbers are in the table</title>{inside}</svg></div>'
    )


def _empty(plot: Plot) -> str:
    return f'<p class="empty">Nothing to show: {safe(plot.title.lower())} is zero or unknown in this time.</p>'


def _colour(plot: Plot, series: Series) -> int:
    return plot.series.index(series) % COLOURS if series.colour is None else series.colour


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top


def _when(label: str) -> str:
    """A period as a short mark: a day without its year, an hour without its day but at the day's beginning."""
    day, _, hour = label.partition(" ")
    if hour:
        return hour if hour != "00:00" else day[5:]
    return day[5:] if day.count("-") == 2 else day
