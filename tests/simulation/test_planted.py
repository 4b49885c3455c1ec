"""The simulator finds every bug that is planted, and nothing where none is."""

import pytest

from tests.simulation.history import History, Report
from tests.simulation.planted import BUGS, Bug, Plant
from tests.simulation.scenarios import SCENARIOS

_SEEDS = (1, 2, 3)
_REQUESTS = 300


def _played(scenario: str, seed: int, plant: Plant | None = None) -> Report:
    return History(seed, SCENARIOS[scenario](seed, _REQUESTS), _REQUESTS, plant=plant).run()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug) -> None:
    """Within three seeds, and named for what it is."""
    found: list[str] = []
    for seed in _SEEDS:
        with bug.at_work() as plant:
            found += [broken.what for broken in _played(bug.scenario, seed, plant).broken]
        if any(said in what for what in found for said in bug.said):
            return
    pytest.fail(f"not found; what was found instead: {found}")


@pytest.mark.parametrize("scenario", sorted({bug.scenario for bug in BUGS}))
def test_nothing_is_found_where_none_is_planted(scenario: str) -> None:
    """With the seeds that find the bugs."""
    for seed in _SEEDS:
        assert _played(scenario, seed).broken == ()


def test_there_are_enough_of_them() -> None:
    assert len(BUGS) >= 10
    assert len({bug.name for bug in BUGS}) == len(BUGS)
