"""What every test gets: no network but loopback, no limits on time from Hypothesis; and what a run tells at its end."""

import gc
import ipaddress
import itertools
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import database, lasting_url, new_database, store_url
from tests.servers import postgres_server, postgres_url, redis_program, redis_server, redis_url
from tests.simulation.shards import PLAYED, Played

__all__ = [
    "database",
    "lasting_url",
    "new_database",
    "postgres_server",
    "postgres_url",
    "redis_program",
    "redis_server",
    "redis_url",
    "store_url",
]

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")  # a busy machine fails no test

_GUARDED = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
_guarding = False


def _refuse_the_network(event: str, args: tuple[object, ...]) -> None:
    if not _guarding or event not in _GUARDED:
        return
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        asked, address = args[0], args[1]
        if isinstance(asked, socket.socket) and asked.family == getattr(socket, "AF_UNIX", None):
            return
        if address is None:
            return
        host = address[0] if isinstance(address, tuple) else address
    if not _is_loopback(host):
        raise RuntimeError(f"a test reached for the network: {event} {host!r}")


def _is_loopback(host: object) -> bool:
    if host is None:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    if text in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse_the_network)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only a test marked ``live`` reaches further than loopback."""
    global _guarding
    _guarding = request.node.get_closest_marker("live") is None
    yield
    _guarding = False


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, _states: tuple[str, Iterator[int]]) -> None:
    """What a command keeps is kept apart for each test, in a folder that is made only when something is."""
    folder, numbers = _states
    monkeypatch.setenv("XDG_STATE_HOME", f"{folder}/{next(numbers)}")


@pytest.fixture(scope="session")
def _states(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Iterator[int]]:
    return str(tmp_path_factory.mktemp("state")), itertools.count()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What is loaded when a file's tests end stays loaded: the collector need not look at a million objects again and again."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist gives what it played to the one that tells."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["played"] = [[each.requests, each.seconds] for each in session.config.stash.get(PLAYED, [])]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker played."""
    for requests, seconds in getattr(node, "workeroutput", {}).get("played", ()):
        node.config.stash.setdefault(PLAYED, []).append(Played(well=True, told="", requests=requests, seconds=seconds))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line about the simulation, when it took part."""
    played = config.stash.get(PLAYED, [])
    requests, seconds = sum(each.requests for each in played), sum(each.seconds for each in played)
    if requests:
        terminalreporter.write_line(f"simulated {requests} requests, {requests / seconds:.0f}/s in each process")
