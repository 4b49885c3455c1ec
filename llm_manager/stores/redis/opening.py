"""A URL becomes all that is shared there; nothing is sent before the first use."""

from collections.abc import Callable
from typing import Final

from redis.asyncio.connection import parse_url
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.events import Event
from llm_manager.services.sharing import Sharing
from llm_manager.services.world import World
from llm_manager.stores.answers.forms import ANSWER, VECTOR
from llm_manager.stores.layering import never_private
from llm_manager.stores.redis.cache import redis_cache
from llm_manager.stores.redis.flights import shared_flights
from llm_manager.stores.redis.limits import shared_limits
from llm_manager.stores.redis.link import Link
from llm_manager.stores.redis.purses import shared_purses

LEASE_SECONDS: Final = 15.0
"""How long what a process holds stays when nobody renews it, since it died or cannot reach the server."""


def open_sharing(
    url: str, world: World, cache: CacheSettings, tell: Callable[[Event], None], lease_seconds: float = LEASE_SECONDS
) -> Result[Sharing, LLMError]:
    """What is shared at redis://[user:password@]host:port/number, rediss:// for TLS, or unix:///path."""
    try:
        parse_url(url)
        link = Link(url, world, tell, lease_seconds)
    except ValueError:  # its words may show the password
        return Failure(ConfigurationError(message="store.redis_url: it is no address of a Redis server, as redis://host:6379/0 is"))
    return Success(
        Sharing(
            limits=shared_limits(link),
            purses=shared_purses(link),
            flights=shared_flights(link),
            answers=never_private(redis_cache(link, ANSWER, cache, world.wall)),
            vectors=never_private(redis_cache(link, VECTOR, cache, world.wall)),
            standing=link.standing,
            close=link.close,
        )
    )
