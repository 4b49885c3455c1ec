"""Remembering which rows of a run are answered."""

from collections.abc import Callable, Iterator, Mapping
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
    """Finished rows by content key, durable once ``settle`` returns.

    ``claim`` looks a key up: the finished row, or None when it is to be done. ``rows`` gives every finished row once.
    """

    claim: Callable[[str], RunRow | None]
    settle: Callable[[RunRow], Result[None, LLMError]]
    rows: Callable[[], Iterator[RunRow]]
    close: Callable[[], None]
