"""Every benchmark, or those named, as in ``python -m tests.benchmarks.run deciding gemini``: the names are in the two tables here.

Run by hand on a quiet machine; what is printed are medians of interleaved rounds and ratios against a baseline of the
same run. Nothing here is a test: machines are noisy. The upstream needs a C compiler. `soaking` lasts as long as it is told
to, so it is run by itself.
"""

import asyncio
import platform
import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from tests.benchmarks import (
    batching,
    calling,
    cancelling,
    claude,
    cohere,
    concurrent,
    deciding,
    dialect,
    examples,
    failover,
    gemini,
    guarding,
    importing,
    ollama,
    remembering,
    storm,
    streaming,
)
from tests.benchmarks.upstream import Upstream

ALONE: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = {
    "deciding": deciding.measure,
    "guarding": guarding.measure,
    "remembering": remembering.measure,
    "claude": claude.measure,
    "gemini": partial(dialect.measure, gemini.GEMINI),
    "cohere": partial(dialect.measure, cohere.COHERE),
    "ollama": partial(dialect.measure, ollama.OLLAMA),
}
AGAINST_THE_UPSTREAM: Mapping[str, Callable[[Upstream], Coroutine[Any, Any, None]]] = {
    "calling": calling.measure,
    "streaming": streaming.measure,
    "failover": failover.measure,
    "cancelling": cancelling.measure,
    "concurrent": concurrent.measure,
    "storm": storm.measure,
}


def main(names: list[str]) -> None:
    """Run them in order."""
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    known = {"importing", "examples", "batching", *ALONE, *AGAINST_THE_UPSTREAM}
    if not known.issuperset(names):
        raise SystemExit(f"there is no benchmark {', '.join(sorted(set(names) - known))}; there are {', '.join(sorted(known))}")
    wanted = known.intersection(names) or known
    if "importing" in wanted:
        importing.measure()
    if "examples" in wanted:
        examples.measure()
    for name, measure in ALONE.items():
        if name in wanted:
            asyncio.run(measure())
    if wanted.isdisjoint({"batching", *AGAINST_THE_UPSTREAM}):
        return
    with Upstream() as server:
        for name, measured in AGAINST_THE_UPSTREAM.items():
            if name in wanted:
                asyncio.run(measured(server))
        if "batching" in wanted:
            batching.measure(server)


if __name__ == "__main__":
    main(sys.argv[1:])
