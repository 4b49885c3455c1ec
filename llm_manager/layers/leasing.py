"""Which key of a provider is sent."""

from collections.abc import Mapping

from llm_manager.domain.configuration import ProviderSettings
from llm_manager.services.guards import Keys
from llm_manager.services.world import World


def leasing(providers: Mapping[str, ProviderSettings], world: World) -> Keys:
    """The keys of every provider that has several."""
    return Keys(choose=lambda _, own: own, others=lambda _, __: False, ready=None, gate=None, standing=tuple)
