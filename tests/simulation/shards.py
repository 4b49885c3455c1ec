"""The histories that every run of the tests plays, in processes of their own: as many at once as there are processors."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from attrs import frozen

_MOST_SECONDS = 900
_MOST_AT_ONCE = 4


@frozen(kw_only=True)
class Shard:
    """Histories played by one process."""

    name: str
    arguments: tuple[str, ...]
    requests: int


@frozen(kw_only=True)
class Played:
    """What became of a shard: its output, whether all was well, how many requests in how many seconds of its processor."""

    well: bool
    told: str
    requests: int
    seconds: float


PLAYED = pytest.StashKey[list[Played]]()
"""Where a run of the tests keeps what was played, to tell of it at its end."""


def _drawn(scenario: str, seed: int, histories: int, requests: int) -> Shard:
    arguments = ("--scenario", scenario, "--seed", str(seed), "--histories", str(histories), "--requests", str(requests))
    return Shard(name=f"{scenario}-{seed}", arguments=arguments, requests=histories * requests)


def _each(how: str, part: int, parts: int, requests: int, count: int) -> Shard:
    arguments = ("--each", how, "--part", f"{part}/{parts}", "--requests", str(requests), "--look-every", "1")
    return Shard(name=f"{how}-{part}", arguments=arguments, requests=count * requests // parts)


SHARDS: tuple[Shard, ...] = (
    *(_drawn("mixed", 1000 * shard, 5, 2000) for shard in range(1, 11)),
    *(_drawn("storm", 1000 * shard, 4, 2500) for shard in (1, 2)),
    *(_drawn("limited", 1000 * shard, 4, 2500) for shard in (1, 2)),
    *(_drawn("breaking", 1000 * shard, 5, 2000) for shard in (1, 2)),
    *(_drawn("spending", 1000 * shard, 4, 2500) for shard in (1,)),
    *(_drawn("remembering", 1000 * shard, 4, 2500) for shard in (1,)),
    *(_drawn("keys", 1000 * shard, 2, 2500) for shard in (1,)),
    *(_drawn("outage", 1000 * shard, 5, 1000) for shard in (1,)),
    *(_drawn("dip", 1000 * shard, 3, 6000) for shard in (1, 2)),
    *(_drawn("claude", 1000 * shard, 2, 500) for shard in (1,)),
    _each("alone", 0, 1, 12, 247),
    *(_each("pair", part, 2, 10, 1225) for part in range(2)),
)
"""More than two hundred thousand requests."""


def play(shard: Shard) -> Played:
    """Play one; its processor time does not include what coverage would take, which is left out of it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_CORE_"))}
    command = [sys.executable, "-m", "tests.simulation", "--quiet", *shard.arguments]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=_MOST_SECONDS)
    told = ended.stdout + ended.stderr
    summed = re.search(r"^\d+ histories, (\d+) requests in ([\d.]+) s", told, re.MULTILINE)
    requests, seconds = (0, 0.0) if summed is None else (int(summed[1]), float(summed[2]))
    return Played(well=ended.returncode == 0, told=told, requests=requests, seconds=seconds)


class Playing:
    """All shards, under way."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._pool = ThreadPoolExecutor(min(_MOST_AT_ONCE, os.cpu_count() or 1))
        self._futures: dict[str, Future[Played]] = {shard.name: self._pool.submit(play, shard) for shard in shards}

    def result(self, shard: Shard) -> Played:
        """Wait for one."""
        return self._futures[shard.name].result()

    def close(self) -> None:
        """Begin no more of them."""
        self._pool.shutdown(cancel_futures=True)
