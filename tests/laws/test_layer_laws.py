"""Every layer keeps the laws of layers; a new one joins by a line in a table."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from llm_manager.domain.attempts import Attempt, Call
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.requests import LLMRequest
from llm_manager.layers.bounding import bounding
from llm_manager.layers.caching import Memory, caching, caching_streams
from llm_manager.layers.flying import flying
from llm_manager.layers.observing import observing
from llm_manager.layers.recording import recording
from llm_manager.services.journal import Journal
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.testing import attempt_for, fake_world
from llm_manager.testing.laws import ANSWER_LAYER_LAWS, STREAM_LAYER_LAWS
from tests.sharing import flights_here

now = fake_world().now
journal = Journal(emit=lambda event: None)


def attempt(number: int) -> Attempt:
    """The n-th attempt."""
    return attempt_for(LLMRequest(f"question {number}"), call_id=f"call-{number}").unwrap()


def uncached_attempt(number: int) -> Attempt:
    """The n-th attempt that must not touch the cache."""
    return attempt_for(LLMRequest(f"question {number}", cache="off")).unwrap()


def call(number: int) -> Call:
    """The n-th call."""
    return Call(id=str(number), request=LLMRequest(f"question {number}"), started=0.0)


def memory() -> Memory:
    """An empty memory."""
    return Memory(cache=memory_cache(CacheSettings(), now), journal=journal, now=now)


def forgetful() -> Memory:
    """A memory that keeps nothing."""
    return Memory(cache=memory_cache(CacheSettings(max_size=0), now), journal=journal, now=now)


def caching_flying() -> Any:
    """As a manager has them that shares."""
    near, far = caching(memory()), flying(flights_here(), journal, fake_world())
    return lambda step: near(far(step))


ANSWER_LAYERS: Mapping[str, tuple[Callable[[], Any], Callable[[int], Any]]] = {
    "nothing": (lambda: lambda step: step, attempt),
    "bounding": (lambda: bounding(now), attempt),
    "recording": (lambda: recording(journal, now), attempt),
    "caching": (lambda: caching(memory()), attempt),
    "caching, off": (lambda: caching(memory()), uncached_attempt),
    "caching, no cache": (lambda: caching(forgetful()), attempt),
    "flying": (lambda: flying(flights_here(), journal, fake_world()), attempt),
    "caching, flying": (caching_flying, attempt),
    "observing": (lambda: observing(journal, now), call),
}


STREAM_LAYERS: Mapping[str, tuple[Callable[[], Any], Callable[[int], Any]]] = {
    "nothing": (lambda: lambda step: step, attempt),
    "bounding": (lambda: bounding(now), attempt),
    "recording": (lambda: recording(journal, now), attempt),
    "caching": (lambda: caching_streams(memory()), attempt),
    "caching, off": (lambda: caching_streams(memory()), uncached_attempt),
    "observing": (lambda: observing(journal, now), call),
}


@pytest.mark.parametrize("law", ANSWER_LAYER_LAWS)
@pytest.mark.parametrize("layer", ANSWER_LAYERS)
def test_answer_layers_keep_the_laws(layer: str, law: str) -> None:
    """What is not this layer's business goes through it untouched."""
    ANSWER_LAYER_LAWS[law](*ANSWER_LAYERS[layer])


@pytest.mark.parametrize("law", STREAM_LAYER_LAWS)
@pytest.mark.parametrize("layer", STREAM_LAYERS)
def test_stream_layers_keep_the_laws(layer: str, law: str) -> None:
    """What is not this layer's business streams through it untouched."""
    STREAM_LAYER_LAWS[law](*STREAM_LAYERS[layer])
