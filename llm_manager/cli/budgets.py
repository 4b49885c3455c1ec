"""`llm-manager budgets`: what may be spent, and what is."""

from typing import Any

from returns.result import Failure

from llm_manager.cli.exits import OK
from llm_manager.cli.session import Session
from llm_manager.domain.configuration import Budget
from llm_manager.domain.moments import moment
from llm_manager.domain.standing import BudgetStanding
from llm_manager.effects import settle
from llm_manager.policies.budget_words import plain, terms

NOTE = "a budget of a day or a month holds for all who keep their usage in this store; one of a run for one process, from its start"
NOTE_ALONE = "each process counts what it spends itself, from its start: a budget of a day or a month holds for one process at a time"
NOTE_SHARED = (
    "a budget of a day or a month holds at every moment for all who share this Redis; one of a run for one process, from its start"
)
_NONE = "no budgets are set: add some under `budgets` in a settings file, or set LLM_BUDGET_USD"


async def budgets(session: Session) -> int:
    """Show every budget with its terms and how it stands: with what others spent, where the usage is kept."""
    recalled = await settle(session.manager.recall_budgets())
    if isinstance(recalled, Failure):
        return session.output.failure(recalled.failure())
    stands = session.manager.standing()
    standing, note = stands.budgets, NOTE_ALONE if session.store is None else NOTE
    if stands.sharing is not None:
        note = NOTE_SHARED
    if session.output.json:
        session.output.document({"budgets": [_document(each, standing) for each in session.config.budgets], "note": note})
        return OK
    if not session.config.budgets:
        session.output.note(_NONE)
        return OK
    rows = [row for each in session.config.budgets for row in _rows(each, standing)]
    session.output.table(("budget", "terms", "spent", "reserved", "left", "begins anew"), rows)
    session.output.note(f"note: {note}")
    return OK


def _rows(budget: Budget, standing: tuple[BudgetStanding, ...]) -> list[tuple[str, ...]]:
    purses = [each for each in standing if each.budget == budget.name]
    if not purses:
        return [(budget.name, terms(budget), "0", "0", plain(budget.limit), "")]
    return [
        (
            f"{budget.name} of {each.of}" if each.of else budget.name,
            terms(budget),
            plain(each.spent),
            plain(each.reserved),
            plain(each.left),
            "" if each.resets_at is None else moment(each.resets_at),
        )
        for each in purses
    ]


def _document(budget: Budget, standing: tuple[BudgetStanding, ...]) -> dict[str, Any]:
    names = ("provider", "model", "feature", "user", "tenant", "each")
    return {
        "name": budget.name,
        "limit": plain(budget.limit),
        "unit": budget.unit,
        "period": budget.period,
        **{name: value for name in names if (value := getattr(budget, name)) is not None},
        "unpriced": budget.unpriced,
        "purses": [
            {
                "of": each.of,
                "spent": plain(each.spent),
                "reserved": plain(each.reserved),
                "unknown": plain(each.unknown),
                "left": plain(each.left),
                "resets_at": each.resets_at,
            }
            for each in standing
            if each.budget == budget.name
        ],
    }
