"""The key that requests to an endpoint are sent with for now, where its provider has several.

A manager that has taken a lease of a key for what is no chat, and a client that asks a small question, hand it over so: it
holds for the task it is set in and for that endpoint alone, so that no key reaches another provider.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from llm_manager.domain.models import Endpoint
from llm_manager.domain.secrets import Secret

_AT_HAND: Final[ContextVar[tuple[Endpoint, Secret] | None]] = ContextVar("key_at_hand", default=None)


@contextmanager
def sending(endpoint: Endpoint, key: Secret | None) -> Iterator[None]:
    """Send this key to the endpoint until the block ends; None leaves everything as it is."""
    if key is None:
        yield
        return
    before = _AT_HAND.set((endpoint, key))
    try:
        yield
    finally:
        _AT_HAND.reset(before)


def key_at_hand(endpoint: Endpoint, own: Secret | None = None) -> Secret | None:
    """The key to send to the endpoint: the one at hand, else the client's own."""
    at_hand = _AT_HAND.get()
    return own if at_hand is None or at_hand[0] != endpoint else at_hand[1]
