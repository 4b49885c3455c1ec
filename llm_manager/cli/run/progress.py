"""How far a run is: one live line on a terminal, a plain line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeAlias

from attrs import frozen

from llm_manager.cli.output import Output
from llm_manager.policies.plurals import counted
from llm_manager.runs.reporting import duration, took
from llm_manager.runs.tallies import Tally, rows_per_second, seconds_left

Tell: TypeAlias = Callable[[Tally], None]
Now: TypeAlias = Callable[[], float]
Waiting: TypeAlias = Callable[[], str | None]
"""What holds requests back just now, in words; None when nothing does."""

_EVERY_SECONDS: Final = 10.0
_EVERY_SHARE: Final = 0.1
_BAR: Final = 12
_QUIET_SECONDS: Final = 4.0
_SILENT_SECONDS: Final = 30.0


@frozen(kw_only=True)
class Progress:
    """How far a run is, for a person. ``tell`` is called when rows end and every second; ``aside`` makes room for other lines."""

    tell: Tell
    aside: Callable[[], AbstractContextManager[None]] = nullcontext


def showing(output: Output, start: Tally, now: Now, waiting: Waiting = lambda: None) -> AbstractContextManager[Progress]:
    """Show a run's progress on standard error until the context ends."""
    quiet = _Quiet(start, now, waiting)
    return _live(output, start, now, quiet) if output.err.isatty() and not output.quiet else _lines(output, start, now, quiet)


class _Quiet:
    """Knows since when no row has ended, and what is waited for meanwhile."""

    def __init__(self, start: Tally, now: Now, waiting: Waiting) -> None:
        self._now = now
        self._waiting = waiting
        self._done = start.done
        self._since = now()

    def words(self, tally: Tally) -> str | None:
        """What is waited for, once nothing has come for a few seconds."""
        if tally.done != self._done:
            self._done, self._since = tally.done, self._now()
        seconds = self._now() - self._since
        if seconds < _QUIET_SECONDS:
            return None
        return self._waiting() or (None if seconds < _SILENT_SECONDS else f"nothing came for {duration(seconds)}")


@contextmanager
def _live(output: Output, start: Tally, now: Now, quiet: _Quiet) -> Iterator[Progress]:
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
            bar.update(task, completed=tally.done, told=short_words(tally, now() - began, console.width - _BAR - 1, quiet.words(tally)))

        @contextmanager
        def aside() -> Iterator[None]:
            bar.stop()
            try:
                yield
            finally:
                bar.start()

        yield Progress(tell=tell, aside=aside)


@contextmanager
def _lines(output: Output, start: Tally, now: Now, quiet: _Quiet) -> Iterator[Progress]:
    began = now()
    told_at, told_share, waited = began, start.done / max(1, start.rows), False

    def tell(tally: Tally) -> None:
        nonlocal told_at, told_share, waited
        share, words = tally.done / max(1, tally.rows), quiet.words(tally)
        begins, waited = words is not None and not waited, words is not None
        if not begins and share - told_share < _EVERY_SHARE and now() - told_at < _EVERY_SECONDS:
            return
        told_at, told_share = now(), share
        output.note(_line(tally, now() - began, words))

    yield Progress(tell=tell)


def _line(tally: Tally, seconds: float, waiting: str | None) -> str:
    return f"{tally.done} of {counted(tally.rows, 'row')}, {progress_words(tally, seconds, waiting)}"


def progress_words(tally: Tally, seconds: float, waiting: str | None = None) -> str:
    """A tally on the way, as one line: outcomes, speed, what it took so far, how long it will take or what it waits for."""
    speed = None if waiting else rows_per_second(tally, seconds)
    return ", ".join(
        (
            f"{tally.failed + tally.failed_earlier} failed",
            *((f"{tally.in_vain} in a row got nowhere",) if tally.in_vain else ()),
            f"{tally.cached} cached",
            *(() if speed is None else (f"{speed:.1f} rows/s",)),
            took(tally),
            _ahead(tally, seconds, waiting),
        )
    )


def short_words(tally: Tally, seconds: float, width: int, waiting: str | None = None) -> str:
    """The same for one line so wide: how far, at what cost and how long still; then whatever else there is room for.

    >>> short_words(Tally(rows=9, answered=3), 6.0, 40)
    '3 of 9 rows, 0 USD, 12 s left'
    """
    speed = None if waiting else rows_per_second(tally, seconds)
    line = ", ".join(
        (
            f"{tally.done} of {counted(tally.rows, 'row')}",
            f"{tally.cost_usd:f} USD" + (f" + {counted(tally.unpriced, 'call')} unpriced" if tally.unpriced else ""),
            _ahead(tally, seconds, waiting),
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


def _ahead(tally: Tally, seconds: float, waiting: str | None) -> str:
    """How long it will take; while nothing comes nobody knows, and it is told what is waited for."""
    if waiting is not None:
        return f"waiting: {waiting}"
    left = seconds_left(tally, seconds)
    return f"{duration(seconds)} so far" if left is None else f"{duration(left)} left"
