"""Reading a `Result` with full types: the one synchronous door.

Belongs here: the closed view of a `Result` and nothing else. What waits is read through `effects`.
"""

from typing import TypeAlias, TypeVar

from returns.result import Failure, Result, Success

_Value = TypeVar("_Value")
_Error = TypeVar("_Error")

Settled: TypeAlias = Success[_Value] | Failure[_Error]
"""A `Result` spelled as the union it is at run time, so that `match` over it is exhaustive and typed."""


def sealed(outcome: Result[_Value, _Error]) -> Settled[_Value, _Error]:
    """View a `Result` as the closed union it is at run time."""
    return outcome  # type: ignore[return-value]  # it is one of the two; `cast` would be one more call each time
