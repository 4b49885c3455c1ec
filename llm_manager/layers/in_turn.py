"""Several gates as one: passed in their order, told of the end in the other one."""

from returns.result import Success

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.services.gates import Emit, Entered, Gate, Pass, WaitingGate, end_all, open_all, pass_all


def in_turn(*gates: Gate) -> WaitingGate:
    """Who passes all of them passes; who is refused by one has passed none."""

    async def gate(attempt: AnyAttempt, emit: Emit) -> Entered:
        passed = await pass_all(gates, attempt, emit)
        if not isinstance(passed, list):
            return passed

        def unsent() -> None:
            for each in reversed(passed):
                each.ended(None) if each.unsent is None else each.unsent()

        return Success(Pass(lambda how: end_all(passed, how), lambda told: open_all(passed, told), unsent))

    return gate
