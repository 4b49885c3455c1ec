"""Batches: every row once, bounded, in order when asked, and gone when left."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import LLMConfig, PerformanceSettings
from llm_manager.domain.errors import ModelUnavailable
from llm_manager.domain.requests import LLMRequest
from llm_manager.testing import Said, run_virtual, scripted, scripted_manager


def numbered(count: int) -> Iterator[LLMRequest]:
    return (LLMRequest(f"row {number}", cache="off") for number in range(count))


def echo(attempt: Attempt) -> Said:
    return attempt.request.prompt or ""


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(1, 12), st.booleans(), st.integers(0, 5))
def test_every_row_is_answered_once_by_its_own_answer(rows: int, concurrency: int, in_order: bool, seed: int) -> None:
    async def told(attempt: Attempt) -> Said:
        await asyncio.sleep(hash_of(attempt) % 7)
        return echo(attempt)

    async def run() -> list[tuple[int, str]]:
        manager = scripted_manager(scripted(told))
        async with aclosing(manager.generate_all(numbered(rows), concurrency=concurrency, in_order=in_order)) as answers:
            return [(position, answer.unwrap().content) async for position, answer in answers]

    answers = run_virtual(run(), seed=seed)
    assert sorted(answers) == [(number, f"row {number}") for number in range(rows)]
    if in_order:
        assert answers == sorted(answers)


def hash_of(attempt: Attempt) -> int:
    return sum(map(ord, attempt.request.prompt or "")) * 31


def test_concurrency_is_what_was_asked_for_and_rows_are_read_only_as_far_as_needed() -> None:
    model = scripted("ok", seconds=1.0)
    taken = 0

    def rows() -> Iterator[LLMRequest]:
        nonlocal taken
        for request in numbered(10_000):
            taken += 1
            yield request

    async def run() -> int:
        manager = scripted_manager(model)
        async with aclosing(manager.generate_all(rows(), concurrency=8)) as answers:
            async for _ in answers:
                await asyncio.sleep(100.0)
                return taken
        return 0

    assert run_virtual(run()) <= 8 * 5 + 1
    assert model.most_at_once == 8


def test_in_order_a_slow_first_row_holds_no_more_than_four_answers_a_worker() -> None:
    async def slow_first(attempt: Attempt) -> Said:
        await asyncio.sleep(1000.0 if attempt.request.prompt == "row 0" else 1.0)
        return echo(attempt)

    model = scripted(slow_first)

    async def run() -> int:
        manager = scripted_manager(model)
        async with aclosing(manager.generate_all(numbered(500), concurrency=4, in_order=True)) as answers:
            waiting = asyncio.ensure_future(anext(answers))
            await asyncio.sleep(25.0)
            count = model.count
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return count

    assert run_virtual(run()) == 4 * 5


def test_leaving_early_cancels_all_that_is_under_way() -> None:
    model = scripted("ok", seconds=1.0)

    async def run() -> None:
        manager = scripted_manager(model)
        async with aclosing(manager.generate_all(numbered(100), concurrency=10)) as answers:
            async for _ in answers:
                break
        assert model.under_way == 0
        assert len(asyncio.all_tasks()) == 1

    run_virtual(run())


def test_one_bad_row_never_stops_the_rest() -> None:
    def picky(attempt: Attempt) -> Said:
        gone = ModelUnavailable(model="m", message="no", reason="permanent")
        return gone if attempt.request.prompt == "row 3" else "ok"

    async def run() -> list[bool]:
        answers = scripted_manager(scripted(picky)).generate_all(numbered(6), concurrency=2, in_order=True)
        async with aclosing(answers):
            return [isinstance(answer, Failure) async for _, answer in answers]

    assert run_virtual(run()) == [False, False, False, True, False, False]


def test_a_bug_in_the_rows_is_raised_to_the_reader_and_nothing_is_left_running() -> None:
    def broken() -> Iterator[LLMRequest]:
        yield from numbered(3)
        raise ValueError("the file is gone")

    async def run() -> None:
        async with aclosing(scripted_manager(scripted("ok")).generate_all(broken(), concurrency=2)) as answers:
            with pytest.raises(ValueError, match="the file is gone"):
                async for _ in answers:
                    pass
        assert len(asyncio.all_tasks()) == 1

    run_virtual(run())


def test_no_rows_give_no_answers() -> None:
    async def run() -> int:
        return len([answer async for answer in scripted_manager(scripted("ok")).generate_all([])])

    assert run_virtual(run()) == 0


def test_without_a_word_the_models_own_concurrency_is_used_and_settings_override_it() -> None:
    for config, expected in ((LLMConfig(), 3), (LLMConfig(performance=PerformanceSettings(concurrency=5)), 5)):
        model = scripted("ok", seconds=1.0, profile={"concurrency": 3})

        async def run(config: LLMConfig = config, model: object = model) -> None:
            async for _ in scripted_manager(model, config=config).generate_all(numbered(20)):  # type: ignore[arg-type]  # bound early
                pass

        run_virtual(run())
        assert model.most_at_once == expected
