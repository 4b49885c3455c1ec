"""Replay histories: ``python -m tests.simulation --seed N --requests M [--scenario S] [--faults a,b] [--histories K]``.

``--each alone`` plays a history for each kind of fault, ``--each pair`` for each two of them. It prints the rate, virtual
time, outcomes and the hash of the trace; where an invariant does not hold, the seed, the step and the last events as well,
and it ends with status 1.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from tests.simulation.faults import FAULTS, PAIRED
from tests.simulation.history import History, Report
from tests.simulation.scenarios import SCENARIOS, Scenario, faulty


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the histories that were asked for; 1 when an invariant did not hold in one of them."""
    asked = _read(arguments)
    reports = []
    for seed, scenario, how in _histories(asked):
        report = History(seed, scenario, asked.requests, look_every=asked.look_every, show=asked.show).run()
        reports.append(report)
        if report.broken or not asked.quiet:
            tell(report, how)
    if len(reports) > 1:
        _tell_all(reports)
    return 1 if any(report.broken for report in reports) else 0


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Replay simulated histories.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--histories", type=int, default=1, help="how many, each with the next seed")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="mixed")
    parser.add_argument("--faults", default="", help="names of faults, separated by commas, in place of a scenario; ? lists them")
    parser.add_argument("--each", choices=("alone", "pair"), help="a history for each fault, or for each two of them")
    parser.add_argument("--part", default="0/1", help="of --each, only every n-th from the k-th on: k/n")
    parser.add_argument("--look-every", type=int, default=20, help="look into the cells every so many events")
    parser.add_argument("--show", help="print every line of the trace with this in it, such as 'call-7 '")
    parser.add_argument("--quiet", action="store_true", help="tell only the sum of several histories, and what is broken")
    asked = parser.parse_args(arguments)
    if asked.faults == "?":
        print("\n".join(FAULTS))
        parser.exit()
    unknown = [name for name in _names(asked) if name not in FAULTS]
    if unknown:
        parser.error(f"no fault is called {unknown[0]!r}; --faults ? lists them")
    return asked


def _names(asked: argparse.Namespace) -> list[str]:
    return [name.strip() for name in asked.faults.split(",") if name.strip()]


def _histories(asked: argparse.Namespace) -> Iterator[tuple[int, Scenario, str]]:
    """Seed and scenario of each, and how it is asked for alone."""
    if asked.each is not None:
        which, _, parts = asked.part.partition("/")
        every = combinations(PAIRED, 2) if asked.each == "pair" else ((fault,) for fault in FAULTS.values())
        for place, faults in enumerate(every):
            if place % int(parts) == int(which):
                yield asked.seed, faulty(*faults), f'--faults "{", ".join(fault.name for fault in faults)}"'
        return
    names = _names(asked)
    for seed in range(asked.seed, asked.seed + asked.histories):
        if names:
            yield seed, faulty(*(FAULTS[name] for name in names)), f'--faults "{asked.faults}"'
        else:
            yield seed, SCENARIOS[asked.scenario](seed, asked.requests), f"--scenario {asked.scenario}"


def tell(report: Report, how: str) -> None:
    """Print what became of a history."""
    print(f"--seed {report.seed} --requests {report.wanted} {how}: {report.requests} requests, {report.rate:.0f}/s in real time")
    print(f"  {report.virtual_seconds:.0f} virtual seconds, {report.steps} steps, {report.attempts} attempts, {report.resends} re-sends")
    print(f"  {report.hits} from memory, {report.micro_dollars} micro-dollars; " + _counts(report.outcomes))
    print(f"  trace {report.digest}")
    for broken in report.broken:
        print(f"BROKEN seed {report.seed} step {broken.step} at {broken.at:.6f} s: {broken.what}")
        print("\n".join(f"    {line}" for line in broken.last))


def _tell_all(reports: Sequence[Report]) -> None:
    requests, seconds = sum(report.requests for report in reports), sum(report.real_seconds for report in reports)
    outcomes: Counter[str] = Counter()
    for report in reports:
        outcomes.update(report.outcomes)
    broken = sum(1 for report in reports if report.broken)
    print(f"{len(reports)} histories, {requests} requests in {seconds:.1f} s, {requests / seconds:.0f}/s; {broken} broken")
    print(f"  {sum(report.attempts for report in reports)} attempts; " + _counts(dict(sorted(outcomes.items()))))


def _counts(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {how}" for how, count in outcomes.items())


if __name__ == "__main__":
    sys.exit(main())
