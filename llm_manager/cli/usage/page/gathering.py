"""What the page is made of: a few questions to the usage log, of one span of time."""

from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.cli.usage.page.axes import time_key
from llm_manager.domain.errors import LLMError
from llm_manager.domain.usage_log import UsageKey, UsageQuery, UsageReport
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.manager import ReportUsage

_DEAREST = 20
_NAMES = 12


@frozen(kw_only=True)
class Gathered:
    """Answers of the usage log: over time, over time by model, by model, by feature, and the dearest calls. ``at`` is when it was asked."""

    at: float
    key: UsageKey
    over_time: UsageReport
    by_time_and_model: UsageReport
    by_model: UsageReport
    by_feature: UsageReport


async def gathered(report: ReportUsage, query: UsageQuery, at: float) -> Settled[Gathered, LLMError]:
    """Ask all that the page shows."""
    span = await settle(report(evolve(query, dearest=_DEAREST)))
    if isinstance(span, Failure):
        return span
    whole = span.unwrap()
    key: UsageKey = "day" if whole.first is None or whole.last is None else time_key(whole.first, whole.last)
    told: list[UsageReport] = []
    asked: tuple[tuple[tuple[UsageKey, ...], int | None], ...] = (
        ((key,), None),
        ((key, "model"), None),
        (("model",), _NAMES),
        (("feature",), _NAMES),
    )
    for by, top in asked:
        found = await settle(report(evolve(query, by=by, top=top)))
        if isinstance(found, Failure):
            return found
        told.append(found.unwrap())
    over_time = evolve(told[0], dearest=whole.dearest)
    return Success(Gathered(at=at, key=key, over_time=over_time, by_time_and_model=told[1], by_model=told[2], by_feature=told[3]))
