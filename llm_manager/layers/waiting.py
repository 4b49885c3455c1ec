"""Wait for what a cell decides: whoever waits does so on its own loop, whoever decides may be on another, in another thread."""

import asyncio
from typing import Generic, TypeVar

_Outcome = TypeVar("_Outcome")


class Ticket(Generic[_Outcome]):
    """One who waits on the running loop, as often as need be, until told an outcome."""

    __slots__ = ("_future", "_loop", "_outcome")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._outcome: _Outcome | None = None
        self._future: asyncio.Future[None] | None = None

    async def wait(self, seconds: float) -> _Outcome | None:
        """Wait for the outcome; None when that takes longer."""
        if self._outcome is None:
            self._future = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._wake)
            try:
                await self._future
            finally:
                timer.cancel()
        return self._outcome

    def tell(self, outcome: _Outcome) -> bool:
        """Tell the outcome, from any thread; False when nobody can hear it, since the loop of who waits is closed."""
        if _running() is self._loop:
            self._hear(outcome)
            return True
        try:
            self._loop.call_soon_threadsafe(self._hear, outcome)
        except RuntimeError:
            return False
        return True

    def _hear(self, outcome: _Outcome) -> None:
        self._outcome = outcome
        self._wake()

    def _wake(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
