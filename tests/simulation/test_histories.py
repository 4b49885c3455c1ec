"""A history is played without a broken invariant, and is the same whenever it is played."""

import os
import subprocess
import sys

import pytest

from tests.simulation.history import History
from tests.simulation.scenarios import SCENARIOS


@pytest.mark.parametrize("name", ["calm", "storm"])
def test_a_small_history_of_every_kind_keeps_all_invariants(name: str) -> None:
    report = History(1, SCENARIOS[name](1, 200), 200).run()
    assert report.broken == ()
    assert report.requests >= 200


def _digest(seed: int, hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--requests", "300", "--look-every", "1"]
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120).stdout
    return next(line.split()[1] for line in told.splitlines() if line.startswith("  trace "))


def test_one_seed_is_one_history() -> None:
    """Under four hash seeds, in processes of their own, and twice in this one."""
    here = [History(7, SCENARIOS["mixed"](7, 300), 300).run().digest for _ in range(2)]
    assert {_digest(7, hash_seed) for hash_seed in ("0", "1", "777", "random")} == set(here)
