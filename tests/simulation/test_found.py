"""Histories in which something was once wrong, and what that was. They are short: a seed is found by many, and kept when it finds."""

from attrs import evolve

from tests.simulation.faults import FAULTS
from tests.simulation.history import History
from tests.simulation.scenarios import SCENARIOS, faulty


def test_a_request_too_large_for_any_limit_is_not_sent_again_with_the_same_key() -> None:
    """The error said that another key may do, no key was passed over for it, so the same one was sent until re-sends ran out."""
    fault = FAULTS["azure: azure parameters over the token budget"]
    assert History(0, faulty(fault), 8).run().broken == ()


def test_an_alarm_clock_leaves_one_timer() -> None:
    """A timer that an earlier deadline took the place of stayed until its own time."""
    assert History(1, faulty(FAULTS["ollama: no such model"]), 12).run().broken == ()


def test_a_redirect_counts_as_one_of_its_minute() -> None:
    """Seed 1002: it was given back to the limit, although its server had been asked."""
    assert History(1002, SCENARIOS["mixed"](1002, 1000), 1000, look_every=50).run().broken == ()


def test_rows_that_wait_for_room_to_be_sent_again_do_not_go_all_at_once() -> None:
    """Seed 4001, made small: a batch meets an outage, and each of its rows waits for the same room."""
    outage = SCENARIOS["outage"](4001, 600)
    scenario = evolve(outage, rate=3.0, mix=evolve(outage.mix, batches=0.5))
    assert History(4001, scenario, 600).run().broken == ()


def test_a_request_that_was_slow_on_its_way_shares_no_minute_with_more_than_its_limit() -> None:
    """Seed 1005: it left in time and arrived 22 ms later, in the next second, and the limit counted by when it had left."""
    assert History(1005, SCENARIOS["limited"](1005, 2000), 2000, look_every=50).run().broken == ()
