"""What was given in place of what is made here, told by name."""

from llm_manager.domain.errors import ConfigurationError
from llm_manager.policies.value_faults import kind
from llm_manager.services.guards import Guards
from llm_manager.services.manager import ManagerDeps


def no_deps(deps: object) -> ConfigurationError | None:
    """What is wrong with what was given as the parts of a manager; None when it is them."""
    if isinstance(deps, ManagerDeps):
        return None
    return ConfigurationError(message=f"deps is of type {kind(deps)}; give what default_deps(config) makes, unwrapped")


def no_guards(guards: object) -> ConfigurationError | None:
    """What is wrong with what was given as guards; None when it is some, or nothing."""
    if guards is None or isinstance(guards, Guards):
        return None
    return ConfigurationError(message=f"guards is of type {kind(guards)}; give what make_guards(config) makes, or None")
