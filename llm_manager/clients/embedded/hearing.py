"""From an engine's thread to the event loop that waits, piece by piece and in order."""

import asyncio
import threading


class SilenceError(Exception):
    """The engine said nothing for longer than the caller waits."""


class Hearing:
    """Carry the pieces of one answer to the loop that made this; the engine is told to stop once nobody listens."""

    __slots__ = ("_left", "_loop", "_over", "_pieces")

    def __init__(self, over: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self._left = threading.Event()
        self._over = over

    def tell(self, piece: str) -> bool:
        """Pass a piece on, in the engine's thread; True stops the engine."""
        if self.stopped:
            return True
        try:
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        except RuntimeError:  # the loop is closed: nobody can hear it any more
            return True
        return False

    def end(self) -> None:
        """Say that no piece follows, in the loop."""
        self._pieces.put_nowait(None)

    def leave(self) -> None:
        """Stop listening."""
        self._left.set()

    @property
    def stopped(self) -> bool:
        """Say whether the listener left or the engine was given back."""
        return self._left.is_set() or self._over.is_set()

    async def next(self, patience_seconds: float | None) -> str | None:
        """The next piece, or None at the end; raises `SilenceError` when it does not come in time."""
        if not self._pieces.empty():
            return self._pieces.get_nowait()
        scope = asyncio.timeout(patience_seconds)
        try:
            async with scope:
                return await self._pieces.get()
        except TimeoutError as late:
            if not scope.expired():
                raise
            raise SilenceError from late
