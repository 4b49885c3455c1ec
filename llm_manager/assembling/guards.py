"""What lets requests through, made as the settings say."""

from returns.result import Result

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.domain.secrets import Secret
from llm_manager.layers.admitting import admitting
from llm_manager.layers.admitting_together import admitting_together
from llm_manager.layers.breaking import breaking
from llm_manager.layers.budgeting import budgeting
from llm_manager.layers.budgeting_together import budgeting_together
from llm_manager.layers.leasing import leasing
from llm_manager.layers.resending import resending
from llm_manager.policies.shared_budgets import is_shared
from llm_manager.services.guards import Guards, Keys
from llm_manager.services.sharing import Sharing
from llm_manager.services.world import World


def guards_of(config: LLMConfig, world: World, keys: Keys | None = None, sharing: Sharing | None = None) -> Guards:
    """What lets requests through, as the settings say; ``keys`` are those that the clients choose from too, ``sharing`` holds what is
    shared with other processes."""
    admissions = admitting(config.admission, config.providers, world)
    if sharing is None:
        budgets = budgeting(config.budgets, world)
    else:
        own = budgeting([budget for budget in config.budgets if not is_shared(budget)], world)
        budgets = budgeting_together(own, sharing.purses, config.budgets, world)
        admissions = admitting_together(admissions, sharing.limits, config.admission, config.providers, world)
    return Guards(
        breakers=breaking(config.breaker, world.now),
        admissions=admissions,
        budgets=budgets,
        sharing=sharing,
        keys=keys_of(config, world) if keys is None else keys,
        resends=resending(world.now),
    )


def keys_of(config: LLMConfig, world: World) -> Keys:
    """The keys of every provider that has several, or fetches them."""

    def read(provider: str, path: str) -> Result[tuple[Secret, ...], LLMError]:
        from llm_manager.settings.key_files import read_keys

        return read_keys(provider, path)

    return leasing(config.providers, world, read)
