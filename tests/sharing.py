"""What is shared at a real Redis, for tests."""

from collections.abc import Callable
from typing import Any

from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.events import Event
from llm_manager.real_world import real_world
from llm_manager.services.sharing import Sharing
from llm_manager.services.world import World
from llm_manager.stores.redis.opening import LEASE_SECONDS, open_sharing


def sharing_at(
    url: str, tell: Callable[[Event], Any] = lambda _: None, *, lease_seconds: float = LEASE_SECONDS, world: World | None = None
) -> Sharing:
    """As another process would open it."""
    return open_sharing(url, real_world({}) if world is None else world, CacheSettings(), tell, lease_seconds).unwrap()
