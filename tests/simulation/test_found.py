"""Histories in which something was once wrong, and what that was. They are short: a seed is found by many, and kept when it finds."""

import pytest

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


@pytest.mark.parametrize(("seed", "requests"), [(1002, 1000), (4001, 2000)])
def test_a_seed_that_once_failed_does_not_again(seed: int, requests: int) -> None:
    """1002: a redirect was given back to the limit of its minute, although its server had been asked.

    4001: rows of a batch that waited for room to be sent again all took the same room, and went at once.
    """
    assert History(seed, SCENARIOS["mixed"](seed, requests), requests, look_every=50).run().broken == ()
