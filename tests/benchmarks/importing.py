"""What importing costs: CPU, memory and modules of a fresh interpreter, over a bare one."""

import json
import statistics
import subprocess
import sys

from tests.benchmarks.measuring import show

PROBE = """
import resource, sys, json
{code}
usage = resource.getrusage(resource.RUSAGE_SELF)
try:
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
except OSError:
    peak = usage.ru_maxrss
heavy = "httpx2 anthropic pydantic sqlalchemy rich xllamacpp msgspec yaml anyio".split()
heavy = [name for name in heavy if name in sys.modules]
print(json.dumps([usage.ru_utime + usage.ru_stime, peak / 1024, len(sys.modules), heavy]))
"""
CODES = {
    "bare interpreter": "",
    "import llm_manager": "import llm_manager",
    "and LLMRequest, Failure, ModelUnavailable": "from llm_manager import LLMRequest, Failure, ModelUnavailable",
    "every public name": "import llm_manager\nfor name in llm_manager.__all__: getattr(llm_manager, name)",
}


def measure(rounds: int = 15) -> None:
    """Print CPU milliseconds and MiB over the bare interpreter."""
    seen: dict[str, list[tuple[float, float, int, list[str]]]] = {name: [] for name in CODES}
    for _ in range(rounds):
        for name, code in CODES.items():
            said = subprocess.run([sys.executable, "-c", PROBE.format(code=code)], capture_output=True, text=True, check=True)
            seen[name].append(json.loads(said.stdout))
    cpu = {name: statistics.median(run[0] for run in runs) * 1000 for name, runs in seen.items()}
    memory = {name: statistics.median(run[1] for run in runs) for name, runs in seen.items()}
    bare = "bare interpreter"
    rows = [(bare, f"{cpu[bare]:.0f} ms", f"{memory[bare]:.1f} MiB")]
    for name in list(CODES)[1:]:
        heavy = ", ".join(seen[name][0][3]) or "none"
        rows.append((name, f"+{cpu[name] - cpu[bare]:.0f} ms", f"+{memory[name] - memory[bare]:.1f} MiB, heavy modules: {heavy}"))
    show("import (CPU, memory; over a bare interpreter)", rows)


if __name__ == "__main__":
    measure()
