"""What was found, before it is merged: one entry for each value, and what is to be said about the place it came from."""

from collections.abc import Iterable

from attrs import field, frozen

from llm_manager.domain.errors import Fault
from llm_manager.settings.kinds import Kind


@frozen(kw_only=True)
class Entry:
    """One value as it was written. ``source`` and ``written`` are for faults, ``origin`` says in one word where it is from.

    ``foreign`` marks a place that others may have filled: the folder worked in.
    """

    key: tuple[str, ...]
    kind: Kind
    value: object = field(repr=False)
    source: str
    written: str
    origin: str
    from_text: bool = False
    foreign: bool = False


@frozen(kw_only=True)
class Found:
    """What one place, or several, hold: later entries win over earlier ones."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @classmethod
    def together(cls, parts: Iterable["Found"]) -> "Found":
        """Everything found, in order."""
        found = tuple(parts)
        return cls(
            entries=tuple(entry for each in found for entry in each.entries),
            faults=tuple(fault for each in found for fault in each.faults),
            warnings=tuple(warning for each in found for warning in each.warnings),
            files=tuple(file for each in found for file in each.files),
        )
