"""Whoever asked to be told hears of what leaves from its task and those it starts, and of nothing else."""

import asyncio

from llm_manager.services.departures import departed, on_departure


async def test_each_task_is_told_of_its_own_departures() -> None:
    heard: list[str] = []

    async def sending(name: str) -> None:
        on_departure(lambda: heard.append(name))
        await asyncio.sleep(0)
        await asyncio.create_task(leaving())

    async def leaving() -> None:
        departed()

    await asyncio.gather(sending("a"), sending("b"))
    await asyncio.create_task(leaving())
    assert sorted(heard) == ["a", "b"]
