"""The settings: read from outside, and made to obey themselves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import LLMConfig, PrivacySettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import PrivateRule
from llm_manager.policies.budget_faults import check_budgets
from llm_manager.real_world import real_world

if TYPE_CHECKING:
    from pathlib import Path


def load_config(path: "str | Path | None" = None, environ: Mapping[str, str] | None = None) -> Result[LLMConfig, LLMError]:
    """Read the settings from files and environment; all faults come at once, and nothing is sent anywhere."""
    from llm_manager.settings import read_config

    return read_config(path, real_world().environ if environ is None else environ).map(lambda read: read.config)


def obeying(config: LLMConfig) -> Result[LLMConfig, LLMError]:
    """The settings with a routing policy that obeys all of them: whether toys are asked, what is local, what makes a text private."""
    wrong = check_budgets(config.budgets)
    if wrong is not None:
        return Failure(wrong)
    routing = config.routing
    if config.privacy == PrivacySettings() and routing.private_rule is None:
        return Success(_with_policy(config, None))
    from llm_manager.settings.privacy_rules import private_rules

    return private_rules(config.privacy, routing.private_rule).map(lambda rule: _with_policy(config, rule))


def _with_policy(config: LLMConfig, rule: PrivateRule | None) -> LLMConfig:
    routing = evolve(config.routing, use_toys=config.embedded.enabled, private_rule=rule, local_hosts=config.network.local_hosts)
    return config if routing == config.routing else evolve(config, routing=routing)
