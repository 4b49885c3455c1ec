"""What has been seen, folded from the journal: ``observe(statistics, event) -> Statistics``, one event or many at once.

Nothing is admitted, refused or charged from these numbers; routes read the estimates, people read the summary.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from math import inf
from typing import Final, assert_never

from llm_manager.domain.error_questions import charge_of, counts_for_breaker, may_fall_back
from llm_manager.domain.events import (
    Answered,
    AttemptAnswered,
    AttemptFailed,
    AttemptLeft,
    AttemptStarted,
    BreakerChanged,
    BudgetAlert,
    CacheFailed,
    CacheHit,
    CallCancelled,
    CallFailed,
    Event,
    KeyChanged,
    MovedOn,
    Paused,
    ServersProbed,
    SharingLost,
    SharingRegained,
    SimilarFound,
    ToolCalled,
    UsageReset,
)
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.statistics import OTHERS, ModelStatistics, ProviderSummary, Statistics, Summary
from llm_manager.domain.usage import Priced, Usage
from llm_manager.policies.latencies import answers_of, percentile_over, surely_within
from llm_manager.policies.spending import Purse, Purses
from llm_manager.policies.tallies import Tally

COUNTED: Final = frozenset((Answered, AttemptAnswered, AttemptFailed, AttemptLeft, CallCancelled, CallFailed))
"""The events that anything is learned from; all others change nothing."""

MOST_MODELS: Final = 1000
"""How many models are kept; when there are more, the least used tenth is summed under ``others``."""


def observe(statistics: Statistics, event: Event) -> Statistics:
    """Take one event into account."""
    return observe_all(statistics, (event,))


def observe_all(statistics: Statistics, events: Iterable[Event]) -> Statistics:
    """Take events into account, oldest first: the same as one by one, and several times faster."""
    models = statistics.models
    tallies: dict[str, Tally] = {}
    purses: _Purses | None = None
    answered = failed = cancelled = cached = moves = added = 0
    for event in events:
        match event:
            case AttemptAnswered() | AttemptFailed() | AttemptLeft():
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
                if _is_named(event.metadata):
                    purses = purses or _Purses(statistics)
                    purses.took(event)
            case Answered() | CallFailed() | CallCancelled():
                if isinstance(event, Answered):
                    answered += 1
                    cached += event.cached
                elif isinstance(event, CallFailed):
                    failed += 1
                else:
                    cancelled += 1
                if _is_named(event.metadata):
                    purses = purses or _Purses(statistics)
                    purses.called(event)
            case (
                AttemptStarted()
                | MovedOn()
                | CacheHit()
                | SimilarFound()
                | CacheFailed()
                | SharingLost()
                | SharingRegained()
                | ServersProbed()
                | ToolCalled()
                | BreakerChanged()
                | Paused()
                | BudgetAlert()
                | UsageReset()
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
        features=statistics.features if purses is None else purses.features.closed(),
        users=statistics.users if purses is None else purses.users.closed(),
        tenants=statistics.tenants if purses is None else purses.tenants.closed(),
    )


class _Purses:
    """What is counted name by name in one fold."""

    __slots__ = ("features", "tenants", "users")

    def __init__(self, start: Statistics) -> None:
        self.features = Purses(start.features)
        self.users = Purses(start.users)
        self.tenants = Purses(start.tenants)

    def called(self, event: Answered | CallFailed | CallCancelled) -> None:
        for purse in self._of(event.metadata):
            purse.calls += 1
            purse.cancelled += isinstance(event, CallCancelled)
            purse.failed += isinstance(event, CallFailed)

    def took(self, event: AttemptAnswered | AttemptFailed | AttemptLeft) -> None:
        for purse in self._of(event.metadata):
            if not isinstance(event, AttemptAnswered):
                purse.doubtful += _is_doubtful(event)
                continue
            if event.usage is not None:
                purse.tokens += event.usage.total_tokens
            if isinstance(event.cost, Priced):
                purse.cost_usd += event.cost.usd
            else:
                purse.unpriced += 1

    def _of(self, on_behalf: RequestMetadata) -> Iterator[Purse]:
        for purses, name in ((self.features, on_behalf.feature), (self.users, on_behalf.user), (self.tenants, on_behalf.tenant)):
            if name:
                yield purses.of(name)


def _is_named(on_behalf: RequestMetadata) -> bool:
    return bool(on_behalf.feature or on_behalf.user or on_behalf.tenant)


def _is_doubtful(event: AttemptFailed | AttemptLeft) -> bool:
    """Say whether an attempt that brought no answer may have been billed."""
    return isinstance(event, AttemptLeft) or charge_of(event.error) != "none"


def _unseen(event: AttemptAnswered | AttemptFailed | AttemptLeft) -> ModelStatistics:
    return ModelStatistics(provider=event.provider, model=event.model, operation=event.operation)


def _tell(tally: Tally, event: AttemptAnswered | AttemptFailed | AttemptLeft) -> None:
    if isinstance(event, AttemptAnswered):
        cost, speed = event.cost, event.tokens_per_second
        tally.answered(
            event.seconds if 0 <= event.seconds < inf else 0.0,
            event.usage,
            cost.usd if isinstance(cost, Priced) else None,
            speed if speed is not None and 0 < speed < inf else None,
        )
    elif isinstance(event, AttemptFailed):
        about_model = may_fall_back(event.error) or counts_for_breaker(event.error)
        tally.failed(event.error.tag, about_model=about_model, doubtful=_is_doubtful(event))
    else:
        tally.left()


def _closed(models: Mapping[str, ModelStatistics], tallies: Mapping[str, Tally]) -> Mapping[str, ModelStatistics]:
    if not tallies:
        return models
    return {**models, **{key: tally.closed() for key, tally in tallies.items()}}


def _moves(tallies: Mapping[str, Tally]) -> int:
    return sum(tally.moves for tally in tallies.values())


def _most_used(models: Mapping[str, ModelStatistics]) -> Mapping[str, ModelStatistics]:
    """Make room: the least used tenth is summed under ``others``."""
    by_use = sorted((key for key in models if key != OTHERS), key=lambda key: models[key].attempts)
    dropped = by_use[: max(1, len(by_use) // 10)]
    gone = [models[key] for key in (*dropped, OTHERS) if key in models]
    errors: dict[str, int] = {}
    for seen in gone:
        _add(errors, seen.errors)
    return {
        **{key: models[key] for key in by_use[len(dropped) :]},
        OTHERS: ModelStatistics(
            provider=OTHERS,
            model=OTHERS,
            attempts=sum(seen.attempts for seen in gone),
            successes=sum(seen.successes for seen in gone),
            rated=sum(seen.rated for seen in gone),
            seconds=sum(seen.seconds for seen in gone),
            usage=sum((seen.usage for seen in gone), Usage()),
            cost_usd=sum((seen.cost_usd for seen in gone), Decimal(0)),
            unpriced=sum(seen.unpriced for seen in gone),
            errors=errors,
            doubtful=sum(seen.doubtful for seen in gone),
            left=sum(seen.left for seen in gone),
        ),
    }


def _add(errors: dict[str, int], more: Mapping[str, int]) -> None:
    for tag, times in more.items():
        errors[tag] = errors.get(tag, 0) + times


def statistics_of(statistics: Statistics, provider: str, model: str) -> ModelStatistics | None:
    """What has been seen of a model's chats, or None."""
    return statistics.models.get(f"{provider}/{model}")


def percentile_of(read: Callable[[], Statistics], least: int, provider: str, model: str, q: float) -> float | None:
    """Within how many seconds the share ``q`` of a model's newest answers came, at most; None before ``least`` are known."""
    seen = statistics_of(read(), provider, model)
    return None if seen is None or answers_of(seen) < least else surely_within(seen, q)


def summary(statistics: Statistics) -> Summary:
    """Add everything up."""
    providers: dict[str, list[ModelStatistics]] = {}
    for seen in statistics.models.values():
        providers.setdefault(seen.provider, []).append(seen)
    by_provider = {provider: _together(models) for provider, models in providers.items()}
    errors: dict[str, int] = {}
    for each in by_provider.values():
        _add(errors, each.errors)
    successes = sum(each.successful for each in by_provider.values())
    return Summary(
        total_requests=statistics.calls,
        successful=statistics.answered,
        failed=statistics.failed,
        cancelled=statistics.cancelled,
        cached=statistics.cached,
        total_tokens=sum(each.tokens for each in by_provider.values()),
        cost_usd=sum((each.cost_usd for each in by_provider.values()), Decimal(0)),
        unpriced=sum(each.unpriced for each in by_provider.values()),
        average_latency_ms=1000 * sum(seen.seconds for seen in statistics.models.values()) / successes if successes else None,
        errors=errors,
        by_provider=by_provider,
        doubtful=sum(each.doubtful for each in by_provider.values()),
        by_feature=statistics.features,
        by_user=statistics.users,
        by_tenant=statistics.tenants,
    )


def _together(models: list[ModelStatistics]) -> ProviderSummary:
    errors: dict[str, int] = {}
    for seen in models:
        _add(errors, seen.errors)
    histograms = [histogram for seen in models for histogram in (seen.latencies.newer, seen.latencies.older)]
    median, slow = percentile_over(histograms, 0.5), percentile_over(histograms, 0.95)
    return ProviderSummary(
        requests=sum(seen.attempts for seen in models),
        successful=sum(seen.successes for seen in models),
        tokens=sum(seen.usage.total_tokens for seen in models),
        cost_usd=sum((seen.cost_usd for seen in models), Decimal(0)),
        unpriced=sum(seen.unpriced for seen in models),
        doubtful=sum(seen.doubtful for seen in models),
        errors=errors,
        median_latency_ms=None if median is None else 1000 * median,
        p95_latency_ms=None if slow is None else 1000 * slow,
    )
