"""How much a model is asked to reason, in the efforts that it takes."""

from typing import Any, Final

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.fitting import UnfitError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import Reasoning

_EFFORTS: Final[dict[Reasoning, str]] = {"off": "none", "low": "low", "medium": "medium", "high": "high"}
_STRENGTH: Final = {"none": 0, "minimal": 1, "low": 2, "default": 3, "medium": 3, "high": 4}


def effort_of(wanted: Reasoning | None, profile: ModelProfile, facts: ProviderFacts, notices: list[str], *, strict: bool) -> str | None:
    """The effort to send, or None for none; the nearest one stands in for what the model does not take, which is told.

    Where parameters are strict nothing stands in: what the model does not take is refused.
    """
    if wanted is None or (wanted == "off" and (not profile.reasoning or facts.unreasoned)):
        return None
    if not profile.reasoning:
        if strict:
            raise UnfitError(f"{profile.name} is not known to reason, and strict_parameters is set")
        notices.append(f"{profile.name} is not known to reason: reasoning was left out")
        return None
    asked = _EFFORTS[wanted]
    taken = next((efforts for start, efforts in facts.efforts if profile.name.startswith(start)), ())
    if asked in taken:
        return asked
    if strict or not taken:
        raise UnfitError(f"{profile.name} takes no reasoning effort {asked}")
    nearest = min(taken, key=lambda effort: (abs(_STRENGTH[effort] - _STRENGTH[asked]), _STRENGTH[effort]))
    notices.append(f"{profile.name} takes no reasoning effort {asked}: {nearest} was asked for")
    return nearest


def unreasoned(wanted: Reasoning | None, facts: ProviderFacts) -> dict[str, Any]:
    """What is sent beside all else so that a model does not reason, where no effort says it."""
    return dict(facts.unreasoned) if wanted == "off" else {}
