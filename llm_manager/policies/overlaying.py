"""What a user says of a model, laid over what is known of it."""

from attrs import evolve

from llm_manager.domain.models import FREE, Endpoint, ModelProfile, UnknownPrice

_NOT_LAID_OVER = frozenset({"name", "provider", "locality", "said"})


def overlaid(known: ModelProfile, own: ModelProfile, endpoint: Endpoint) -> ModelProfile:
    """The description of a model with a user's own in its place: whole, or only the fields which ``own`` says.

    Where it runs is for the endpoint to say; what is free on this machine has no known price elsewhere.
    """
    if own.said is None:
        elsewhere = endpoint.locality != "local" and own.price == FREE
        return evolve(own, locality=endpoint.locality, price=UnknownPrice() if elsewhere else own.price)
    return evolve(known, **{name: getattr(own, name) for name in own.said if name not in _NOT_LAID_OVER})
