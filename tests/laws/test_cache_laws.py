"""Every cache keeps the laws of caches; a new one joins by a line in the table."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import pytest

from llm_manager.domain.configuration import CacheSettings
from llm_manager.real_world import real_world
from llm_manager.services.cache import Cache
from llm_manager.stores.answers.forms import ANSWER, VECTOR
from llm_manager.stores.answers.keeping import kept_cache
from llm_manager.stores.layering import layered
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.stores.redis.cache import redis_cache
from llm_manager.stores.redis.link import Link
from llm_manager.stores.sql.database import Database
from llm_manager.testing.laws import CACHE_LAWS
from llm_manager.testing.laws.caches import MakeCache, MakeValue, answer_of, vector_of
from tests.databases import emptied
from tests.servers import Redis

CACHES: Mapping[str, tuple[MakeCache, MakeValue]] = {
    "memory of answers": (memory_cache, answer_of),
    "memory of vectors": (memory_cache, vector_of),
}

OnDatabase: TypeAlias = Callable[[Database], MakeCache]


def _answers(database: Database) -> MakeCache:
    return lambda settings, now: kept_cache(emptied(database), ANSWER, settings, now)


def _behind_memory(database: Database) -> MakeCache:
    def make(settings: CacheSettings, now: Callable[[], float]) -> Cache[Any]:
        return layered(memory_cache(settings, now), kept_cache(emptied(database), ANSWER, settings, now))

    return make


KEPT: Final[Mapping[str, OnDatabase]] = {"answers": _answers, "answers behind memory": _behind_memory}


@pytest.mark.parametrize("law", CACHE_LAWS)
@pytest.mark.parametrize("cache", CACHES)
def test_caches_keep_the_laws(cache: str, law: str) -> None:
    """What was put is got until it is too old, is forgotten, or there is no more room."""
    CACHE_LAWS[law](*CACHES[cache])


@pytest.mark.parametrize("cache", KEPT)
def test_kept_caches_keep_the_laws(cache: str, database: Database) -> None:
    """At every place where a store may be."""
    for law in CACHE_LAWS.values():
        law(KEPT[cache](database), answer_of)


def test_kept_vectors_keep_the_laws(database: Database) -> None:
    """Another form of value in the same table."""
    for law in CACHE_LAWS.values():
        law(lambda settings, now: kept_cache(emptied(database), VECTOR, settings, now), vector_of)


@pytest.mark.parametrize("kind", ["answers", "vectors", "answers behind memory"])
def test_shared_caches_keep_the_laws(kind: str, redis_server: Redis) -> None:
    """In Redis too."""

    def make(settings: CacheSettings, now: Callable[[], float]) -> Cache[Any]:
        redis_server.say("FLUSHALL")
        link = Link(redis_server.url, real_world(), lambda _: None, 15.0)
        cache: Cache[Any] = redis_cache(link, VECTOR if kind == "vectors" else ANSWER, settings, now)
        return layered(memory_cache(settings, now), cache) if kind == "answers behind memory" else cache

    for law in CACHE_LAWS.values():
        law(make, vector_of if kind == "vectors" else answer_of)
