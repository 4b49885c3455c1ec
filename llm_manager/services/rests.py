"""The rest of a stream, closed even when nobody read it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

_Event = TypeVar("_Event")


class Rest(AsyncGenerator[_Event, None]):
    """Events that know whether anyone read them: a generator that never began runs no ``finally`` when it is closed.

    ``unread`` is awaited when it is closed before its first event was asked for; otherwise the generator's own
    ``finally`` has the last word.
    """

    __slots__ = ("_begun", "_events", "_unread")

    def __init__(self, events: AsyncGenerator[_Event, None], unread: Callable[[], Awaitable[None]]) -> None:
        self._events = events
        self._unread = unread
        self._begun = False

    def __anext__(self) -> Coroutine[Any, Any, _Event]:
        self._begun = True
        return self._events.__anext__()

    async def asend(self, value: None) -> _Event:
        self._begun = True
        return await self._events.asend(value)

    async def athrow(self, kind: Any, value: Any = None, trace: TracebackType | None = None) -> _Event:  # noqa: ARG002 - the shape of a generator
        self._begun = True
        if value is None and isinstance(kind, type):
            value = kind()
        return await self._events.athrow(kind if value is None else value)

    async def aclose(self) -> None:
        begun, self._begun = self._begun, True
        await self._events.aclose()
        if not begun:
            await self._unread()
