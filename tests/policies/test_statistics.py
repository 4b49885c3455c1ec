"""Statistics are folds: exact counts, bounded size, and a version that moves only when a route should care."""

from decimal import Decimal
from functools import reduce
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_manager.domain.errors import InvalidRequest, LLMError, NetworkError, RateLimitExceeded, RequestTimeout
from llm_manager.domain.events import (
    Answered,
    AttemptAnswered,
    AttemptFailed,
    AttemptLeft,
    AttemptStarted,
    CacheHit,
    CallCancelled,
    CallFailed,
    Event,
    MovedOn,
    ServersProbed,
)
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.statistics import OTHERS, Spending, Statistics
from llm_manager.domain.usage import Cost, Priced, Unpriced, Usage
from llm_manager.policies.latencies import percentile
from llm_manager.policies.spending import LONGEST_NAME, MOST_NAMES
from llm_manager.policies.statistics import MOST_MODELS, observe, observe_all, statistics_of, summary

BAD_LUCK = NetworkError(model="m", message="reset")
CALLERS_MISTAKE = InvalidRequest(message="no")
ONE_CENT = Priced(usd=Decimal("0.01"), price_version="1")
UNPRICED = Unpriced(reason="unknown model")
METADATA = RequestMetadata()


def answered(model: str = "m", *, seconds: float = 1.0, cost: Cost = ONE_CENT, usage: Usage | None = None) -> AttemptAnswered:
    return AttemptAnswered(at=0.0, call_id="c", number=1, provider="p", model=model, seconds=seconds, usage=usage, cost=cost)


def failed(error: LLMError = BAD_LUCK, model: str = "m") -> AttemptFailed:
    return AttemptFailed(at=0.0, call_id="c", number=1, provider="p", model=model, seconds=9.0, error=error)


def ended(*, cached: bool = False) -> Answered:
    return Answered(
        at=0.0,
        call_id="c",
        provider="p",
        model="m",
        seconds=1.0,
        usage=None,
        cost=ONE_CENT,
        cached=cached,
        metadata=METADATA,
    )


def on_behalf(event: Answered | AttemptAnswered | AttemptFailed | AttemptLeft | CallFailed | CallCancelled, **names: Any) -> Event:
    return replace(event, metadata=RequestMetadata(**names))


LOST = CallFailed(at=0.0, call_id="c", seconds=1.0, error=BAD_LUCK, metadata=METADATA)
LEFT = CallCancelled(at=0.0, call_id="c", seconds=1.0, metadata=METADATA)
NAMES = st.sampled_from(["a", "b", "c"])
WHO = st.builds(RequestMetadata, feature=st.none() | NAMES, user=st.none() | NAMES, tenant=st.none() | NAMES)


def left(model: str = "m") -> AttemptLeft:
    return AttemptLeft(at=0.0, call_id="c", number=1, provider="p", model=model, seconds=1.0)


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        answered,
        NAMES,
        seconds=st.floats(),
        cost=st.sampled_from([ONE_CENT, UNPRICED]),
        usage=st.none() | st.builds(Usage, input_tokens=st.integers(0, 9), output_tokens=st.integers(0, 9)),
    ),
    st.builds(failed, st.sampled_from([BAD_LUCK, CALLERS_MISTAKE, RateLimitExceeded(model="m")]), NAMES),
    st.builds(
        lambda event, who: replace(event, metadata=who),
        st.one_of(
            st.builds(ended, cached=st.booleans()),
            st.sampled_from([LOST, LEFT]),
            st.builds(answered, NAMES, cost=st.sampled_from([ONE_CENT, UNPRICED])),
            st.builds(failed, st.sampled_from([BAD_LUCK, RequestTimeout(model="m", timeout_ms=1)]), NAMES),
            st.builds(left, NAMES),
        ),
        WHO,
    ),
    st.just(AttemptStarted(at=0.0, call_id="c", number=1, provider="p", model="a")),
    st.just(MovedOn(at=0.0, call_id="c", from_model="a", to_model="b", after_seconds=0.0, error_tag="NetworkError")),
    st.just(CacheHit(at=0.0, call_id="c", provider="p", model="a", shared=False)),
    st.just(ServersProbed(at=0.0, found=(), absent=("ollama",))),
)


@given(st.lists(EVENTS, max_size=30))
def test_many_at_once_are_the_same_as_one_by_one(events: list[Event]) -> None:
    assert observe_all(Statistics(), events) == reduce(observe, events, Statistics())


@given(st.lists(EVENTS, max_size=30))
def test_nothing_is_lost_and_rates_are_rates(events: list[Event]) -> None:
    seen = observe_all(Statistics(), events)
    assert seen.calls == seen.answered + seen.failed + seen.cancelled
    assert seen.cached <= seen.answered
    assert sum(each.attempts for each in seen.models.values()) == sum(
        isinstance(event, AttemptAnswered | AttemptFailed | AttemptLeft) for event in events
    )
    for purses, named in ((seen.features, "feature"), (seen.users, "user"), (seen.tenants, "tenant")):
        theirs = [event for event in events if getattr(getattr(event, "metadata", None), named, None)]
        alone = summary(observe_all(Statistics(), theirs))
        assert sum(each.cost_usd for each in purses.values()) == alone.cost_usd
        assert sum(each.doubtful for each in purses.values()) == alone.doubtful
        assert sum(each.tokens for each in purses.values()) == alone.total_tokens
        assert sum(each.unpriced for each in purses.values()) == alone.unpriced
        assert sum(each.calls for each in purses.values()) == alone.total_requests
    for each in seen.models.values():
        assert each.attempts == each.successes + sum(each.errors.values()) + each.left
        assert each.success_rate is None or 0.0 <= each.success_rate <= 1.0
        assert each.latency_seconds is None or each.latency_seconds >= 0.0


@given(st.lists(EVENTS, max_size=30), EVENTS)
def test_an_estimate_moves_with_the_version_and_only_then(events: list[Event], event: Event) -> None:
    before = observe_all(Statistics(), events)
    after = observe(before, event)

    def estimates(seen: Statistics) -> dict[str, tuple[float | None, float | None]]:
        return {
            key: (each.latency_estimate_seconds, each.success_estimate)
            for key, each in seen.models.items()
            if each.latency_estimate_seconds is not None or each.success_estimate is not None
        }

    assert (before.version == after.version) == (estimates(before) == estimates(after))


def test_a_steady_model_leaves_the_version_alone() -> None:
    warm = observe_all(Statistics(), [answered(seconds=1.0 + 0.1 * (n % 2)) for n in range(20)])
    later = observe_all(warm, [answered(seconds=1.0 + 0.1 * (n % 2)) for n in range(1000)])
    assert later.version == warm.version


def test_a_model_that_slows_down_is_told_in_few_steps() -> None:
    warm = observe_all(Statistics(), [answered(seconds=1.0)] * 50)
    slow = observe_all(warm, [answered(seconds=4.0)] * 50)
    assert 1 < slow.version - warm.version <= 10
    assert slow.models["p/m"].latency_estimate_seconds == pytest.approx(4.0, rel=0.25)


def test_latency_is_averaged_over_answers_only() -> None:
    seen = observe_all(Statistics(), [answered(seconds=2.0), failed(), answered(seconds=4.0)]).models["p/m"]
    assert seen.latency_seconds == 3.0
    assert seen.success_rate == pytest.approx(2 / 3)


def test_a_mistake_of_the_caller_says_nothing_of_the_model() -> None:
    seen = observe_all(Statistics(), [answered(), *[failed(CALLERS_MISTAKE)] * 9]).models["p/m"]
    assert (seen.success_rate, seen.attempts, seen.errors) == (1.0, 10, {"InvalidRequest": 9})


def test_models_are_bounded_and_the_used_ones_stay() -> None:
    used = [answered("used")] * 3
    flood = [answered(f"m{n}") for n in range(2 * MOST_MODELS + 7)]
    seen = observe_all(Statistics(), [*used, *flood])
    assert len(seen.models) <= MOST_MODELS + 1
    assert sum(each.attempts for each in seen.models.values()) == len(used) + len(flood)
    assert sum(each.cost_usd for each in seen.models.values()) == Decimal("0.01") * (len(used) + len(flood))
    assert seen.models[OTHERS].successes == seen.models[OTHERS].attempts > 0
    assert seen.models["p/used"].attempts == 3
    assert f"p/{flood[-1].model}" in seen.models
    assert seen == reduce(observe, flood, observe_all(Statistics(), used))


def test_what_calls_took_is_told_by_feature_user_and_tenant() -> None:
    """Calls are counted as they end, money, tokens and doubt as attempts do; a hit counts as a call and takes nothing."""
    late = failed(RequestTimeout(model="m", timeout_ms=1))
    seen = observe_all(
        Statistics(),
        [
            on_behalf(late, feature="search", user="ann"),
            on_behalf(answered(usage=Usage(input_tokens=3, output_tokens=4)), feature="search", user="ann"),
            on_behalf(ended(), feature="search", user="ann"),
            on_behalf(ended(cached=True), feature="search", tenant="acme"),
            on_behalf(answered(cost=UNPRICED), user="ann"),
            on_behalf(ended(), user="ann"),
            on_behalf(failed(), feature="search"),
            on_behalf(LOST, feature="search"),
            on_behalf(left(), feature="search"),
            on_behalf(LEFT, feature="search"),
            ended(),
        ],
    )
    assert seen.features == {"search": Spending(calls=4, failed=1, cancelled=1, tokens=7, cost_usd=Decimal("0.01"), unpriced=0, doubtful=2)}
    assert seen.users == {"ann": Spending(calls=2, tokens=7, cost_usd=Decimal("0.01"), unpriced=1, doubtful=1)}
    assert seen.tenants == {"acme": Spending(calls=1)}
    assert (summary(seen).by_feature, summary(seen).by_user, summary(seen).by_tenant) == (seen.features, seen.users, seen.tenants)


def test_ever_new_users_do_not_grow_without_bound_and_nothing_is_lost() -> None:
    flood = [on_behalf(event, user=f"u{number}") for number in range(2 * MOST_NAMES + 7) for event in (answered(), ended())]
    often = [on_behalf(event, user="often") for event in (answered(), ended())] * 3
    seen = observe_all(observe_all(Statistics(), often), flood)
    assert len(seen.users) <= MOST_NAMES + 1
    (longest,) = observe(Statistics(), on_behalf(ended(), user="u" * 100_000)).users
    assert len(longest) == LONGEST_NAME
    assert sum(each.calls for each in seen.users.values()) == len(flood) / 2 + 3
    assert sum(each.cost_usd for each in seen.users.values()) == Decimal("0.01") * (len(flood) // 2 + 3)
    assert seen.users["often"].calls == 3
    assert seen.users[OTHERS].calls > 0
    assert seen == reduce(observe, flood, observe_all(Statistics(), often))


def test_a_failed_attempt_that_may_have_been_billed_is_told() -> None:
    seen = observe_all(Statistics(), [failed(), failed(RequestTimeout(model="m", timeout_ms=1))])
    assert (seen.models["p/m"].doubtful, summary(seen).doubtful, summary(seen).by_provider["p"].doubtful) == (1, 1, 1)


def test_latencies_are_told_by_provider_over_all_its_models() -> None:
    seen = observe_all(Statistics(), [answered("a", seconds=1.0)] * 9 + [answered("b", seconds=8.0), failed(model="a")])
    told = summary(seen).by_provider["p"]
    assert told.median_latency_ms == pytest.approx(1000, rel=0.05)
    assert told.p95_latency_ms == pytest.approx(8000, rel=0.05)
    assert percentile(seen.models["p/b"], 0.5) == pytest.approx(8.0, rel=0.05)
    assert statistics_of(seen, "p", "a") is seen.models["p/a"]


def test_the_summary_adds_up() -> None:
    events: list[Event] = [
        answered("a", seconds=1.0, usage=Usage(input_tokens=3, output_tokens=4)),
        answered("b", seconds=3.0, cost=UNPRICED),
        failed(model="a"),
        ended(),
        ended(cached=True),
        CallFailed(at=0.0, call_id="c", seconds=1.0, error=BAD_LUCK, metadata=METADATA),
    ]
    told = summary(observe_all(Statistics(), events))
    assert (told.total_requests, told.successful, told.failed, told.cached) == (3, 2, 1, 1)
    assert (told.total_tokens, told.cost_usd, told.unpriced) == (7, Decimal("0.01"), 1)
    assert told.average_latency_ms == 2000.0
    assert told.errors == {"NetworkError": 1}
    assert (told.by_provider["p"].requests, told.by_provider["p"].successful, told.by_provider["p"].tokens) == (3, 2, 7)


def test_a_summary_of_nothing_is_zero() -> None:
    told = summary(Statistics())
    assert (told.total_requests, told.total_tokens, told.average_latency_ms, told.by_provider) == (0, 0, None, {})


def test_how_fast_a_model_writes_is_averaged_where_it_is_told() -> None:
    """An answer that does not tell changes nothing, and what is no speed is not counted."""
    told = [replace(answered(), tokens_per_second=speed) for speed in (10.0, None, 40.0, float("nan"), 0.0)]
    after = [each.models["p/m"].tokens_per_second for each in accumulate(told, observe, initial=Statistics()) if each.models]
    assert after == [10.0, 10.0, 20.0, 20.0, 20.0]
    assert observe_all(Statistics(), told) == reduce(observe, told, Statistics())
