"""Every truncation and every bit flip in the last 64 KB of a store's journal: ``python -m tests.benchmarks.tearing``."""

import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.tearing import harms, violation, written


def main(every: int = 1) -> None:
    """Do all of them, in memory, and tell how many did any harm to what was committed before."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="llmm-", dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        store = written(folder, 60)
        began, done, violations = time.monotonic(), 0, 0
        with suppress(KeyboardInterrupt):  # what was done until then is told
            for harm in harms(store, every=every):
                found = violation(store, harm, folder)
                done += 1
                if found is not None:
                    violations += 1
                    print(found)
        print(f"{done} harms, {violations} violations, {time.monotonic() - began:.0f} s")
        sys.exit(violations > 0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
