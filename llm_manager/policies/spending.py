"""What calls took, name by name: the running count of one fold, in bounded memory whatever the number of names."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from llm_manager.domain.statistics import OTHERS, Spending

LONGEST_NAME: Final = 200
"""Names are cut after so many characters, so that a thousand of them stay small."""
MOST_NAMES: Final = 1000
"""How many names are kept apart; when there are more, the least used tenth is summed under ``others``."""


class Purse:
    """`Spending` in the making."""

    __slots__ = ("calls", "cancelled", "cost_usd", "doubtful", "failed", "tokens", "unpriced")

    def __init__(self, start: Spending) -> None:
        self.calls = start.calls
        self.failed = start.failed
        self.cancelled = start.cancelled
        self.tokens = start.tokens
        self.cost_usd = start.cost_usd
        self.unpriced = start.unpriced
        self.doubtful = start.doubtful

    def closed(self) -> Spending:
        """What was spent up to now."""
        return Spending(
            calls=self.calls,
            failed=self.failed,
            cancelled=self.cancelled,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            unpriced=self.unpriced,
            doubtful=self.doubtful,
        )


class Purses:
    """Spending by name in the making; it lives inside one fold and is never shared."""

    __slots__ = ("_added", "_open", "_start")

    def __init__(self, start: Mapping[str, Spending]) -> None:
        self._start = start
        self._open: dict[str, Purse] = {}
        self._added = 0

    def of(self, name: str) -> Purse:
        """The purse of a name."""
        name = name[:LONGEST_NAME]
        purse = self._open.get(name)
        if purse is None:
            seen = self._start.get(name)
            if seen is None and name != OTHERS and len(self._start) + self._added >= MOST_NAMES:
                self._start, self._open, self._added = most_used(self.closed()), {}, 0
            self._added += seen is None
            purse = self._open[name] = Purse(self._start.get(name) or Spending())
        return purse

    def closed(self) -> Mapping[str, Spending]:
        """What was spent up to now, by name."""
        if not self._open:
            return self._start
        return {**self._start, **{name: purse.closed() for name, purse in self._open.items()}}


def most_used(spent: Mapping[str, Spending]) -> Mapping[str, Spending]:
    """Make room: the least used tenth is summed under ``others``."""
    by_use = sorted((name for name in spent if name != OTHERS), key=lambda name: spent[name].calls)
    dropped = by_use[: max(1, len(by_use) // 10)]
    gone = [spent[name] for name in (*dropped, OTHERS) if name in spent]
    return {
        **{name: spent[name] for name in by_use[len(dropped) :]},
        OTHERS: Spending(
            calls=sum(each.calls for each in gone),
            failed=sum(each.failed for each in gone),
            cancelled=sum(each.cancelled for each in gone),
            tokens=sum(each.tokens for each in gone),
            cost_usd=sum((each.cost_usd for each in gone), Decimal(0)),
            unpriced=sum(each.unpriced for each in gone),
            doubtful=sum(each.doubtful for each in gone),
        ),
    }
