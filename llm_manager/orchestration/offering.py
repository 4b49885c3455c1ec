"""What each client at hand offers besides chat: read off the clients once, and again when there are others."""

from collections.abc import Callable, Mapping

from llm_manager.domain.models import ModelKind, ModelProfile
from llm_manager.policies.choosing import Offer
from llm_manager.services.model_client import ModelClient


def offering(clients: Callable[[], Mapping[str, ModelClient]], own: tuple[ModelProfile, ...]) -> Callable[[ModelKind], tuple[Offer, ...]]:
    """The offers for a kind of model; ``own`` are the models that the settings describe, which come first."""
    kept: dict[ModelKind, tuple[Mapping[str, ModelClient], tuple[Offer, ...]]] = {}

    def offers(kind: ModelKind) -> tuple[Offer, ...]:
        now = clients()
        found = kept.get(kind)
        if found is None or found[0] is not now:
            found = kept[kind] = (now, tuple(_offer(name, client, kind, own) for name, client in now.items()))
        return found[1]

    return offers


def _offer(provider: str, client: ModelClient, kind: ModelKind, own: tuple[ModelProfile, ...]) -> Offer:
    names = (
        *(profile.name for profile in own if profile.provider == provider),
        *(profile.name for profile in client.profiles),
        *client.known,
    )
    models = sorted(
        (profile for name in dict.fromkeys(names) if (profile := client.profile(name)).kind == kind), key=lambda profile: profile.retired
    )
    if not models and client.endpoint.locality == "local":
        models = list(client.profiles[:1])
    return Offer(endpoint=client.endpoint, able=client.able, models=tuple(models), profile=client.profile)
