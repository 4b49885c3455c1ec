"""The last gate before a request of a run leaves: it counts who is under way, and once it is shut nobody goes any more."""

import asyncio

from attrs import evolve
from returns.result import Success

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.services.gates import Emit, End, Gate, Pass, enter
from llm_manager.services.guards import Guards


class Door:
    """Open until it is shut. ``under_way`` have left and not ended; ``cut`` are those that were left by us after it was shut."""

    def __init__(self) -> None:
        self.under_way = 0
        self.cut = 0
        self._shut = False

    def shut(self) -> None:
        """Let nobody through from now on: who comes waits until it is cancelled."""
        self._shut = True

    def open(self) -> None:
        """Let them through again, once all who waited before it are gone."""
        self._shut = False

    def guarding(self, guards: Guards) -> Guards:
        """The guards with this behind them all."""
        return evolve(guards, resends=evolve(guards.resends, gate=self._behind(guards.resends.gate)))

    def _behind(self, last: Gate) -> Gate:
        async def gate(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
            if self._shut:
                await asyncio.Event().wait()
            entered = await enter(last, attempt, emit)
            if not isinstance(entered, Success):
                return entered
            passed = entered.unwrap()
            self.under_way += 1

            def ended(how: End) -> None:
                self.under_way -= 1
                self.cut += self._shut and how is None
                passed.ended(how)

            return Success(Pass(ended=ended, opened=passed.opened))

        return gate
