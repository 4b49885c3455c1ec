"""Budgets in settings files and variables: a table by name, or a list."""

from decimal import Decimal
from pathlib import Path

import pytest

from llm_manager.domain.configuration import Budget
from llm_manager.settings import Places, check_config, describe_config, read_config

WHOLE = Budget(
    name="team",
    limit=Decimal("12.50"),
    unit="usd",
    period="month",
    provider="openai",
    model="gpt-5-mini",
    feature="search",
    tenant="acme",
    user="ann",
    each="user",
    alerts=(Decimal("0.5"), Decimal(1)),
    unpriced="allow",
)
FIELDS = """limit: "12.50", unit: USD, period: month, provider: GPT, model: gpt-5-mini, feature: search, tenant: acme, user: ann,
 each: user, alerts: [0.5, 1], unpriced: allow"""


def budgets(tmp_path: Path, text: str, **environ: str) -> tuple[Budget, ...]:
    """The budgets of a file and of variables."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return read_config(path, environ, places=Places()).unwrap().config.budgets


@pytest.mark.parametrize("text", [f"budgets: {{team: {{{FIELDS}}}}}", f"budgets: [{{name: team, {FIELDS}}}]"])
def test_a_table_and_a_list_say_the_same(tmp_path: Path, text: str) -> None:
    """Every field; providers go by any of their names."""
    assert budgets(tmp_path, text) == (WHOLE,)


def test_a_limit_is_all_that_is_needed(tmp_path: Path) -> None:
    """In US dollars, for a run; to the last digit as it is written."""
    assert budgets(tmp_path, "budgets: {a: {limit: 0.1}, b: {limit: 3, unit: tokens}}") == (
        Budget(name="a", limit=Decimal("0.1")),
        Budget(name="b", limit=Decimal(3), unit="tokens"),
    )


def test_variables_set_limits(tmp_path: Path) -> None:
    """One by its own name, any by the general form, over what a file says."""
    text = "budgets: {team: {limit: 1, period: day}}"
    made = budgets(tmp_path, text, LLM_BUDGET_USD="2.5", LLM_MANAGER_BUDGETS__TEAM__LIMIT="9", LLM_MANAGER_BUDGETS__TEAM__ALERTS="0.5, 0.9")
    assert {budget.name: (budget.limit, budget.period) for budget in made} == {"team": (9, "day"), "run": (Decimal("2.5"), "run")}
    assert made[0].alerts == (Decimal("0.5"), Decimal("0.9"))


def test_budgets_are_shown_with_their_origins(tmp_path: Path) -> None:
    """Like any other setting."""
    path = tmp_path / "c.yaml"
    path.write_text("budgets: [{name: team, limit: 5, each: user}]")
    loaded = read_config(path, {"LLM_BUDGET_USD": "1"}, places=Places()).unwrap()
    shown = {row.key: (row.value, row.origin) for row in describe_config(loaded)}
    assert set(loaded.origins) <= set(shown)
    assert shown["budgets.team.limit"] == ("5", str(path))
    assert shown["budgets.team.alerts"] == ("0.8, 1", "default")
    assert shown["budgets.run.limit"] == ("1", "LLM_BUDGET_USD")
    assert "budgets.team.user" not in shown


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("{a: {limit: -1}}", "budgets.a.limit", "negative"),
        ("{a: {limit: much}}", "budgets.a.limit", "a number from 0"),
        ("{a: {limit: true}}", "budgets.a.limit", "a number from 0"),
        ("{a: {limit: .nan}}", "budgets.a.limit", "a number from 0"),
        ("{a: {limit: 1e99}}", "budgets.a.limit", "a number from 0"),
        ("{a: {limit: [1]}}", "budgets.a.limit", "a number from 0"),
        ("{a: {period: day}}", "budgets.a.limit", "lacks its limit"),
        ("{a: {limit: 1, period: week}}", "budgets.a.period", "none of run, day, month"),
        ("{a: {limit: 1, unit: euro}}", "budgets.a.unit", "none of usd, tokens, requests"),
        ("{a: {limit: 1, each: person}}", "budgets.a.each", "none of provider"),
        ("{a: {limit: 1, provider: opnai}}", "budgets.a.provider", "names no provider"),
        ("{a: {limit: 1, alerts: [80]}}", "budgets.a.alerts", "shares above 0 and up to 1"),
        ("{a: {limit: 1, alerts: [x]}}", "budgets.a.alerts", "shares above 0 and up to 1"),
        ("{a: {limit: 1, unpriced: maybe}}", "budgets.a.unpriced", "none of refuse, allow"),
        ("{a: {limit: 1, limits: 2}}", "budgets.a.limits", "not a known setting"),
        ("[{name: a, limit: 1}, {name: a, limit: 2}]", "budgets.2.name", "same name"),
        ("[{name: a, limit: 1}, {name: a, limit: 1}]", "budgets.2.name", "same name"),
        ("{a: {limit: 1}, b: {limit: 1, name: a}}", "budgets.b.limit", "same name"),
        ("[5]", "budgets.1", "a table of budgets"),
        ("{a: 5}", "budgets.a", "a table of budgets"),
        ("5", "budgets", "a table of budgets"),
    ],
)
def test_what_is_wrong_is_a_fault_with_its_key_and_its_mending(tmp_path: Path, text: str, key: str, says: str) -> None:
    """One fault, at its place."""
    path = tmp_path / "c.yaml"
    path.write_text(f"budgets: {text}")
    (fault,) = check_config(path, {}, places=Places())
    assert fault.key == key
    assert says in fault.problem


def test_a_variable_that_is_no_number_is_a_fault() -> None:
    """Named as it stands."""
    (fault,) = check_config(None, {"LLM_BUDGET_USD": "five"}, places=Places())
    assert (fault.source, fault.key) == ("environment", "LLM_BUDGET_USD")
