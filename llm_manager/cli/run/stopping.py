"""Ending a run when asked to: the first signal lets what is under way end, since it is paid; the second cuts it."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from llm_manager.cli.run.door import Door
from llm_manager.cli.signals import obeyed
from llm_manager.policies.plurals import counted
from llm_manager.services.world import World

GRACE_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.05
_READING_SECONDS: Final = 0.2
"""What has come is still being read and handed over for a moment."""


class Stopping:
    """Obeys SIGINT and SIGTERM for one run; ``signal`` is the first that came."""

    def __init__(self, door: Door, world: World) -> None:
        self._door = door
        self._world = world
        self._finishing: asyncio.Task[None] | None = None
        self.signal: int | None = None

    def listen(self, cut: Callable[[], object], tell: Callable[[str], None]) -> None:
        """Obey them on the running loop, where it can; ``cut`` ends the run at once, ``tell`` says what is waited for."""
        for number in (signal.SIGINT, signal.SIGTERM):
            obeyed(number, self.heed, number, cut, tell)

    def finish(self, cut: Callable[[], object], tell: Callable[[str], None]) -> None:
        """Let what is under way end, and cut the rest, since somebody asked for it elsewhere."""
        if self._finishing is None:
            self._begin(cut, tell)

    def heed(self, number: int, cut: Callable[[], object], tell: Callable[[str], None]) -> None:
        """Obey one signal."""
        self._door.shut()
        if self.signal is not None:
            cut()
            return
        self.signal = number
        self._begin(cut, tell)

    def _begin(self, cut: Callable[[], object], tell: Callable[[str], None]) -> None:
        self._door.shut()
        if self._door.under_way:
            tell(f"finishing {counted(self._door.under_way, 'call')} under way; again to cut them")
        self._finishing = asyncio.get_running_loop().create_task(self._finish(cut))

    async def _finish(self, cut: Callable[[], object]) -> None:
        until = self._world.now() + GRACE_SECONDS
        while self._door.under_way and self._world.now() < until:
            await self._world.sleep(_LOOK_SECONDS)
        if not self._door.under_way:
            await self._world.sleep(_READING_SECONDS)
        cut()
