"""Packages that are asked for and not installed, told with how to install them."""

from returns.result import Failure

from llm_manager.domain.errors import ConfigurationError, LLMError


def lacking(problem: str, extra: str) -> Failure[LLMError]:
    """Tell what needs the packages of an extra."""
    from llm_manager.distribution import install_hint

    return Failure(ConfigurationError(message=f"{problem}: {install_hint(extra)}"))
