"""Budgets of a day or a month begin where others left off: what the usage log says is spent, before the first request and now and then."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import inf
from typing import Final

from returns.result import Failure, Success

from llm_manager.cells import Cell, PerLoop
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.budget import recalled
from llm_manager.policies.budget_book import Book, Decisions
from llm_manager.policies.budget_past import amounts_of, lasting
from llm_manager.policies.budget_rules import Key, Rule, parts
from llm_manager.services.usage_log import UsageLog

EVERY_SECONDS: Final = 60.0
"""How often it is asked what other processes have spent, while there are requests."""


class Recalling:
    """Reads the usage log for a book. ``due_at`` is when to read it next, in seconds since 1970: at once, until it was read for the
    first time. Requests wait for the first reading, and one of them for each that comes later."""

    __slots__ = ("_before", "_cell", "_logs", "_read", "_rules", "_tell", "_turns", "_wall", "due_at")

    def __init__(self, rules: Sequence[Rule], cell: Cell[Book], wall: Callable[[], float], tell: Callable[[Decisions], None]) -> None:
        self._rules = rules
        self._cell = cell
        self._wall = wall
        self._tell = tell
        self._logs: tuple[UsageLog, ...] = ()
        self._before: dict[Key, tuple[int, int]] = {}
        self._read = False
        self._turns: PerLoop[asyncio.Lock] = PerLoop(asyncio.Lock)
        self.due_at = inf

    def remember(self, log: UsageLog) -> None:
        """Ask this log from now on; what it writes, and what others that were told of do, is counted by the book itself."""
        if lasting(self._rules, 0.0):
            self._logs = (*self._logs, log)
            self.due_at = -inf

    def begin_at(self, name: str, spent: Decimal, unknown: Decimal) -> None:
        """Count what was spent of a budget before this process began, which no log tells; before its first request."""
        for index, rule in enumerate(self._rules):
            if rule.name == name:
                self._before[index, ""] = parts(spent, rule.unit), parts(unknown, rule.unit)
        self._tell(self._cell.decide(lambda book: recalled(book, self._before, self._wall())))

    async def recall(self) -> Settled[None, LLMError]:
        """Read what others have spent. When it cannot be read for the first time nobody knows what is left; later what is known stands."""
        if not self._logs:
            return Success(None)
        waited_for = not self._read
        if not waited_for:
            self.due_at = self._wall() + EVERY_SECONDS
        async with self._turns.get():
            if waited_for and self._read:
                return Success(None)
            wall = self._wall()
            asked = lasting(self._rules, wall)
            own = [number for log in self._logs if (number := log.writer()) is not None]
            told = await self._logs[-1].spent([(budget, since) for _, budget, since in asked], own)
            if isinstance(told, Failure):
                return told if waited_for else Success(None)
            others = amounts_of(self._rules, [place for place, _, _ in asked], told.unwrap())
            self._tell(self._cell.decide(lambda book: recalled(book, {**others, **self._before}, wall)))
            self._read = True
            self.due_at = self._wall() + EVERY_SECONDS
        return Success(None)
