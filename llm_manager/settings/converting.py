"""Merging and converting: of every setting the strongest value, read as what it must be, or a fault."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen
from returns.result import Failure

from llm_manager.domain.errors import Fault
from llm_manager.outcomes import sealed
from llm_manager.settings.entries import Entry
from llm_manager.settings.kinds import KEY

Key = tuple[str, ...]


@frozen(kw_only=True)
class Converted:
    """Values by key, and the entry each one was read from."""

    values: Mapping[Key, Any]
    entries: Mapping[Key, Entry]
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()

    def fault(self, key: Key, problem: str, fix: str = "") -> Fault:
        """A fault of the place where a key was written."""
        entry = self.entries[key]
        return Fault(source=entry.source, key=entry.written, problem=problem, fix=fix)


def merged(entries: Iterable[Entry]) -> dict[Key, Entry]:
    """The strongest entry of each key: the last."""
    return {entry.key: entry for entry in entries}


def convert(entries: Mapping[Key, Entry]) -> Converted:
    """Read every value; one that cannot be read is a fault, and the others go on."""
    values: dict[Key, Any] = {}
    faults: list[Fault] = []
    warnings: list[str] = []
    for key, entry in entries.items():
        read = sealed((entry.kind.read_text if entry.from_text else entry.kind.read)(entry.value))
        if isinstance(read, Failure):
            wrong = read.failure()
            faults.append(Fault(source=entry.source, key=entry.written, problem=wrong.problem, fix=wrong.fix))
            continue
        values[key] = read.unwrap()
        if entry.kind is KEY and isinstance(entry.value, str) and entry.value.endswith("\n"):
            warnings.append(f"{entry.origin}: the line end after the key ({entry.written}) is left out")
    return Converted(values=values, entries=entries, faults=tuple(faults), warnings=tuple(warnings))
