"""The index of vectors: the nearest by their angle, bounded, and made again from its rows."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.services.similar import Near
from llm_manager.stores.similar.finding import similar_prompts
from llm_manager.stores.similar.rows import KeptPrompts
from llm_manager.stores.sql.database import Database
from tests.databases import opened_database

_numbers = st.integers(-10, 10).map(float)
_vectors = st.lists(st.tuples(_numbers, _numbers, _numbers), min_size=1, max_size=30)


def _cosine(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else -2.0


@given(_vectors, st.tuples(_numbers, _numbers, _numbers))
async def test_the_nearest_is_found(vectors: list[tuple[float, ...]], asked: tuple[float, ...]) -> None:
    index = similar_prompts(100)
    for place, vector in enumerate(vectors):
        await index.add("c", str(place), vector, False)
    found = (await index.nearest("c", asked)).unwrap()
    best = max(_cosine(vector, asked) for vector in vectors)
    assert (found is None) is (best < -1.5)
    if found is not None:
        assert abs(found.score - best) < 1e-3
        assert abs(_cosine(vectors[int(found.key)], asked) - best) < 1e-3


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["add", "drop"]), st.integers(0, 359)), max_size=60), st.integers(1, 5)
)
async def test_it_finds_what_it_holds_and_holds_no_more_than_it_may(steps: list[tuple[str, str, int]], most: int) -> None:
    index, there = similar_prompts(most), dict[str, int]()
    for key, step, angle in steps:
        if step == "add":
            await index.add("c", key, (math.cos(math.radians(angle)), math.sin(math.radians(angle))), False)
            there[key] = angle
        else:
            await index.drop("c", key)
            there.pop(key, None)
        assert index.count() <= most
        found = (await index.nearest("c", (1.0, 0.0))).unwrap()
        assert found is None or found.key in there
        if step == "add":
            again = (await index.nearest("c", (math.cos(math.radians(angle)), math.sin(math.radians(angle))))).unwrap()
            assert again is not None
            assert there[again.key] == angle


async def test_contexts_and_lengths_are_apart() -> None:
    index = similar_prompts(3)
    await index.add("c", "k", (1.0, 0.0), False)
    assert await index.nearest("d", (1.0, 0.0)) == Success(None)
    assert await index.nearest("c", (1.0, 0.0, 0.0)) == Success(None)
    await index.add("c", "j", (1.0, 0.0, 0.0), False)
    assert await index.nearest("c", (1.0, 0.0, 0.0)) == Success(Near(key="j", score=1.0))
    for vector in ((0.0, 0.0), (math.inf, 1.0), (math.nan, 1.0), ()):
        await index.add("e", "k", vector, False)
        assert await index.nearest("e", vector) == Success(None)
    for number in range(9):
        await index.add(f"c{number}", "k", (1.0, 0.0), False)
    assert index.count() <= 3


async def test_what_takes_longer_is_done_aside(database: Database) -> None:
    """Thousands of vectors are compared, entered and read again in threads; few are not worth one."""
    done = list[str]()

    async def aside(work: Callable[[], Any]) -> Any:
        done.append("work")
        return await asyncio.to_thread(work)

    rows = KeptPrompts(database, 2000, 60.0, lambda: 1.0)
    index = similar_prompts(2000, rows, aside=aside)
    vectors = [tuple(float(number == at) for at in range(600)) for number in range(600)]
    for number, vector in enumerate(vectors[:100]):
        await index.add("c", str(number), vector, False)
    assert not done
    await asyncio.gather(*(index.add("c", str(number), vectors[number], False) for number in range(100, 600)))
    near = await asyncio.gather(*(index.nearest("c", vectors[number]) for number in range(590, 600)), index.drop("c", "7"))
    assert near[:-1] == [Success(Near(key=str(number), score=1.0)) for number in range(590, 600)]
    assert len(done) > 11 and index.count() == 599
    assert await rows.flush() == Success(None)
    done.clear()
    again = similar_prompts(2000, rows, aside=aside)
    assert await again.nearest("c", vectors[500]) == Success(Near(key="500", score=1.0))
    assert (len(done), again.count()) == (2, 599)


async def test_it_is_made_again_from_its_rows(database: Database) -> None:
    now = 1_800_000_000.0
    rows = KeptPrompts(database, 100, 60.0, lambda: now)
    index = similar_prompts(100, rows)
    await index.add("c", "k", (1.0, 2.0), False)
    await index.add("c", "gone", (1.0, 0.0), False)
    await index.add("c", "private", (0.0, 1.0), True)
    await index.drop("c", "gone")
    await index.drop("unknown", "gone")
    assert await rows.flush() == Success(None)
    again = similar_prompts(100, rows)
    found = (await again.nearest("c", (1.0, 2.0))).unwrap()
    assert found is not None
    assert (found.key, again.count()) == ("k", 1)
    later = KeptPrompts(database, 100, 60.0, lambda: now + 61.0)
    assert await later.of("c") == Success(())


async def test_rows_that_are_old_or_too_many_go(database: Database) -> None:
    clock = [1_800_000_000.0]
    rows = KeptPrompts(database, 100, 1000.0, lambda: clock[0])
    for number in range(300):
        clock[0] += 1.0
        rows.add("c", str(number), b"1234")
        if number % 100 == 0:
            await rows.flush()
    assert await rows.flush() == Success(None)
    kept = (await KeptPrompts(database, 1000, 1000.0, lambda: clock[0]).of("c")).unwrap()
    assert 100 <= len(kept) < 300
    assert kept[-1] == ("299", b"1234")


async def test_a_database_that_fails_is_told() -> None:
    gone = opened_database("sqlite:////proc/nowhere/kept.db")
    index = similar_prompts(10, KeptPrompts(gone, 10, 60.0, lambda: 0.0))
    assert isinstance(await index.nearest("c", (1.0,)), Failure)
    assert isinstance(await index.add("c", "k", (1.0,), False), Failure)
