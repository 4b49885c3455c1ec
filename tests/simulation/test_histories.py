"""A history is played without a broken invariant, and is the same whenever it is played."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.simulation.__main__ import main
from tests.simulation.history import History
from tests.simulation.scenarios import SCENARIOS

_DRAWN = ("calm", "mixed", "storm", "limited", "spending", "breaking", "keys", "remembering")


@pytest.mark.parametrize("name", _DRAWN)
def test_a_small_history_keeps_all_invariants(name: str) -> None:
    """Looked at after every single event."""
    report = History(5, SCENARIOS[name](5, 150), 150).run()
    assert report.broken == ()
    assert report.requests >= 150


def _digest(hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7", "--requests", "300", "--look-every", "1"]
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300).stdout
    return next(line.split()[1] for line in told.splitlines() if line.startswith("  trace "))


def test_one_seed_is_one_history() -> None:
    """Under four hash seeds, in processes of their own, and twice in this one."""
    here = [History(7, SCENARIOS["mixed"](7, 300), 300).run().digest for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        there = list(pool.map(_digest, ("0", "1", "777", "random")))
    assert {*there, *here} == {here[0]}


def test_another_seed_is_another_history() -> None:
    assert len({History(seed, SCENARIOS["calm"](seed, 50), 50).run().digest for seed in range(3)}) == 3


def test_a_history_is_replayed_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With the same hash, and status 0 when all is well."""
    digest = History(3, SCENARIOS["storm"](3, 100), 100, look_every=20).run().digest
    assert main(["--seed", "3", "--requests", "100", "--scenario", "storm"]) == 0
    told = capsys.readouterr().out
    assert digest in told
    assert "/s in real time" in told


def test_the_command_line_plays_faults_by_name_and_several_histories(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults", "reset, openai: openai 500", "--requests", "20", "--histories", "2", "--quiet"]) == 0
    assert "2 histories" in capsys.readouterr().out
    assert main(["--each", "pair", "--part", "3/400", "--requests", "5"]) == 0
    with pytest.raises(SystemExit):
        main(["--faults", "no such fault"])
    with pytest.raises(SystemExit):
        main(["--faults", "?"])
    assert "openai: openai 500" in capsys.readouterr().out
