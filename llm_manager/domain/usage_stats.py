"""What was used of one provider, or of all, and what is left."""

from decimal import Decimal
from typing import Literal, TypeAlias

from attrs import frozen

ResetPeriod: TypeAlias = Literal["day", "daily", "month", "monthly", "run"]
"""The budgets that begin anew: those of a day, of a month, or of the run."""


@frozen(kw_only=True)
class UsageStats:
    """Requests sent, their tokens and their cost since the manager was made, and what may still be asked.

    ``unpriced`` answers have a cost that is not known and not in the total, and ``doubtful`` failures may have been billed too.
    ``rate_limit`` is how many requests a minute are allowed and ``remaining`` how many of them are left, of the quota that has the
    fewest left; ``budget_left_usd`` what the tightest budget has left that every such request fits, ``budget_left_requests`` and
    ``budget_left_tokens`` the same of budgets in those units. None is not known, or not limited.
    """

    provider: str | None = None
    total_requests: int = 0
    total_tokens: int = 0
    total_cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    doubtful: int = 0
    rate_limit: int | None = None
    remaining: int | None = None
    budget_left_usd: Decimal | None = None
    budget_left_requests: int | None = None
    budget_left_tokens: int | None = None
