"""What each client at hand offers besides chat: read off the clients once, and again when there are others."""

from collections.abc import Callable, Mapping

from llm_manager.domain.models import ModelProfile
from llm_manager.policies.abilities import KIND_OF, Ability
from llm_manager.policies.choosing import Offer
from llm_manager.services.model_client import ModelClient


def offering(clients: Callable[[], Mapping[str, ModelClient]], own: tuple[ModelProfile, ...]) -> Callable[[Ability], tuple[Offer, ...]]:
    """The offers for an ability: the client's usual model first, then those that the settings describe (``own``), then all it knows."""
    kept: dict[Ability, tuple[Mapping[str, ModelClient], tuple[Offer, ...]]] = {}

    def offers(ability: Ability) -> tuple[Offer, ...]:
        now = clients()
        found = kept.get(ability)
        if found is None or found[0] is not now:
            found = kept[ability] = (now, tuple(_offer(name, client, ability, own) for name, client in now.items()))
        return found[1]

    return offers


def _offer(provider: str, client: ModelClient, ability: Ability, own: tuple[ModelProfile, ...]) -> Offer:
    names = (
        *(profile.name for profile in own if profile.provider == provider),
        *(profile.name for profile in client.profiles),
        *client.known,
    )
    fitting = [profile for name in dict.fromkeys(names) if (profile := client.profile(name)).kind == KIND_OF[ability]]
    away = client.endpoint.locality != "local" and KIND_OF[ability] != "chat"
    usual = client.usual.get(ability)
    first = () if usual is None else (client.profile(usual),)
    models = (*first, *(profile for profile in fitting if profile.name != usual))
    if not models and client.endpoint.locality == "local":
        models = client.profiles[:1]
    return Offer(
        endpoint=client.endpoint,
        able=client.able,
        models=models,
        chats=frozenset(name for name in client.known if client.profile(name).kind == "chat") if away else frozenset(),
        profile=client.profile,
    )
