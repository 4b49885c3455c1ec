"""What earlier processes spent of a run's budget, told to what keeps it in this one: both then say the same is left."""

from llm_manager.domain.runs import RunCounts
from llm_manager.policies.run_budget import OF_THE_RUN, spent_of
from llm_manager.services.guards import Budgets, Guards


class Spending:
    """Hears which budgets a session has, and later what a run has spent of its own."""

    def __init__(self) -> None:
        self._budgets: Budgets | None = None

    def guarding(self, guards: Guards) -> Guards:
        """The guards as they are."""
        self._budgets = guards.budgets
        return guards

    def begin_at(self, counts: RunCounts) -> None:
        """Begin with what is durable."""
        if self._budgets is not None:
            self._budgets.begin_at(OF_THE_RUN, spent_of(counts), counts.doubtful_usd)
