"""Whether a run is agreed to before it spends: not for little money, and not when a budget of its own bounds it."""

from decimal import Decimal
from typing import Final, TypeGuard

from llm_manager.domain.usage import Cost, Priced
from llm_manager.policies.estimating import Estimate

_CENTS: Final = Decimal("0.01")


def doubt(found: Estimate, *, above_usd: Decimal, budget_usd: Decimal | None = None) -> str | None:
    """Why somebody should agree first, in words; None when nobody need be asked. A cost that nobody knows is no doubt: it is told."""
    if budget_usd is not None or not found.requests:
        return None
    if _above(found.expected, above_usd):
        return f"this will cost about {_usd(found.expected)}"
    if _above(found.most, above_usd):
        return f"this may cost up to {_usd(found.most)}"
    return None


def unknown_cost(found: Estimate) -> str | None:
    """What of the cost nobody knows, and why; None when all is known."""
    if not found.requests:
        return None
    if not isinstance(found.expected, Priced):
        return f"what it costs is not known ({found.expected.reason})"
    if not isinstance(found.most, Priced):
        return f"the most it can cost is not known ({found.most.reason})"
    return None


def _above(cost: Cost, limit: Decimal) -> TypeGuard[Priced]:
    return isinstance(cost, Priced) and cost.usd > limit


def _usd(cost: Priced) -> str:
    told = cost.usd.quantize(_CENTS) if cost.usd >= _CENTS else cost.usd.normalize()
    return f"{told:f} USD"
