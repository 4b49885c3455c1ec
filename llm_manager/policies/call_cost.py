"""What one call may cost with everything it sends: spent so far, and the worst case of what comes next."""

from decimal import Decimal

from llm_manager.domain.attempts import AnyAttempt, Attempt, Ledger
from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.errors import AttemptRecord, Attempts, BudgetExceeded
from llm_manager.domain.usage import Cost, Priced, Unpriced
from llm_manager.policies.pricing import worst_case
from llm_manager.policies.sizes import size_of

NAME = "max_cost_usd"
"""The budget that a request brings along."""


def most_of(attempt: AnyAttempt) -> Cost:
    """The most that an attempt can cost."""
    return worst_case(size_of(attempt), attempt.model)


def spent_of(ledger: Ledger) -> Decimal:
    """What the attempts so far have cost, or may have."""
    spent = Decimal(0)
    for record in ledger.attempts:
        if isinstance(record.cost, Priced):
            spent += record.cost.usd
        elif record.cost is not None and record.most_usd is not None:
            spent += record.most_usd
    return spent


def left_of(ledger: Ledger) -> Decimal | None:
    """What the next attempt may cost; None when there is no limit."""
    return None if ledger.max_cost_usd is None else max(Decimal(0), ledger.max_cost_usd - spent_of(ledger))


def uncovered(attempt: Attempt) -> BudgetExceeded | None:
    """Why an attempt is not covered by what is left of ``max_cost_usd``; None when it is, or when there is no limit."""
    left, limit = attempt.left_usd, attempt.request.max_cost_usd
    if left is None or limit is None:
        return None
    most = most_of(attempt)
    if isinstance(most, Priced) and most.usd <= left:
        return None
    why = f"asking {attempt.model.name} may cost {_plain(most.usd)} USD" if isinstance(most, Priced) else most.reason
    return BudgetExceeded(budget=NAME, message=why, limit=_plain(limit), left=_plain(left))


def _plain(usd: Decimal) -> str:
    return f"{usd.normalize():f}"


def maybe_billed(attempts: Attempts) -> int:
    """Say how many attempts that gave no answer the provider may have billed all the same."""
    return sum(1 for each in attempts if each.sent and each.most_usd != 0 and _is_doubtful(each))


def _is_doubtful(record: AttemptRecord) -> bool:
    if record.error is None:
        return record.left and isinstance(record.cost, Unpriced)
    return charge_of(record.error) != "none"
