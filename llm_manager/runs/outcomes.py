"""What a row becomes when its request ends: the columns of the output, and what is counted."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from returns.result import Failure, Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Priced
from llm_manager.outcomes import sealed
from llm_manager.runs.columns import Columns
from llm_manager.runs.telling import described
from llm_manager.services.run_log import RunRow

ABOUT: Final = ("error", "model", "input_tokens", "output_tokens", "cost_usd", "cached", "latency_seconds")
"""The columns that follow the answer's in every output row."""


@frozen(kw_only=True)
class Finished:
    """A row that has ended, one way or the other; ``response`` is there also when it could not be used."""

    row: RunRow
    error: LLMError | None = None
    response: LLMResponse | None = None


def finished(key: str, columns: Columns, outcome: Result[LLMResponse, LLMError]) -> Finished:
    """Read an answer into columns; an error, a cut answer or one that does not fit makes an error row."""
    settled = sealed(outcome)
    if isinstance(settled, Failure):
        error = settled.failure()
        return Finished(row=RunRow(key=key, output=error_output(columns, error), failed=True), error=error)
    response = settled.unwrap()
    values = columns.read(response)
    if isinstance(values, Failure):
        error = values.failure()
        return Finished(row=RunRow(key=key, output=error_output(columns, error, response), failed=True), error=error, response=response)
    return Finished(row=RunRow(key=key, output={**values.unwrap(), "error": None, **_about(response)}), response=response)


def error_output(columns: Columns, error: LLMError, response: LLMResponse | None = None) -> Mapping[str, Any]:
    """The columns of a row that failed: why, and of an answer what can be kept of one that is not whole."""
    told = {"error": {"tag": error.tag, "message": described(error)}}
    if response is None:
        return {**dict.fromkeys(columns.names), **told, **dict.fromkeys(ABOUT[1:])}
    return {**dict.fromkeys(columns.names), **columns.salvage(response), **told, **_about(response)}


def _about(response: LLMResponse) -> Mapping[str, Any]:
    usage, cost = response.usage, response.cost
    free = response.cached or response.shared
    return {
        "model": response.model,
        "input_tokens": None if usage is None else usage.prompt_tokens,
        "output_tokens": None if usage is None else usage.completion_tokens,
        "cost_usd": "0" if free else format(cost.usd, "f") if isinstance(cost, Priced) else None,
        "cached": free,
        "latency_seconds": round(response.latency_seconds, 6),
    }
