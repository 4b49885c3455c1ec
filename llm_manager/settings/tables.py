"""From a mapping as a file holds it to entries: every key found in the schema, or named as a fault."""

from collections.abc import Iterator, Mapping

from returns.result import Failure

from llm_manager.domain.errors import Fault
from llm_manager.outcomes import sealed
from llm_manager.settings.entries import Entry, Found
from llm_manager.settings.kinds import PRESENT
from llm_manager.settings.spelling import Path, resolve, shown, snake

_DEEPEST = 8
_LABELS = {"profiles": ("provider", "name"), "budgets": ("name",)}
"""What may be written as a list of tables, and which of their values say what each is called."""


def read_table(table: Mapping[str, object], *, source: str, foreign: bool = False) -> Found:
    """Find the setting behind every value of a file; ``source`` is the file's path. Null and empty text give nothing."""
    entries: dict[Path, Entry] = {}
    faults: list[Fault] = []
    for path, value, place in _leaves(table, ()):
        written = shown((*path[:1], place, *path[2:]) if place else path)
        empty = value is None or value == {}
        resolved = sealed(resolve(path))
        if isinstance(resolved, Failure):
            wrong = resolved.failure()
            if not (empty and wrong.wants_table):
                faults.append(Fault(source=source, key=written, problem=wrong.problem, fix=wrong.fix))
            continue
        target = resolved.unwrap()
        if target.kind is PRESENT and not empty:
            faults.append(Fault(source=source, key=written, problem="a table of settings is expected"))
            continue
        if target.kind is not PRESENT and (value is None or value == ""):
            continue
        twin = entries.get(target.key)
        if twin is not None and twin.value != value:
            problem = f"is given again, as {twin.written}" if twin.written != written else "is given twice"
            faults.append(Fault(source=source, key=written, problem=problem, fix="keep one of the two"))
        entries[target.key] = Entry(
            key=target.key, kind=target.kind, value=value, source=source, written=written, origin=source, foreign=foreign
        )
    return Found(entries=tuple(entries.values()), faults=tuple(faults))


def _leaves(table: Mapping[str, object], above: Path, place: str = "") -> Iterator[tuple[Path, object, str]]:
    """Each value with its path, and the place in a list that stands for the second part of the path in what is said of it."""
    for name, value in table.items():
        path = (*above, str(name))
        if isinstance(value, Mapping) and value and len(path) < _DEEPEST:
            yield from _leaves(value, path, place)
        elif len(path) == 1 and isinstance(value, list) and (label := _LABELS.get(snake(path[0]))) is not None:
            yield from _listed(value, path, label)
        else:
            yield path, value, place


def _listed(items: list[object], path: Path, label: tuple[str, ...]) -> Iterator[tuple[Path, object, str]]:
    """Each described thing under what it is called, so that a later file may say more of the same one."""
    called: set[str] = set()
    for number, item in enumerate(items, start=1):
        place = str(number)
        if isinstance(item, Mapping) and item:
            named = [item.get(part) for part in label]
            name = "/".join(map(str, named)) if all(isinstance(part, str) for part in named) else place
            if name in called and len(label) == 1:
                name = f"{name}, number {place}"
            called.add(name)
            yield from _leaves(item, (*path, name), place)
        else:
            yield (*path, place), item, place
