"""Whose name is given: a provider that there is, by any of its names, or nobody's."""

from collections.abc import Iterable

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.policies.names import PROVIDERS, canonical_provider, nearest


def unknown_provider(name: object, known: Iterable[str] = PROVIDERS) -> ConfigurationError:
    """Say that nobody is called so, and who may be meant."""
    choices = tuple(known)
    likely = nearest(name, choices) if isinstance(name, str) else ()
    return ConfigurationError(message=f"no provider is called {name!r}; did you mean {', '.join(likely or choices)}?")


def provider_meant(name: object, asked: Iterable[str] = ()) -> Result[str, LLMError]:
    """The provider of a name: one of those that are ``asked`` here, else one that is known.

    >>> provider_meant("Claude").unwrap(), provider_meant("mine", ("mine",)).unwrap()
    ('anthropic', 'mine')
    """
    own = tuple(asked)
    if not isinstance(name, str):
        return Failure(unknown_provider(name, own or PROVIDERS))
    meant = name if name in own else canonical_provider(name)
    return Failure(unknown_provider(name, dict.fromkeys((*own, *PROVIDERS)))) if meant is None else Success(meant)
