"""`llm-manager runs watch`: how a run of another process goes, until it ends; leaving it does nothing to the run."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeAlias

from attrs import evolve
from returns.result import Failure

from llm_manager.cli.exits import OK
from llm_manager.cli.output import Output
from llm_manager.cli.runs.at_hand import meant
from llm_manager.cli.session import Session
from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.runs import RunRecord
from llm_manager.outcomes import sealed
from llm_manager.policies.printing import one_line
from llm_manager.policies.standing_words import standing_lines
from llm_manager.runs.portraying import fresh, portrait_document, portrait_lines, settled, watch_line
from llm_manager.runs.pulses import pulse_of
from llm_manager.services.run_store import RunStore
from llm_manager.services.world import World

LOOK_SECONDS: Final = 1.0
_EVERY_SECONDS: Final = 10.0
_EVERY_SHARE: Final = 0.1

Tell: TypeAlias = Callable[[RunRecord, float], None]


async def watch_run(session: Session, runs: RunStore, said: str, world: World) -> int:
    """Tell how a run goes until nobody works on it any more, then tell it whole."""
    output = session.output
    sought = meant(runs, said)
    if isinstance(sought, Failure):
        return output.failure(sought.failure())
    record = sought.unwrap()
    with _telling(output) as tell:
        while record.state == "running":
            tell(record, world.wall())
            await world.sleep(LOOK_SECONDS)
            sought = sealed(runs.show(record.id))
            if isinstance(sought, Failure):
                break
            record = sought.unwrap()
    if isinstance(sought, Failure):
        return output.failure(sought.failure())
    if output.json:
        output.document(portrait_document(record, pulse_of(record), world.wall()))
        return OK
    for line in portrait_lines(record, pulse_of(record), world.wall()):
        output.text(line)
    return OK


def _telling(output: Output) -> AbstractContextManager[Tell]:
    if output.json:
        return _documents(output)
    return _live(output) if output.terminal else _lines(output)


@contextmanager
def _live(output: Output) -> Iterator[Tell]:
    """The whole picture, drawn anew in its place."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(file=output.out, highlight=False)
    with Live(console=console, transient=True, auto_refresh=False, vertical_overflow="crop") as live:

        def tell(record: RunRecord, now: float) -> None:
            lines = map(one_line, portrait_lines(record, pulse_of(record), now))
            live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)

        yield tell


@contextmanager
def _lines(output: Output) -> Iterator[Tell]:
    """A line now and then, and as soon as something holds the run back or no longer does."""
    told_at, told_share, held = float("-inf"), 0.0, _held_back(None)

    def tell(record: RunRecord, now: float) -> None:
        nonlocal told_at, told_share, held
        last = pulse_of(record)
        pulse = fresh(record, last, now)
        share, holds = settled(record, last) / max(1, record.plan.rows), _held_back(pulse)
        if share - told_share < _EVERY_SHARE and now - told_at < _EVERY_SECONDS and holds == held:
            return
        if holds != held and pulse is not None:
            for line in standing_lines(evolve(pulse.standing, budgets=())):
                output.text(line)
        told_at, told_share, held = now, share, holds
        output.text(watch_line(record, last, now))

    yield tell


@contextmanager
def _documents(output: Output) -> Iterator[Tell]:
    """A document each time something is new."""
    last: dict[str, object] = {}

    def tell(record: RunRecord, now: float) -> None:
        nonlocal last
        document = portrait_document(record, pulse_of(record), now)
        if document != last:
            last = document
            output.document(document)

    yield tell


def _held_back(pulse: RunPulse | None) -> tuple[object, ...]:
    """What holds the run back, without how long it still will."""
    if pulse is None:
        return (False, False)
    shut = ((one.provider, one.endpoint, one.phase) for one in pulse.standing.breakers if one.phase != "closed")
    return (pulse.waiting is not None, pulse.standing.online is False, *shut)
