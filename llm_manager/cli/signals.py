"""Signals of the operating system, obeyed on the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVarTuple, Unpack

_Arguments = TypeVarTuple("_Arguments")


def obeyed(number: int, act: Callable[[Unpack[_Arguments]], object], *said: *_Arguments) -> bool:
    """Let a signal do this on the running loop; False where a loop obeys none, as on Windows and beside the main thread."""
    try:
        asyncio.get_running_loop().add_signal_handler(number, act, *said)
    except (NotImplementedError, ValueError, RuntimeError):
        return False
    return True
