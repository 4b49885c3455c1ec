"""What every client is built from."""

from typing import TYPE_CHECKING

from attrs import evolve

from llm_manager.domain.configuration import LLMConfig
from llm_manager.policies.keys import has_ring
from llm_manager.services.guards import Guards, Keys
from llm_manager.services.model_client import ClientParts
from llm_manager.services.world import World

if TYPE_CHECKING:
    from llm_manager.services.transport import Transport


def parts_of(config: LLMConfig, world: World, transport: "Transport | None" = None, guards: Guards | None = None) -> ClientParts:
    """The same for each of them, as the settings say."""
    from llm_manager.clients.http import make_transport

    return ClientParts(
        world=world,
        network=config.network,
        performance=config.performance,
        embedded=evolve(config.embedded, fetch="never") if config.routing.airgap else config.embedded,
        profiles=config.profiles,
        routing=config.routing,
        keys=_keys(config, world, guards),
        make_transport=lambda ca_bundle: transport or make_transport(network=config.network, ca_bundle=ca_bundle),
    )


def _keys(config: LLMConfig, world: World, guards: Guards | None) -> Keys | None:
    """Which key of a provider is sent; None while no provider has more than one."""
    if not any(map(has_ring, config.providers.values())):
        return None
    if guards is not None:
        return guards.keys
    from llm_manager.assembling.guards import keys_of

    return keys_of(config, world)
