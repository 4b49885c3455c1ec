"""Every benchmark, or those named, as in ``python -m tests.benchmarks.run deciding gemini``: the names are in `main`.

Run by hand on a quiet machine; what is printed are medians of interleaved rounds and ratios against a baseline of the
same run. Nothing here is a test: machines are noisy. The upstream needs a C compiler.
"""

import asyncio
import platform
import sys

from tests.benchmarks import batching, calling, claude, cohere, deciding, dialect, gemini, importing, ollama, streaming
from tests.benchmarks.upstream import Upstream


def main(names: list[str]) -> None:
    """Run them in order."""
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    if not names or "importing" in names:
        importing.measure()
    if not names or "deciding" in names:
        asyncio.run(deciding.measure())
    if not names or {"calling", "streaming", "batching"} & set(names):
        with Upstream() as server:
            if not names or "calling" in names:
                asyncio.run(calling.measure(server))
            if not names or "streaming" in names:
                asyncio.run(streaming.measure(server))
            if not names or "batching" in names:
                batching.measure(server)
    if not names or "claude" in names:
        asyncio.run(claude.measure())
    if not names or "gemini" in names:
        asyncio.run(dialect.measure(gemini.GEMINI))
    if not names or "cohere" in names:
        asyncio.run(dialect.measure(cohere.COHERE))
    if not names or "ollama" in names:
        asyncio.run(dialect.measure(ollama.OLLAMA))


if __name__ == "__main__":
    main(sys.argv[1:])
