"""Every cache keeps the laws of caches; a new one joins by a line in the table."""

from collections.abc import Mapping

import pytest

from llm_manager.stores.memory_cache import memory_cache
from llm_manager.testing.laws import CACHE_LAWS
from llm_manager.testing.laws.caches import MakeCache, MakeValue, answer_of, vector_of

CACHES: Mapping[str, tuple[MakeCache, MakeValue]] = {
    "memory of answers": (memory_cache, answer_of),
    "memory of vectors": (memory_cache, vector_of),
}


@pytest.mark.parametrize("law", CACHE_LAWS)
@pytest.mark.parametrize("cache", CACHES)
def test_caches_keep_the_laws(cache: str, law: str) -> None:
    """What was put is got until it is too old or there is no more room."""
    CACHE_LAWS[law](*CACHES[cache])
