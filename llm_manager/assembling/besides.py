"""What calls need that are no chat."""

from returns.result import Result

from llm_manager.assembling.house import House
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Plan
from llm_manager.orchestration.offering import offering
from llm_manager.orchestration.operating import OperatingDeps
from llm_manager.policies.choosing import Besides, ability_for, choose


def besides_of(house: House) -> OperatingDeps:
    """What calls need that are no chat."""
    config, knowledge = house.deps.config, house.knowledge
    offers = offering(knowledge.clients, config.profiles)

    async def choose_who(asked: Besides) -> Result[Plan, LLMError]:
        await house.prepared()
        return choose(asked, offers(ability_for(asked)), knowledge.as_it_is(), config.routing)

    return OperatingDeps(
        world=house.deps.world,
        journal=house.journal,
        choose=choose_who,
        clients=knowledge.clients,
        performance=config.performance,
        providers=config.providers,
        guards=house.guards,
        gates=house.guards.gates,
    )
