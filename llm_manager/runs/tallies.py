"""What is counted while a run goes on, as a value; nothing unknown is counted as nothing."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from attrs import evolve, field, frozen

from llm_manager.domain.errors import LLMError
from llm_manager.domain.usage import Priced
from llm_manager.policies.call_cost import maybe_billed
from llm_manager.runs.outcomes import Finished, doubtful
from llm_manager.runs.telling import described

_DIFFERENT_AT_MOST: Final = 50


@frozen(kw_only=True)
class Tally:
    """How far a run is, in rows of the input; equal rows are asked once and all counted.

    ``earlier`` rows were answered by a run before this one, ``failed_earlier`` failed in one and were not asked again.
    ``unpriced`` calls cost something unknown; ``doubtful`` attempts brought no answer and may be charged. ``in_vain`` rows got nowhere
    one after the other just now; when a run gives up, they are left to be asked again. ``answered_by`` says which model answered how many
    rows of this run, ``notices`` what was said beside how many answers.
    """

    rows: int
    answered: int = 0
    cached: int = 0
    earlier: int = 0
    failed_earlier: int = 0
    failures: Mapping[str, int] = field(factory=dict)
    examples: Mapping[str, str] = field(factory=dict)
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    doubtful: int = 0
    in_vain: int = 0
    answered_by: Mapping[str, int] = field(factory=dict)
    notices: Mapping[str, int] = field(factory=dict)

    @property
    def failed(self) -> int:
        """Rows that failed in this run."""
        return sum(self.failures.values())

    @property
    def done(self) -> int:
        """Rows that need nothing more, however they ended."""
        return self.answered + self.failed + self.earlier + self.failed_earlier

    @property
    def left(self) -> int:
        """Rows still to be asked."""
        return self.rows - self.done


def with_failed(tally: Tally, error: LLMError, rows: int = 1) -> Tally:
    """Count rows that failed; the first message of each kind is kept as its example."""
    return evolve(
        tally,
        failures={**tally.failures, error.tag: tally.failures.get(error.tag, 0) + rows},
        examples=tally.examples if error.tag in tally.examples else {**tally.examples, error.tag: described(error)},
    )


def with_finished(tally: Tally, ended: Finished, rows: int = 1) -> Tally:
    """Count what was called for it, and the rows it settles."""
    if ended.error is not None:
        tally = with_failed(tally, ended.error, rows)
    response = ended.response
    if response is None:
        return evolve(tally, calls=tally.calls + ended.calls, doubtful=tally.doubtful + doubtful(ended.error))
    usage, cost, free = response.usage, response.cost, response.cached or response.shared
    return evolve(
        tally,
        calls=tally.calls + ended.calls,
        answered=tally.answered + (rows if ended.error is None else 0),
        cached=tally.cached + (rows if free else 0),
        input_tokens=tally.input_tokens + (0 if usage is None or free else usage.prompt_tokens),
        output_tokens=tally.output_tokens + (0 if usage is None or free else usage.completion_tokens),
        cost_usd=tally.cost_usd + (cost.usd if isinstance(cost, Priced) and not free else 0),
        unpriced=tally.unpriced + (not free and not isinstance(cost, Priced)),
        answered_by=_counted(tally.answered_by, (response.model,), rows) if ended.error is None else tally.answered_by,
        notices=_counted(tally.notices, response.notices, 1),
        doubtful=tally.doubtful + maybe_billed(response.attempts),
    )


def with_given_up(tally: Tally, vain: Sequence[Finished]) -> Tally:
    """Count calls whose rows are left to be asked again."""
    return evolve(
        tally,
        calls=tally.calls + sum(each.calls for each in vain),
        doubtful=tally.doubtful + sum(doubtful(each.error) for each in vain),
    )


def with_left(tally: Tally, ended: Finished) -> Tally:
    """Count a call whose row is left to be asked again, since it met what every row would."""
    return evolve(tally, calls=tally.calls + ended.calls, doubtful=tally.doubtful + doubtful(ended.error))


def with_in_vain(tally: Tally, count: int) -> Tally:
    """Say how many rows got nowhere just now."""
    return tally if tally.in_vain == count else evolve(tally, in_vain=count)


def _counted(counts: Mapping[str, int], words: Sequence[str], by: int) -> Mapping[str, int]:
    """The counts with each word counted ``by`` more; of many different words the first are kept."""
    fresh = {word: counts.get(word, 0) + by for word in words if word in counts or len(counts) < _DIFFERENT_AT_MOST}
    return {**counts, **fresh} if fresh else counts


def rows_per_second(tally: Tally, seconds: float) -> float | None:
    """How fast this run settles rows; None before its first."""
    settled = tally.answered + tally.failed
    return settled / seconds if settled and seconds > 0 else None


def seconds_left(tally: Tally, seconds: float) -> float | None:
    """How long the rest takes at this speed; None when there is none yet."""
    speed = rows_per_second(tally, seconds)
    return None if speed is None else tally.left / speed
