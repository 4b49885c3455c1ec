"""What has been seen, folded from the journal: ``observe(statistics, event) -> Statistics``, one event or many at once.

Nothing is admitted, refused or charged from these numbers; routes read the estimates, people read the summary.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import inf
from typing import Final, assert_never

from llm_manager.domain.error_questions import charge_of, counts_for_breaker, may_fall_back
from llm_manager.domain.events import (
    Answered,
    AttemptAnswered,
    AttemptFailed,
    AttemptStarted,
    BreakerChanged,
    BudgetAlert,
    CacheHit,
    CallCancelled,
    CallFailed,
    Event,
    KeyChanged,
    MovedOn,
    Paused,
    ServersProbed,
    ToolCalled,
)
from llm_manager.domain.statistics import ModelStatistics, ProviderSummary, Statistics, Summary
from llm_manager.domain.usage import Priced
from llm_manager.policies.tallies import Tally

MOST_MODELS: Final = 1000
"""How many models are kept; when there are more, the least used tenth makes room."""


def observe(statistics: Statistics, event: Event) -> Statistics:
    """Take one event into account."""
    return observe_all(statistics, (event,))


def observe_all(statistics: Statistics, events: Iterable[Event]) -> Statistics:
    """Take events into account, oldest first: the same as one by one, and several times faster."""
    models = statistics.models
    tallies: dict[str, Tally] = {}
    answered = failed = cancelled = cached = moves = added = 0
    for event in events:
        match event:
            case AttemptAnswered() | AttemptFailed():
                key = f"{event.provider}/{event.model}"
                if event.operation != "chat":
                    key = f"{key} {event.operation}"
                tally = tallies.get(key)
                if tally is None:
                    seen = models.get(key)
                    if seen is None and len(models) + added >= MOST_MODELS:
                        moves += _moves(tallies)
                        models, tallies, added = _most_used(_closed(models, tallies)), {}, 0
                    added += seen is None
                    tally = tallies[key] = Tally(seen or _unseen(event))
                _tell(tally, event)
            case Answered():
                answered += 1
                cached += event.cached
            case CallFailed():
                failed += 1
            case CallCancelled():
                cancelled += 1
            case (
                AttemptStarted()
                | MovedOn()
                | CacheHit()
                | ServersProbed()
                | ToolCalled()
                | BreakerChanged()
                | Paused()
                | BudgetAlert()
                | KeyChanged()
            ):
                pass
            case _:
                assert_never(event)
    ended = answered + failed + cancelled
    if not (tallies or ended or models is not statistics.models):
        return statistics
    return Statistics(
        calls=statistics.calls + ended,
        answered=statistics.answered + answered,
        failed=statistics.failed + failed,
        cancelled=statistics.cancelled + cancelled,
        cached=statistics.cached + cached,
        models=_closed(models, tallies),
        version=statistics.version + moves + _moves(tallies),
    )


def _unseen(event: AttemptAnswered | AttemptFailed) -> ModelStatistics:
    return ModelStatistics(provider=event.provider, model=event.model, operation=event.operation)


def _tell(tally: Tally, event: AttemptAnswered | AttemptFailed) -> None:
    if isinstance(event, AttemptFailed):
        about_model = may_fall_back(event.error) or counts_for_breaker(event.error)
        tally.failed(event.error.tag, about_model=about_model, doubtful=charge_of(event.error) != "none")
        return
    cost, speed = event.cost, event.tokens_per_second
    tally.answered(
        event.seconds if 0 <= event.seconds < inf else 0.0,
        event.usage,
        cost.usd if isinstance(cost, Priced) else None,
        speed if speed is not None and 0 < speed < inf else None,
    )


def _closed(models: Mapping[str, ModelStatistics], tallies: Mapping[str, Tally]) -> Mapping[str, ModelStatistics]:
    if not tallies:
        return models
    return {**models, **{key: tally.closed() for key, tally in tallies.items()}}


def _moves(tallies: Mapping[str, Tally]) -> int:
    return sum(tally.moves for tally in tallies.values())


def _most_used(models: Mapping[str, ModelStatistics]) -> Mapping[str, ModelStatistics]:
    by_use = sorted(models, key=lambda key: models[key].attempts)
    dropped = set(by_use[: max(1, len(models) // 10)])
    return {key: seen for key, seen in models.items() if key not in dropped}


def statistics_of(statistics: Statistics, provider: str, model: str) -> ModelStatistics | None:
    """What has been seen of a model's chats, or None."""
    return statistics.models.get(f"{provider}/{model}")


def summary(statistics: Statistics) -> Summary:
    """Add everything up."""
    by_provider: dict[str, ProviderSummary] = {}
    errors: dict[str, int] = {}
    successes, seconds, unpriced = 0, 0.0, 0
    for seen in statistics.models.values():
        before = by_provider.get(seen.provider, ProviderSummary())
        by_provider[seen.provider] = ProviderSummary(
            requests=before.requests + seen.attempts,
            successful=before.successful + seen.successes,
            tokens=before.tokens + seen.usage.total_tokens,
            cost_usd=before.cost_usd + seen.cost_usd,
        )
        for tag, times in seen.errors.items():
            errors[tag] = errors.get(tag, 0) + times
        successes += seen.successes
        seconds += seen.seconds
        unpriced += seen.unpriced
    return Summary(
        total_requests=statistics.calls,
        successful=statistics.answered,
        failed=statistics.failed,
        cancelled=statistics.cancelled,
        cached=statistics.cached,
        total_tokens=sum(each.tokens for each in by_provider.values()),
        cost_usd=sum((each.cost_usd for each in by_provider.values()), Decimal(0)),
        unpriced=unpriced,
        average_latency_ms=1000 * seconds / successes if successes else None,
        errors=errors,
        by_provider=by_provider,
    )
