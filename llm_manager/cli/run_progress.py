"""How far a run is: one live line on a terminal, a plain line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeAlias

from attrs import frozen

from llm_manager.cli.output import Output
from llm_manager.policies.plurals import counted
from llm_manager.runs.reporting import took
from llm_manager.runs.tallies import Tally, rows_per_second, seconds_left

Tell: TypeAlias = Callable[[Tally], None]
Now: TypeAlias = Callable[[], float]

_EVERY_SECONDS: Final = 10.0
_EVERY_SHARE: Final = 0.1
_BAR: Final = 12


@frozen(kw_only=True)
class Progress:
    """How far a run is, for a person. ``tell`` is called when rows end and every second; ``aside`` makes room for other lines."""

    tell: Tell
    aside: Callable[[], AbstractContextManager[None]] = nullcontext


def showing(output: Output, start: Tally, now: Now) -> AbstractContextManager[Progress]:
    """Show a run's progress on standard error until the context ends."""
    return _live(output, start, now) if output.err.isatty() else _lines(output, start, now)


@contextmanager
def _live(output: Output, start: Tally, now: Now) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column
    from rich.text import Text

    began = now()
    columns = (
        BarColumn(bar_width=_BAR, table_column=Column(width=_BAR, no_wrap=True)),
        TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    console = Console(file=output.err, highlight=False)
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=start.rows, completed=start.done, told=Text(""))

        def tell(tally: Tally) -> None:
            bar.update(task, completed=tally.done, told=short_words(tally, now() - began, console.width - _BAR - 1))

        @contextmanager
        def aside() -> Iterator[None]:
            bar.stop()
            try:
                yield
            finally:
                bar.start()

        yield Progress(tell=tell, aside=aside)


@contextmanager
def _lines(output: Output, start: Tally, now: Now) -> Iterator[Progress]:
    began = now()
    told_at, told_share = began, start.done / max(1, start.rows)

    def tell(tally: Tally) -> None:
        nonlocal told_at, told_share
        share = tally.done / max(1, tally.rows)
        if share - told_share < _EVERY_SHARE and now() - told_at < _EVERY_SECONDS:
            return
        told_at, told_share = now(), share
        output.note(_line(tally, now() - began))

    yield Progress(tell=tell)


def _line(tally: Tally, seconds: float) -> str:
    return f"{tally.done} of {counted(tally.rows, 'row')}, {progress_words(tally, seconds)}"


def progress_words(tally: Tally, seconds: float) -> str:
    """A tally on the way, as one line: outcomes, speed, what it took so far, how long it will take."""
    speed, left = rows_per_second(tally, seconds), seconds_left(tally, seconds)
    return ", ".join(
        (
            f"{tally.failed + tally.failed_earlier} failed",
            *((f"{tally.in_vain} in a row got nowhere",) if tally.in_vain else ()),
            f"{tally.cached} cached",
            *(() if speed is None else (f"{speed:.1f} rows/s",)),
            took(tally),
            f"{duration(seconds)} so far" if left is None else f"{duration(left)} left",
        )
    )


def short_words(tally: Tally, seconds: float, width: int) -> str:
    """The same for one line so wide: how far, at what cost and how long still; then whatever else there is room for.

    >>> short_words(Tally(rows=9, answered=3), 6.0, 40)
    '3 of 9 rows, 0 USD, 12 s left'
    """
    speed, left = rows_per_second(tally, seconds), seconds_left(tally, seconds)
    line = ", ".join(
        (
            f"{tally.done} of {counted(tally.rows, 'row')}",
            f"{tally.cost_usd:f} USD" + (f" + {counted(tally.unpriced, 'call')} unpriced" if tally.unpriced else ""),
            f"{duration(seconds)} so far" if left is None else f"{duration(left)} left",
        )
    )
    failed = tally.failed + tally.failed_earlier
    for more in (
        f"{failed} failed" if failed else "",
        f"{tally.in_vain} in a row got nowhere" if tally.in_vain else "",
        "" if speed is None else f"{speed:.1f} rows/s",
        f"{tally.cached} cached" if tally.cached else "",
        f"{tally.input_tokens} + {tally.output_tokens} tokens",
    ):
        if more and len(line) + len(more) + 2 <= width:
            line = f"{line}, {more}"
    return line


def duration(seconds: float) -> str:
    """A length of time for a person.

    >>> duration(4.4), duration(75), duration(7300)
    ('4 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
