"""Budgets on the command line: a run that stops when its money is spent and goes on later, one call's limit, and how they stand."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from llm_manager.cli import main
from llm_manager.cli.budgets import budgets
from llm_manager.cli.session import overridden
from llm_manager.domain.configuration import Budget, LLMConfig
from llm_manager.domain.standing import BudgetStanding, Standing
from llm_manager.policies.run_budget import OF_THE_RUN
from tests.cli.program import run, run_apart, settings_for
from tests.loopback import Received, Respond, fault_server, json_reply

PRICED = '[[profiles]]\nname = "tiny"\nprovider = "lmstudio"\ninput_usd = 0\noutput_usd = 1000\n'
"""A dollar for a thousand tokens written."""
DAILY = Budget(name="team", limit=Decimal(5), period="day", each="user")


def echo(received: Received) -> Respond:
    """Say it again, in two tokens."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": str(received.json()["messages"][-1]["content"])},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return json_reply({"id": "c", "object": "chat.completion", "model": "tiny", "choices": [choice], "usage": usage})


def priced(url: str, home: Path, more: str = "") -> str:
    """A settings file in which the model has a price."""
    path = settings_for(url + "/v1", home)
    path.write_text(path.read_text() + PRICED + more)
    return str(path)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Ten rows."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": f"row {n}"}) + "\n" for n in range(10)))
    return path


def test_a_run_stops_when_its_money_is_spent_and_goes_on_with_more(rows: Path, tmp_path: Path) -> None:
    """No row counts as failed for it, and nothing is paid twice."""
    out = tmp_path / "out.jsonl"
    with fault_server(echo) as server:
        asking = ("run", str(rows), "--prompt", "{text}", "-o", str(out), "--max-tokens", "10", "--config", priced(server.url, tmp_path))
        told = run(*asking, "--budget", "0.015", "--concurrency", "4", home=tmp_path)
        assert told.returncode == 3
        assert len(server.requests) == 3
        assert "budget of the run (0.015 USD): 0.006 USD are spent and this request may take 0.01 USD" in told.stderr
        assert "7 rows not asked yet; run the same again to go on" in told.stderr
        assert " failed" not in told.stderr.replace(" 0 failed", "")
        assert "budget of the run: 0.006 of 0.015 USD spent, 0.009 left" in told.stderr
        assert len(out.read_text().splitlines()) == 3
        told = run(*asking, "--max-cost", "1", "--json", home=tmp_path)
        report = json.loads(told.stdout)
        assert (told.returncode, len(server.requests)) == (0, 10)
    assert (report["answered"], report["answered_earlier"], report["failed"], Decimal(report["cost_usd"])) == (7, 3, 0, Decimal("0.014"))
    assert report["budgets"] == [{"budget": "of the run", "of": "", "unit": "usd", "limit": "1", "spent": "0.02", "unknown": "0"}]
    assert [(each["by"], each["name"], each["cost_usd"]) for each in report["expenses"]] == [
        ("provider", "lmstudio", "0.014"),
        ("model", "lmstudio/tiny", "0.014"),
    ]


def test_a_run_that_can_pay_for_no_row_asks_nothing(rows: Path, tmp_path: Path) -> None:
    """One line, the budget's exit code, and what may be done."""
    with fault_server(echo) as server:
        config = priced(server.url, tmp_path)
        told = run("run", str(rows), "--prompt", "{text}", "--max-cost", "0.001", "--max-tokens", "10", "--config", config, home=tmp_path)
        assert server.requests == []
    assert told.returncode == 3
    assert "ask for less (--max-tokens)" in told.stderr


def test_a_budget_of_requests_does_not_advise_what_saves_none(tmp_path: Path) -> None:
    with fault_server(echo) as server:
        config = Path(priced(server.url, tmp_path))
        config.write_text(config.read_text() + '[budgets.few]\nlimit = 1\nunit = "requests"\nperiod = "run"\n')
        rows = tmp_path / "two.jsonl"
        rows.write_text('{"text": "a"}\n{"text": "b"}\n')
        told = run("run", str(rows), "--prompt", "{text}", "--concurrency", "1", "--config", str(config), home=tmp_path)
    assert told.returncode == 3
    assert "raise the limit" in told.stderr
    error = next(line for line in told.stderr.splitlines() if line.startswith("error: "))
    assert "max-tokens" not in error.replace("_", "-")


def test_one_call_may_cost_no_more_than_this(tmp_path: Path) -> None:
    """With everything it sends."""
    with fault_server(echo) as server:
        config = priced(server.url, tmp_path)
        asking = ("generate", "hello", "--max-tokens", "10", "--config", config, "--max-cost")
        assert run(*asking, "0.009", home=tmp_path).returncode == 3
        assert server.requests == []
        assert run(*asking, "0.01", home=tmp_path).stdout == "hello\n"


@pytest.mark.parametrize("amount", ["-1", "nan", "much"])
def test_what_is_no_amount_is_a_mistake(amount: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the words, not of a model."""
    assert main(["generate", "hello", "--max-cost", amount]) == 2
    assert "--max-cost" in capsys.readouterr().err


def test_the_words_come_before_the_settings() -> None:
    """Beside the budgets that are there."""
    config = LLMConfig(budgets=(DAILY,))
    assert overridden(config) == config
    assert overridden(config, budget_usd=Decimal(2)).budgets == (Budget(name=OF_THE_RUN, limit=Decimal(2)), DAILY)


async def test_budgets_are_shown_with_what_is_spent(scene: Any) -> None:
    """Purse by purse, with the terms and when they begin anew."""
    spent = BudgetStanding(
        budget="team",
        of="ann",
        unit="usd",
        limit=Decimal(5),
        spent=Decimal("1.500"),
        reserved=Decimal("0.5"),
        unknown=Decimal(0),
        left=Decimal(3),
        resets_at=1_800_000_000.0,
    )
    config = LLMConfig(budgets=(DAILY, evolve(DAILY, name="other", each="feature")))
    shown = scene(config=config, standing=Standing(budgets=(spent,)))
    assert await budgets(shown.session) == 0
    lines = shown.out.getvalue().splitlines()
    assert lines[1].split("\t")[:6] == ["team of ann", "5 USD a day for each user", "1.5", "0.5", "3", "2027-01-15 08:00 UTC"]
    assert lines[2].split("\t")[:5] == ["other", "5 USD a day for each feature", "0", "0", "5"]
    assert "each process counts" in shown.err.getvalue()
    shown = scene(config=config, standing=Standing(budgets=(spent,)), json=True)
    assert await budgets(shown.session) == 0
    told = json.loads(shown.out.getvalue())
    assert told["budgets"][0]["purses"] == [
        {"of": "ann", "spent": "1.5", "reserved": "0.5", "unknown": "0", "left": "3", "resets_at": 1_800_000_000.0}
    ]
    assert told["budgets"][1] == {
        "name": "other",
        "limit": "5",
        "unit": "usd",
        "period": "day",
        "each": "feature",
        "unpriced": "refuse",
        "purses": [],
    }


def test_without_budgets_it_says_how_to_set_one(tmp_path: Path) -> None:
    """And shows the one that a variable sets."""
    assert "LLM_BUDGET_USD" in run("budgets", home=tmp_path).stderr
    assert "3 USD" in run("budgets", home=tmp_path, environ={"LLM_BUDGET_USD": "3"}).stdout


def test_what_is_shared_is_shown_by_another_process(tmp_path: Path, redis_url: str) -> None:
    """What one asked the other shows at once, without a store; with no server it says which one is missing."""
    shared = f'[store]\nredis_url = "{redis_url}"\n[[budgets]]\nname = "team"\nlimit = 5\nunit = "requests"\nperiod = "month"\n'
    with fault_server(echo) as server:
        config = priced(server.url, tmp_path, shared)
        assert run_apart("generate", "hello", "--max-tokens", "10", "--config", config, home=tmp_path).returncode == 0
        told = run("budgets", "--json", "--config", config, home=tmp_path)
        (team,) = [each for each in json.loads(told.stdout)["budgets"] if each["name"] == "team"]
        assert [purse["spent"] for purse in team["purses"]] == ["1"]
        assert "share this Redis" in json.loads(told.stdout)["note"]
        Path(config).write_text(Path(config).read_text().replace(redis_url, "redis://127.0.0.1:1/0"))
        told = run("budgets", "--config", config, home=tmp_path)
        assert told.returncode != 0 and "redis://127.0.0.1:1/0" in told.stderr and "Traceback" not in told.stderr
        told = run("generate", "another", "--max-tokens", "10", "--config", config, home=tmp_path)
        assert told.returncode != 0 and "Redis" in told.stderr and "Traceback" not in told.stderr
