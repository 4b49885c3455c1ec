"""A manager: from settings, from parts, or from the files and the environment of this process."""

from attrs import evolve
from returns.result import Failure, Result

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.wiring.configuring import load_config, obeying
from llm_manager.wiring.deps import default_deps
from llm_manager.wiring.misuse import no_deps, no_guards


def create_default_llm_manager() -> Result[LLMManager, LLMError]:
    """A manager from the files and the environment of this process."""
    return load_config().bind(make_llm_manager)


def make_llm_manager(config: LLMConfig, deps: ManagerDeps | None = None) -> Result[LLMManager, LLMError]:
    """Make a manager; this does no I/O. ``deps`` takes the place of what the settings would build."""
    from llm_manager.assembling.manager import assembled

    if deps is None:
        return default_deps(config).map(assembled)
    wrong = no_deps(deps) or no_guards(deps.guards)
    if wrong is not None:
        return Failure(wrong)
    return obeying(deps.config).map(lambda config: assembled(evolve(deps, config=config)))
