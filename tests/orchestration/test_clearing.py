"""Forgetting through a manager, and what it tells of its caches."""

from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.blocking import blocking
from llm_manager.domain.errors import InvalidRequest, StorageFailed
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.effects import settle
from llm_manager.services.cache import Cache
from llm_manager.services.manager import LLMManager
from llm_manager.testing import run_virtual, scripted, scripted_manager
from llm_manager.testing.scripted import Scripted

_Value = TypeVar("_Value")

PRICE = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(2), version="v")
TAGGED = evolve(LLMRequest("a"), metadata=RequestMetadata(tenant="t", tags=("one",)))


def model() -> Scripted:
    return scripted("x", "y", "z", profile={"price": PRICE})


def done(work: Coroutine[Any, Any, _Value]) -> _Value:
    return run_virtual(work)


async def filled(manager: LLMManager) -> None:
    for request in (TAGGED, TAGGED, LLMRequest("b")):
        await settle(manager.generate(request))


@pytest.mark.parametrize(
    ("which", "gone"),
    [
        ({"model": "scripted-1"}, 2),
        ({"model": "scripted/scripted-1"}, 2),
        ({"model": "another"}, 0),
        ({"tag": "one"}, 1),
        ({"tenant": "t"}, 1),
        ({"tenant": "t", "tag": "two"}, 0),
        ({"older_than_seconds": 3600.0}, 0),
        ({"everything": True}, 2),
    ],
)
def test_what_is_said_is_forgotten_and_asked_for_again(which: dict[str, Any], gone: int) -> None:
    script = model()

    async def work() -> int:
        manager = scripted_manager(script)
        await filled(manager)
        assert await settle(manager.forget(**which)) == Success(gone)
        await filled(manager)
        return script.count

    assert done(work()) == 2 + gone


@pytest.mark.parametrize(
    "which", [{}, {"everything": True, "model": "m"}, {"older_than_seconds": -1.0}, {"older_than_seconds": float("nan")}]
)
def test_nothing_is_forgotten_by_a_slip(which: dict[str, Any]) -> None:
    async def work() -> Any:
        return await settle(scripted_manager(model()).forget(**which))

    assert isinstance(done(work()).failure(), InvalidRequest)


def test_what_is_remembered_and_saved_is_told() -> None:
    async def work() -> Any:
        manager = scripted_manager(model())
        await filled(manager)
        return await settle(manager.cache_statistics())

    told = done(work()).unwrap().answers
    assert (told.rows, told.hits, told.misses) == (2, 1, 2)
    assert [(each.provider, each.model, each.rows, each.hits) for each in told.models] == [("scripted", "scripted-1", 2, 1)]
    assert told.saved_usd > 0
    assert told.saved_usd == told.models[0].saved_usd


def test_a_cache_that_fails_says_so_when_it_is_asked() -> None:
    async def broken(*_: object) -> Failure[StorageFailed]:
        return Failure(StorageFailed(message="gone"))

    gone: Cache[Any] = Cache(get=broken, put=broken, holds=broken, forget=broken, statistics=broken)

    async def work() -> None:
        for manager in (scripted_manager(model(), cache=gone), scripted_manager(model(), vectors=gone)):
            assert isinstance(await settle(manager.forget(everything=True)), Failure)
            assert isinstance(await settle(manager.cache_statistics()), Failure)

    done(work())


def test_without_await_it_is_the_same() -> None:
    with blocking(scripted_manager(model())) as manager:
        manager.generate(TAGGED)
        assert manager.cache_statistics().unwrap().answers.rows == 1
        assert manager.forget(tag="one") == Success(1)
        assert manager.cache_statistics().unwrap().answers.rows == 0
