"""Remembering which rows of a run are answered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from returns.result import Result

from llm_manager.domain.errors import LLMError


@frozen(kw_only=True)
class RunRow:
    """A finished row: the content key of its request, and the output columns it gave. ``failed`` rows may be tried again."""

    key: str
    output: Mapping[str, Any]
    failed: bool = False


@frozen(kw_only=True)
class RunLog:
    """Finished rows by content key.

    ``claim`` looks a key up: the finished row, or None when it is to be done. ``settle`` makes a group of rows durable
    together, all of them by the time it returns; it blocks, and may be called from another thread. ``rows`` gives every
    finished row once. ``forget`` removes a log that holds nothing. ``count`` is how many it held when it was opened, ``damaged``
    counts records that could not be read and are to be done again.
    """

    claim: Callable[[str], RunRow | None]
    settle: Callable[[Sequence[RunRow]], Result[None, LLMError]]
    rows: Callable[[], Iterator[RunRow]]
    close: Callable[[], None]
    forget: Callable[[], None] = lambda: None
    damaged: int = 0
    count: int = 0
