"""Records that are made on every call: frozen, compared and shown like all others, and made in a tenth of the time.

A frozen attrs class sets each field by a call of its own, a `Struct` all at once. Changed copies are made by `msgspec.structs.replace`.
"""

from typing import ClassVar

from msgspec import Struct


class Veiled(Struct, frozen=True, kw_only=True):
    """A record that does not show all of its fields: what somebody asked is in no log."""

    veiled: ClassVar[frozenset[str]] = frozenset()
    """The fields that are not shown."""

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.veiled)
        return f"{type(self).__qualname__}({', '.join(shown)})"
