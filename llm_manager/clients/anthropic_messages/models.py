"""Describing Claude's models: what the data says of a name, as the version of the API in use takes it."""

from attrs import evolve

from llm_manager.clients.data.anthropic import NO_SAMPLING_SINCE, manner_of
from llm_manager.clients.profiles import Describe
from llm_manager.domain.models import ModelProfile

_NEVER_TAKEN = ("seed",)
_SAMPLING = ("temperature", "top_p")


def refused(model: str, version: str) -> tuple[str, ...]:
    """The preferences that a model does not take, asked in this version of the API.

    >>> refused("claude-haiku-4-5", "2023-06-01"), refused("claude-haiku-4-5", "2026-10-21")
    (('seed',), ('temperature', 'top_p', 'seed'))
    """
    match manner_of(model).sampling:
        case "always":
            return _NEVER_TAKEN
        case "older_versions" if version < NO_SAMPLING_SINCE:
            return _NEVER_TAKEN
        case _:
            return (*_SAMPLING, *_NEVER_TAKEN)


def describing_for(version: str, describe: Describe) -> Describe:
    """Describe any model as this version of the API takes it; a model that nobody described is taken for what its name says."""

    def described(name: str) -> ModelProfile:
        return fitted(describe(name), version)

    return described


def fitted(profile: ModelProfile, version: str) -> ModelProfile:
    """A description with what model and version refuse, and with what every Claude of its generation can."""
    manner, name = manner_of(profile.name), profile.name
    claude = name.startswith("claude-")
    return evolve(
        profile,
        unsupported=tuple(dict.fromkeys((*profile.unsupported, *refused(name, version)))),
        json_schema=profile.json_schema and manner.json_schema,
        reasoning=profile.reasoning or manner.thinking != "none",
        family="claude" if claude and profile.locality == "cloud" else profile.family,
    )
