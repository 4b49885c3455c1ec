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
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from tests.simulation.history import *; from tests.simulation.scenarios import *; print(History({seed}, mixed({seed}, 300), 300).run().digest)",
        ],
        env={**environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return told.stdout.strip()


def test_one_seed_is_one_history() -> None:
    """Under four hash seeds, in processes of their own, and twice in this one."""
    here = [History(7, SCENARIOS["mixed"](7, 300), 300).run().digest for _ in range(2)]
    assert {_digest(7, hash_seed) for hash_seed in ("0", "1", "777", "random")} == set(here)
