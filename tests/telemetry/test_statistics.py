"""The keeper: complete when read, at most a moment behind when asked on every call."""

from llm_manager.domain.errors import NetworkError
from llm_manager.domain.events import AttemptAnswered, AttemptFailed
from llm_manager.domain.usage import Unpriced
from llm_manager.telemetry.statistics import keeping_statistics


def answered(at: float) -> AttemptAnswered:
    return AttemptAnswered(at=at, call_id="c", number=1, provider="p", model="m", seconds=1.0, usage=None, cost=Unpriced(reason="test"))


def failed(at: float) -> AttemptFailed:
    error = NetworkError(model="m", message="reset")
    return AttemptFailed(at=at, call_id="c", number=1, provider="p", model="m", seconds=1.0, error=error)


def test_reading_takes_every_event_into_account() -> None:
    keeper = keeping_statistics()
    for _ in range(100):
        keeper.subscriber(answered(0.0))
    assert keeper.read().models["p/m"].attempts == 100
    assert keeper.read() is keeper.read()


def test_recent_is_at_most_a_moment_behind() -> None:
    keeper = keeping_statistics()
    keeper.subscriber(answered(5.0))
    assert keeper.recent(5.05).models == {}
    assert keeper.recent(5.2).models["p/m"].attempts == 1
    assert keeper.recent(9.0).models["p/m"].attempts == 1


def test_recent_is_at_most_64_events_behind() -> None:
    keeper = keeping_statistics()
    for _ in range(70):
        keeper.subscriber(answered(0.0))
    assert keeper.recent(0.0).models["p/m"].attempts == 64


def test_a_failure_is_known_at_once() -> None:
    keeper = keeping_statistics()
    keeper.subscriber(answered(0.0))
    keeper.subscriber(failed(0.0))
    assert keeper.recent(0.0).models["p/m"].attempts == 2
