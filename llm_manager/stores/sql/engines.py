"""What a connection to a database must be able to do, whichever database it is."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from attrs import frozen
from sqlalchemy import Connection

_Value = TypeVar("_Value")


class Undone(Exception):  # noqa: N818 - it is no error: work asked to be undone
    """Raised inside a transaction to undo it."""


class Line(Protocol):
    """One connection, made at its first transaction and used by one thread alone."""

    def transact(self, work: Callable[[Connection], _Value], /) -> _Value:
        """Run work in one transaction, undone by whatever it raises."""

    def close(self) -> None:
        """Close the connection."""


@frozen(kw_only=True)
class Engines:
    """How connections are made. ``alone`` says that there is but one, which reads and writes."""

    writer: Callable[[], Line]
    reader: Callable[[], Line]
    alone: bool = False
