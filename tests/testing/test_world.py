"""A fake world is the same in every run, and follows the loop's clock."""

import asyncio

from llm_manager.testing import WALL_START, VirtualLoop, fake_world, run_virtual


def test_its_clocks_are_those_of_the_loop() -> None:
    """Now is the loop's time, wall time the same later."""
    world = fake_world()
    assert world.now() == 0.0

    async def law() -> tuple[float, float]:
        await world.sleep(60)
        return world.now(), world.wall()

    assert run_virtual(law()) == (60.0, WALL_START + 60.0)


def test_it_may_follow_a_loop_that_does_not_run() -> None:
    """Given one, it reads that one."""
    loop = VirtualLoop()
    world = fake_world(loop=loop)
    loop.run_until_complete(asyncio.sleep(3))
    assert world.now() == 3.0
    loop.close()


def test_chance_is_seeded_and_ids_count() -> None:
    """Two worlds of one seed are alike, of two seeds not."""
    one, same, other = fake_world(1), fake_world(1), fake_world(2)
    assert [one.rng.random() for _ in range(3)] == [same.rng.random() for _ in range(3)]
    assert one.rng.random() != other.rng.random()
    assert [one.new_id(), one.new_id()] == ["id-1", "id-2"]
    assert dict(one.environ) == {}
    assert fake_world(environ={"A": "b"}).environ["A"] == "b"


def test_blocking_work_is_done_in_place() -> None:
    """No thread, no waiting; its exceptions are the caller's."""
    assert run_virtual(fake_world().run_blocking(lambda: 7)) == 7
