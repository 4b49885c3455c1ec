"""What tests of the simulation share."""

import pytest

from tests.simulation.shards import PLAYED, Played


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> list[Played]:
    """What was played in this session, to be told at its end: see `tests/conftest.py`."""
    return request.config.stash.setdefault(PLAYED, [])
