"""Keep spending under its limits."""

from llm_manager.domain.configuration import Budget
from llm_manager.services.guards import Budgets
from llm_manager.services.world import World


def budgeting(budgets: tuple[Budget, ...], world: World) -> Budgets:
    """The purses of all budgets."""
    return Budgets(gate=None, standing=tuple, reset=lambda _: None)
