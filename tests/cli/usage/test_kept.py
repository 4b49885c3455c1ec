"""What one command spends the next one knows: budgets over commands, and entries of a program that never closes its manager."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from returns.result import Success

from llm_manager.domain.usage_log import UsageQuery
from llm_manager.real_world import real_world
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.usage.reading import report_of
from tests.cli.program import run, run_apart
from tests.cli.test_budgets import echo, priced
from tests.loopback import fault_server

UNCLOSED = """\
import asyncio, sys
from llm_manager import LLMConfig, LLMRequest, default_deps, settle
from llm_manager.domain.configuration import StoreSettings
from llm_manager.testing import scripted, scripted_manager

store = default_deps(LLMConfig(store=StoreSettings(url=sys.argv[1]))).unwrap().store


async def main():
    manager = scripted_manager(scripted("x"), store=store)
    for number in range(50):
        await settle(manager.generate(LLMRequest(f"question {number}")))


asyncio.run(main())
"""


def test_a_budget_of_a_day_holds_over_commands(tmp_path: Path) -> None:
    """The fourth question is refused by the command line before it is sent, and the budgets show why."""
    day = _today()
    codes, requests, refused, shown = _four_questions(tmp_path / "one")
    if _today() != day:  # midnight came in between
        codes, requests, refused, shown = _four_questions(tmp_path / "another")
    assert codes == [0, 0, 0, 3], refused
    assert requests == 3
    assert "0.006 USD are spent" in refused
    (purse,) = shown["budgets"][0]["purses"]
    assert (purse["spent"], purse["left"]) == ("0.006", "0.009")
    assert "who keep their usage in this store" in shown["note"]


def _four_questions(home: Path) -> tuple[list[int], int, str, Any]:
    """Exit codes, how many requests were sent, what the last one was told, and the budgets."""
    home.mkdir()
    with fault_server(echo) as server:
        config = priced(server.url, home, '[[budgets]]\nname = "daily"\nlimit = 0.015\nperiod = "day"\n')
        words = ("--no-stream", "--max-tokens", "10", "--config", config)
        asked = [run_apart("generate", f"question {number}", *words, home=home) for number in range(4)]
    shown = json.loads(run("budgets", "--json", "--config", config, home=home).stdout)
    return [each.returncode for each in asked], len(server.requests), asked[-1].stderr, shown


def _today() -> int:
    return int(real_world({}).wall() // 86_400)


def test_a_program_that_never_closes_its_manager_loses_nothing(tmp_path: Path) -> None:
    """What waits is written when it ends."""
    place = f"sqlite:///{tmp_path / 'store.db'}"
    subprocess.run([sys.executable, "-c", UNCLOSED, place], check=True, timeout=60, cwd=Path(__file__).parents[3])
    database = open_database(place).unwrap()
    try:
        kept = database.read_now(lambda connection: Success(report_of(connection, UsageQuery())))
        assert kept.unwrap().total.requests == 50
    finally:
        database.close_now()
