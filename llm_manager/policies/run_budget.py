"""Whether a run may ask one more row: what is spent, what is set aside for rows under way, and the most that this one may cost."""

from decimal import Decimal
from typing import Final, Literal

from llm_manager.domain.errors import BudgetExceeded
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.runs import RunCounts
from llm_manager.domain.usage import Priced
from llm_manager.policies.budget_words import plain
from llm_manager.policies.pricing import dearest, is_free
from llm_manager.policies.tokens import estimate_request_tokens

OF_THE_RUN: Final = "of the run"
"""The name of the budget that a run brings along."""
_FRAME: Final = 64
"""Tokens that a provider may put around what it is sent."""


def worst_of(request: LLMRequest, profile: ModelProfile | None) -> Decimal | None:
    """The most that one call of a request may cost; None where nobody can say."""
    if profile is None or ((request.has_images or request.has_documents) and not is_free(profile.price)):
        return None
    letters = sum(len(text.encode("utf-8", "surrogatepass")) + _FRAME for text in request.texts())
    bound = request.preferences.max_tokens or profile.max_output_tokens or profile.context_window
    cost = dearest(max(letters, estimate_request_tokens(request)), bound, profile.price)
    return cost.usd if isinstance(cost, Priced) else None


def spent_of(counts: RunCounts) -> Decimal:
    """What counts as spent: what answers cost, and what calls without one may have."""
    return counts.cost_usd + counts.doubtful_usd


def may_ask(limit: Decimal, *, spent: Decimal, set_aside: Decimal, worst: Decimal) -> Literal["ask", "wait", "stop"]:
    """Ask while the worst of everything fits; wait while rows under way may turn out cheaper than that.

    >>> may_ask(Decimal(5), spent=Decimal(4), set_aside=Decimal(1), worst=Decimal(1))
    'wait'
    """
    if spent + set_aside + worst <= limit:
        return "ask"
    return "wait" if set_aside and spent + worst <= limit else "stop"


def spent_error(limit: Decimal, *, spent: Decimal, worst: Decimal | None) -> BudgetExceeded:
    """Why the run pauses."""
    left = max(Decimal(0), limit - spent)
    why = (
        "what its model costs is not known, so that nothing bounds what a row takes; describe the model with its price"
        if worst is None
        else f"{plain(spent)} USD are spent and this request may take {plain(worst)} USD; "
        "raise the limit, ask for less (max_tokens), or use a model that costs less"
    )
    message = f"budget {OF_THE_RUN} ({plain(limit)} USD): {why}"
    return BudgetExceeded(budget=OF_THE_RUN, message=message, limit=plain(limit), left=plain(left))
