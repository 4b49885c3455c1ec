"""What one example of a property costs in the test kit: a manager made, one call on virtual time, a request drawn."""

import time
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from llm_manager import LLMRequest, settle
from llm_manager.testing import run_virtual, scripted, scripted_manager, strategies
from tests.benchmarks.measuring import show

EXAMPLES = 300


def measure(rounds: int = 5) -> None:
    """Print examples a second of CPU, the best of several rounds."""
    models = scripted("x").client.profiles
    rates: dict[str, Callable[[], float]] = {
        "a manager made": lambda: _rate(lambda: scripted_manager(scripted("x"))),
        "and asked once, on a loop of its own": lambda: _rate(_example),
        "requests()": lambda: _drawn(strategies.requests()),
        "requests(models=...)": lambda: _drawn(strategies.requests(models=models)),
        "plain_requests(models=...)": lambda: _drawn(strategies.plain_requests(models=models)),
    }
    best = {what: max(rate() for _ in range(rounds)) for what, rate in rates.items()}
    show("examples a second of CPU in the test kit", [(what, f"{rate:.0f}/s", "") for what, rate in best.items()])


def _example() -> None:
    async def ask() -> None:
        (await settle(scripted_manager(scripted("x")).generate(LLMRequest("hi")))).unwrap()

    run_virtual(ask())


def _rate(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(EXAMPLES):
        work()
    return EXAMPLES / (time.process_time() - began)


def _drawn(strategy: SearchStrategy[LLMRequest]) -> float:
    seen = 0

    @settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(strategy)
    def look(_: LLMRequest) -> None:
        nonlocal seen
        seen += 1

    began = time.process_time()
    look()
    return seen / (time.process_time() - began)
