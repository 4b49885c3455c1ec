"""Offline and online: a fold that guesses late and unlearns at once."""

from functools import reduce

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    CircuitOpen,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    Origin,
    RequestTimeout,
)
from llm_manager.domain.events import AttemptAnswered, AttemptFailed
from llm_manager.domain.models import Health
from llm_manager.domain.usage import Unpriced
from llm_manager.policies.connectivity import (
    OFFLINE_SECONDS,
    UNKNOWN,
    Connectivity,
    after_event,
    after_look,
    is_away,
    online,
    was_unreachable,
)

TWO = ("openai", "anthropic")
NO_NAME = NetworkError(model="m", message="nobody knows the name", resend_once=True)
NO_CONNECTION = RequestTimeout(model="m", timeout_ms=5000, phase="connect")
SLOW = RequestTimeout(model="m", timeout_ms=5000, phase="first_byte")
CUT = NetworkError(model="m", message="reset", sent=True)
NO_KEY = AuthenticationFailed(model="m", message="no", origin=Origin(provider="openai", status=401))
PAGE = MalformedResponse(model="m", message="a page", origin=Origin(provider="openai", status=200))


def answered(provider: str = "openai", at: float = 0.0) -> AttemptAnswered:
    cost = Unpriced(reason="test")
    return AttemptAnswered(at=at, call_id="c", number=1, provider=provider, model="m", seconds=1.0, usage=None, cost=cost)


def failed(error: LLMError = NO_NAME, provider: str = "openai", at: float = 0.0) -> AttemptFailed:
    return AttemptFailed(at=at, call_id="c", number=1, provider=provider, model="m", seconds=1.0, error=error)


def seen(*events: AttemptAnswered | AttemptFailed) -> Connectivity:
    return reduce(after_event, events, UNKNOWN)


def test_nothing_is_known_before_anybody_is_asked() -> None:
    assert online(UNKNOWN, TWO, now=0.0) is None


def test_any_answer_is_online_and_so_is_a_refusal_of_the_provider_itself() -> None:
    assert online(seen(answered()), TWO, now=1e9) is True
    assert online(seen(failed(NO_KEY)), TWO, now=0.0) is True


def test_two_providers_out_of_reach_are_offline_and_one_of_several_is_only_down() -> None:
    assert online(seen(answered(), *[failed()] * 5), TWO, now=0.0) is None
    assert online(seen(answered(), failed(), failed(NO_CONNECTION, "anthropic")), TWO, now=0.0) is False


def test_the_only_provider_there_is_must_be_out_of_reach_twice() -> None:
    assert online(seen(failed()), ("openai",), now=0.0) is None
    assert online(seen(failed(), failed()), ("openai",), now=0.0) is False


def test_one_answer_makes_up_for_all_failures() -> None:
    assert online(seen(failed(), failed(provider="anthropic"), answered()), TWO, now=0.0) is True


def test_what_was_sent_or_answered_by_a_page_tells_nothing() -> None:
    lost = (failed(), failed(provider="anthropic"))
    for error in (SLOW, CUT, PAGE, ModelUnavailable(model="m", message="?")):
        assert seen(failed(error)) is UNKNOWN
        assert online(seen(*lost, failed(error)), TWO, now=0.0) is False


def test_after_a_while_they_are_tried_again_and_the_next_failure_is_enough() -> None:
    lost = seen(failed(at=1.0), failed(provider="anthropic", at=2.0))
    assert online(lost, TWO, now=1.9 + OFFLINE_SECONDS) is False
    assert online(lost, TWO, now=2.0 + OFFLINE_SECONDS) is None
    assert online(after_event(lost, failed(at=40.0)), TWO, now=40.0) is False


def test_a_look_at_all_of_them_tells_at_once() -> None:
    down = [Health(provider=name, healthy=False, error_tag=NetworkError.tag) for name in TWO]
    local = Health(provider="ollama", healthy=True)
    assert online(after_look(UNKNOWN, [*down, local], TWO, now=5.0), TWO, now=5.0) is False
    assert online(after_look(UNKNOWN, [down[0], local], TWO[:1], now=5.0), TWO[:1], now=5.0) is False
    assert online(after_look(UNKNOWN, [evolve(down[0], healthy=True), down[1]], TWO, now=5.0), TWO, now=5.0) is True
    forbidden = [Health(provider=name, healthy=False, error_message="airgap") for name in TWO]
    assert after_look(UNKNOWN, forbidden, TWO, now=5.0) is UNKNOWN


def test_only_no_way_at_all_is_unreachable() -> None:
    assert [was_unreachable(error) for error in (NO_NAME, NO_CONNECTION, SLOW, CUT, NO_KEY)] == [True, True, False, False, False]


EVENTS = st.one_of(
    st.builds(answered, st.sampled_from(TWO)),
    st.builds(failed, st.sampled_from([NO_NAME, NO_CONNECTION, SLOW, NO_KEY, PAGE]), st.sampled_from(TWO)),
)


def test_who_is_not_there_is_away_and_who_answers_is_not() -> None:
    lost = NetworkError(model="m", message="no route", sent=False)
    idle = ModelUnavailable(model="m", message="it does not run", reason="not_running")
    shut = CircuitOpen(model="m", endpoint="e")
    away: tuple[LLMError, ...] = (lost, idle, shut, AllModelsFailed(causes=(lost, shut)))
    busy = evolve(idle, reason="overloaded")
    there: tuple[LLMError, ...] = (
        NO_KEY,
        busy,
        evolve(lost, sent=True),
        AllModelsFailed(causes=(lost, NO_KEY)),
        AllModelsFailed(causes=()),
    )
    assert all(map(is_away, away))
    assert not any(map(is_away, there))


@given(st.lists(EVENTS, max_size=20))
def test_it_is_bounded_and_an_answer_always_ends_it(events: list[AttemptAnswered | AttemptFailed]) -> None:
    told = seen(*events)
    assert len(told.unreached) <= len(TWO)
    assert online(after_event(told, answered()), TWO, now=0.0) is True
    if not any(isinstance(event, AttemptFailed) and was_unreachable(event.error) for event in events):
        assert online(told, TWO, now=0.0) is not False
