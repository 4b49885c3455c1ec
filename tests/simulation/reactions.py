"""What a server, or the way to it, does with one request: when, and with what bytes."""

from collections.abc import Callable
from math import inf
from typing import Literal, TypeAlias

from tests.simulation.dialects import JSON, Headers

End: TypeAlias = Literal["whole", "reset", "silence"]
"""How a body ends: as it should, by a connection that breaks, or by no further byte."""
Raise: TypeAlias = Callable[[], Exception]


class Reaction:
    """One reaction, in seconds from the request's sending.

    ``unconnected`` is what stands in the way of a connection, found after ``connect`` seconds; the head of the answer comes
    ``head`` seconds after that, or a break in its place. ``pieces`` of the body come with a pause before each.
    """

    __slots__ = ("body", "bomb", "breaks", "connect", "end", "head", "headers", "pieces", "status", "unconnected")

    def __init__(
        self,
        *,
        connect: float = 0.001,
        head: float = 0.0,
        status: int = 200,
        headers: Headers = JSON,
        body: bytes = b"",
        pieces: tuple[tuple[float, bytes], ...] = (),
        end: End = "whole",
        unconnected: Raise | None = None,
        breaks: bool = False,
        bomb: bool = False,
    ) -> None:
        self.connect = connect
        self.head = head
        self.status = status
        self.headers = headers
        self.body = body
        self.pieces = pieces
        self.end = end
        self.unconnected = unconnected
        self.breaks = breaks
        self.bomb = bomb

    @property
    def arrives(self) -> bool:
        """Whether the request reaches the server."""
        return self.unconnected is None and self.connect < inf

    @property
    def good(self) -> bool:
        """Whether an answer comes of it that is not refused by its status."""
        return self.arrives and not self.breaks and 200 <= self.status < 300
