"""A model that nobody at hand has: whose it is and how to set that provider up, or what was probably meant.

Reads the catalogue of all providers, so it is asked only when there is an error to tell.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.plans import Snapshot
from llm_manager.policies.names import LOCALITY, canonical_provider, nearest, provider_of_model

Catalogue: TypeAlias = Callable[[], tuple[tuple[str, str], ...]]
"""Every provider and model known by data, at hand or not."""

_NUMBERS: Final = re.compile(r"\d+")
_FEW_LETTERS: Final = 2
_MOST_NAMES: Final = 8
_NOT_CONFIGURED: Final = "not configured"


def absent_model(model: str, snapshot: Snapshot, catalogue: Catalogue) -> ConfigurationError:
    """Say whose model it is and what that provider lacks; of a name that is nobody's, what it was probably meant for."""
    own = {candidate.profile.provider for candidate in snapshot.candidates}
    names = {*(candidate.profile.name for candidate in snapshot.candidates), *snapshot.known_names} - {model}
    if alike := tuple(name for name in nearest(model, sorted(names)) if is_alike(name, model)):
        return unknown_model(model, alike)
    elsewhere = {name: provider for provider, name in catalogue() if provider not in own}
    if model not in elsewhere and (alike := tuple(name for name in nearest(model, elsewhere) if is_alike(name, model))):
        owners = dict.fromkeys(elsewhere[name] for name in alike)
        lacking = "; ".join(f"{owner}: {_lack(owner, snapshot)}" for owner in owners)
        return ConfigurationError(message=f"no provider is known to have a model called {model!r}; did you mean {_or(alike)} ({lacking})?")
    owner = owner_of(model) or elsewhere.get(model)
    if owner is not None and owner not in own:
        return ConfigurationError(message=f"{model} is a model of {owner}: {_lack(owner, snapshot)}")
    return unknown_model(model, nearest(model, (*sorted(names), *elsewhere)) or tuple(sorted(names))[:_MOST_NAMES])


def owner_of(model: str) -> str | None:
    """Whose model it is by its name alone, the provider that stands before it included.

    >>> owner_of("openai/gpt-4o"), owner_of("claude-opus-5"), owner_of("my-tune")
    ('openai', 'anthropic', None)
    """
    vendor, slash, _ = model.partition("/")
    return (canonical_provider(vendor) if slash else None) or provider_of_model(model)


def wrongly_joined(model: str) -> ConfigurationError | None:
    """Say how a provider is joined to its model, to whom has written a colon; only clouds, since Ollama's own names have one.

    >>> wrongly_joined("openai:gpt-4o").message
    "no model is called 'openai:gpt-4o'; did you mean openai/gpt-4o?"
    """
    vendor, _, rest = model.partition(":")
    owner = canonical_provider(vendor) if rest else None
    if owner is None or LOCALITY[owner] != "cloud":
        return None
    return ConfigurationError(message=f"no model is called {model!r}; did you mean {owner}/{rest}?")


def is_alike(one: str, other: str) -> bool:
    """Say whether two names have the same numbers, and the same letters but for one that is missing, added or another."""
    letters, others = Counter(one), Counter(other)
    return _NUMBERS.findall(one) == _NUMBERS.findall(other) and ((letters - others) + (others - letters)).total() <= _FEW_LETTERS


def unknown_model(model: str, meant: Iterable[str]) -> ConfigurationError:
    """Say that nobody at hand is known to have such a model, and what was probably meant."""
    likely = ", ".join(meant)
    return ConfigurationError(
        message=f"no configured provider is known to have a model called {model!r}"
        + (f"; did you mean {likely}?" if likely else "")
        + " If it is new, name its provider too."
    )


def _lack(owner: str, snapshot: Snapshot) -> str:
    reason = next((gone.reason for gone in snapshot.unavailable if gone.provider == owner), _NOT_CONFIGURED)
    return reason.removeprefix(f"{_NOT_CONFIGURED}: ")


def _or(names: Iterable[str]) -> str:
    return " or ".join(names)
