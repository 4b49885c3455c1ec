"""The money of one run: set aside before a row is asked, given back when its outcome is durable."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from llm_manager.domain.errors import LLMError
from llm_manager.domain.runs import RunCounts
from llm_manager.policies.run_budget import may_ask, spent_error, spent_of

_NOTHING = Decimal(0)


class Purse:
    """Holds what a run may spend, what earlier processes spent of it included; ``counts`` is what is durable."""

    def __init__(self, limit: Decimal, counts: Callable[[], RunCounts]) -> None:
        self._limit = limit
        self._counts = counts
        self._aside: dict[int, Decimal] = {}
        self._news = asyncio.Event()

    async def take(self, number: int, worst: Decimal | None) -> LLMError | None:
        """Set the worst of a row aside, once others have ended if need be; gives why it may not be asked."""
        while True:
            spent = spent_of(self._counts())
            if worst is None:
                return spent_error(self._limit, spent=spent, worst=None)
            set_aside = sum(self._aside.values(), _NOTHING)
            answer = may_ask(self._limit, spent=spent, set_aside=set_aside, worst=worst)
            if answer == "ask":
                self._aside[number] = worst
                return None
            if answer == "stop":
                return spent_error(self._limit, spent=spent, worst=worst)
            self._news.clear()
            await self._news.wait()

    def give_back(self, number: int) -> None:
        """What a row took is counted; the rest is free again."""
        if self._aside.pop(number, None) is not None:
            self._news.set()
