"""What a row becomes when its request ends: the columns of the output, and what is counted."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import evolve, frozen
from returns.result import Failure, Result

from llm_manager.domain.error_questions import charge_of, refused_here
from llm_manager.domain.errors import Attempts, LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.runs import RunRow
from llm_manager.domain.usage import Priced
from llm_manager.outcomes import sealed
from llm_manager.policies.call_cost import maybe_billed
from llm_manager.runs.columns import Columns
from llm_manager.runs.telling import described
from llm_manager.services.run_store import RowOutcome

ABOUT: Final = ("error", "model", "input_tokens", "output_tokens", "cost_usd", "cached", "latency_seconds")
"""The columns that follow the answer's in every output row."""


@frozen(kw_only=True)
class Finished:
    """A row that has ended, one way or the other; ``response`` is there also when it could not be used."""

    row: RunRow
    error: LLMError | None = None
    response: LLMResponse | None = None
    unsent: bool = False
    """Whether it is known that no request of it left."""
    worst_usd: Decimal | None = None
    """The most that a call of it costs, for an answer of which nobody tells what it took."""

    @property
    def calls(self) -> int:
        """One, unless nothing was sent for it: its answer was remembered or another's, or something of ours refused it."""
        if self.response is not None:
            return int(not (self.response.cached or self.response.shared))
        if self.unsent or self.error is None:
            return int(not self.unsent)
        attempts = self.error.attempts
        return int(any(each.sent for each in attempts) if attempts else not refused_here(self.error))

    @property
    def failed(self) -> bool:
        """Say whether it ended without an answer that can be used."""
        return self.error is not None


def finished(key: str, columns: Columns, outcome: Result[LLMResponse, LLMError], *, place: int = 0) -> Finished:
    """Read an answer into columns; an error, a cut answer or one that does not fit makes an error row."""
    settled = sealed(outcome)
    if isinstance(settled, Failure):
        return _failed(key, place, columns, settled.failure(), None)
    response = settled.unwrap()
    values = columns.read(response)
    if isinstance(values, Failure):
        return _failed(key, place, columns, values.failure(), response)
    output = {**values.unwrap(), "error": None, **_about(response)}
    return Finished(row=RunRow(key=key, place=place, output=output, **_took(response)), response=response)


def outcome_of(ended: Finished, *, left: bool = False) -> RowOutcome:
    """What is kept of it; a row that is ``left`` is to be asked again."""
    error, response = ended.error, ended.response
    row = evolve(ended.row, state="waiting", output=None, error=None) if left else ended.row
    if response is None:
        return RowOutcome(
            row=row, calls=ended.calls, doubtful=doubtful(error), doubtful_usd=_worst(() if error is None else error.attempts)
        )
    free = response.cached or response.shared
    untold = not free and not isinstance(response.cost, Priced)
    return RowOutcome(
        row=row,
        calls=ended.calls,
        cached=int(free),
        unpriced=int(untold),
        doubtful=maybe_billed(response.attempts),
        doubtful_usd=_worst(response.attempts) + (ended.worst_usd or 0 if untold else 0),
    )


def doubtful(error: LLMError | None) -> int:
    """How many calls without an answer may be charged."""
    if error is None:
        return 0
    return maybe_billed(error.attempts) if error.attempts else int(charge_of(error) != "none")


def _worst(attempts: Attempts) -> Decimal:
    """The most that attempts without an answer may be charged, as far as that is known."""
    return sum((each.most_usd for each in attempts if each.most_usd is not None and maybe_billed((each,))), Decimal(0))


def _failed(key: str, place: int, columns: Columns, error: LLMError, response: LLMResponse | None) -> Finished:
    took = {} if response is None else _took(response)
    row = RunRow(key=key, place=place, state="failed", output=error_output(columns, error, response), error=error.tag, **took)
    return Finished(row=row, error=error, response=response)


def _took(response: LLMResponse) -> dict[str, Any]:
    usage, cost, free = response.usage, response.cost, response.cached or response.shared
    return {
        "input_tokens": 0 if usage is None or free else usage.prompt_tokens,
        "output_tokens": 0 if usage is None or free else usage.completion_tokens,
        "cost_usd": Decimal(0) if free else cost.usd if isinstance(cost, Priced) else None,
    }


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
        "input_tokens": 0 if free else None if usage is None else usage.prompt_tokens,
        "output_tokens": 0 if free else None if usage is None else usage.completion_tokens,
        "cost_usd": "0" if free else format(cost.usd, "f") if isinstance(cost, Priced) else None,
        "cached": free,
        "latency_seconds": round(response.latency_seconds, 6),
    }
