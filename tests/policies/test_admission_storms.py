"""What admission learns of a provider that nobody described: figures, in simulated time."""

import pytest

from llm_manager.policies.admission import How
from tests.policies.storm import Provider, stormed


@pytest.mark.parametrize(
    ("burst", "seconds", "retry_after", "share"),
    [
        (50.0, 0.05, None, 0.97),
        (100.0, 0.005, None, 0.97),
        (100.0, 0.5, 0.01, 0.95),
        (200.0, 0.05, 0.01, 0.97),
        (200.0, 0.5, None, 0.95),
        (200.0, 0.05, 1.0, 0.95),
        (100.0, 0.05, 1.0, 0.9),
        (10.0, 0.05, 1.0, 0.75),  # every refusal stops everybody for ten times as long as its bucket fills
    ],
)
def test_a_storm_at_a_hundred_a_second(burst: float, seconds: float, retry_after: float | None, share: float) -> None:
    """Nobody is lost, few calls are wasted, and nearly all of what the provider takes is used."""
    storm = stormed(Provider(burst=burst, seconds=seconds, retry_after=retry_after), until=25.0)
    assert not storm.refused
    assert len(storm.wasted) <= 0.1 * len(storm.answered)
    assert len(storm.answered) >= share * 100 * 25
    assert storm.answers(15.0, 25.0) >= (share - 0.1) * 100


@pytest.mark.parametrize(("rate", "seconds", "until"), [(1.0, 0.5, 120.0), (10.0, 0.05, 60.0), (1000.0, 0.05, 8.0)])
def test_other_rates(rate: float, seconds: float, until: float) -> None:
    """Once learned, a rate is kept to, whatever it is."""
    storm = stormed(Provider(rate=lambda _: rate, burst=max(10.0, rate / 5), seconds=seconds), until=until)
    assert storm.answers(until / 2, until) >= 0.9 * rate
    assert sum(at > until / 2 for at in storm.wasted) <= 0.2 * sum(at > until / 2 for at in storm.answered)


def test_when_more_is_taken_it_is_found_within_a_minute() -> None:
    storm = stormed(Provider(rate=lambda now: 100.0 if now < 20.0 else 400.0, seconds=0.1), callers=256, until=85.0)
    assert storm.answers(75.0, 85.0) >= 200.0
    assert len(storm.wasted) <= 0.02 * len(storm.answered)


def test_when_less_is_taken_it_is_found_at_once_and_forgotten_afterwards() -> None:
    """A dip of fifteen seconds to a third; ten seconds later everything is as it was."""
    storm = stormed(Provider(rate=lambda now: 30.0 if 20.0 <= now < 35.0 else 100.0), until=110.0)
    assert sum(22.0 <= at < 35.0 for at in storm.wasted) <= 60
    assert storm.answers(95.0, 105.0) >= 80.0


@pytest.mark.parametrize("how", ["limited", "crowded"])
@pytest.mark.parametrize("at_once", [1, 10, 50])
def test_who_takes_so_many_at_once_gets_so_many(how: How, at_once: int) -> None:
    """The same for one who says why it refuses, and one who does not."""
    storm = stormed(Provider(at_once=at_once, seconds=0.3, refuses_for=how), callers=200, until=40.0)
    possible = at_once / 0.3
    assert storm.answers(20.0, 40.0) >= 0.6 * possible
    assert sum(at > 20.0 for at in storm.wasted) <= 0.15 * sum(at > 20.0 for at in storm.answered)
