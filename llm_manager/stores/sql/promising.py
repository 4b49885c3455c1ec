"""What is told later, to as many as wait for it, on whichever loop or thread."""

from concurrent.futures import Future
from typing import TypeVar

_Value = TypeVar("_Value")


def promised() -> "Future[_Value]":
    """A future that stands when somebody who waits for it is cancelled: the others are told all the same, and who tells need not ask."""
    future: Future[_Value] = Future()
    future.set_running_or_notify_cancel()
    return future
