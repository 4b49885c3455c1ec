"""What gives way when a model does not take all that is asked of it."""

from attrs import field, frozen

from llm_manager.clients.data.anthropic import Manner, manner_of
from llm_manager.clients.fitting import Defaults, UnfitError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest


@frozen(kw_only=True)
class Fit:
    """A model, its manner, and the notices of what was changed to fit it; under ``strict`` nothing is."""

    profile: ModelProfile
    manner: Manner
    strict: bool
    notices: list[str] = field(repr=False)

    def give_way(self, why: str, instead: str) -> None:
        """Tell that the model does not do as asked, and what was done instead; or refuse the request."""
        if self.strict:
            raise UnfitError(f"{self.profile.name} {why}, and strict_parameters is set")
        self.notices.append(f"{self.profile.name} {why}: {instead}")


def fit_of(request: LLMRequest, profile: ModelProfile, defaults: Defaults, notices: list[str]) -> Fit:
    """How this request is fitted to this model."""
    strict = defaults.strict(request)
    return Fit(profile=profile, manner=manner_of(profile.name), strict=strict, notices=notices)
