"""A whole run as one call: rows in, typed values out, kept so that the same call goes on where it stopped."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, overload

from attrs import field, frozen
from returns.future import FutureResult
from returns.result import Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.runs import RunCounts, RunState

Shape = TypeVar("Shape")
Value_co = TypeVar("Value_co", covariant=True)

Rows: TypeAlias = str | Path | Iterable[Mapping[str, Any]]
"""A .jsonl or .csv file, or rows one by one, which are read once."""
Prompting: TypeAlias = str | Callable[[Mapping[str, Any]], str]
"""A template with ``{column}`` in it, or what makes the prompt of a row."""


@frozen(kw_only=True)
class FinishedRow(Generic[Value_co]):
    """A row with what it gave: a ``value``, or the tag of an ``error`` and what it said. ``output`` are the columns that are kept."""

    row: Mapping[str, Any]
    value: Value_co | None = None
    error: str | None = None
    message: str | None = None
    output: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class RunReport(Generic[Value_co]):
    """How a run ended. ``stopped`` is what ended it early; the same call goes on then with the ``left`` rows.

    ``counts`` are of the whole run, earlier calls included; ``counts.doubtful`` calls may have been charged for nothing. ``rows`` gives the
    finished ones in the order of the input, hundreds at a time, as often as it is called.
    """

    id: str
    state: RunState
    counts: RunCounts
    left: int
    seconds: float
    rows: Callable[[], Iterator[Result[FinishedRow[Value_co], LLMError]]] = field(repr=False)
    stopped: LLMError | None = None


class RunAll(Protocol):
    """Ask a model about every row, each content once, and keep every answer before it counts.

    ``output`` is a class whose fields are asked for, or fields in words (``"score=int"``), or None for plain text. ``to`` is a file that is
    written in the end, and by which the run is found when it is called again; ``name`` is for runs without one. With a ``prompt``, a model
    or an ``output`` other than the run began with it is refused, unless ``fork`` begins a new one that keeps the rows both ask alike.
    ``request`` holds all else that is asked: a system prompt, preferences. At ``budget_usd`` the run pauses.
    """

    @overload
    def __call__(
        self,
        rows: Rows,
        prompt: Prompting,
        *,
        output: type[Shape],
        to: str | Path | None = None,
        name: str | None = None,
        request: LLMRequest | None = None,
        concurrency: int | None = None,
        budget_usd: Decimal | None = None,
        retry_failed: bool = False,
        fork: bool = False,
    ) -> FutureResult[RunReport[Shape], LLMError]: ...

    @overload
    def __call__(
        self,
        rows: Rows,
        prompt: Prompting,
        *,
        output: Sequence[str] | None = None,
        to: str | Path | None = None,
        name: str | None = None,
        request: LLMRequest | None = None,
        concurrency: int | None = None,
        budget_usd: Decimal | None = None,
        retry_failed: bool = False,
        fork: bool = False,
    ) -> FutureResult[RunReport[Mapping[str, Any]], LLMError]: ...
