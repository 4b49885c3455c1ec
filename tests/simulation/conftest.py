"""Tells at the end of a test run how many requests were simulated, and at which rate."""

import pytest

from tests.simulation.shards import Played

PLAYED = pytest.StashKey[list[Played]]()


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> list[Played]:
    """What was played in this session, to be told at its end."""
    return request.config.stash.setdefault(PLAYED, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line about the simulation, when it took part."""
    played = config.stash.get(PLAYED, [])
    requests, seconds = sum(each.requests for each in played), sum(each.seconds for each in played)
    if requests:
        terminalreporter.write_line(f"simulated {requests} requests, {requests / seconds:.0f}/s in each process")
