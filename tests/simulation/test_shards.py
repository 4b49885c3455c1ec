"""Two hundred thousand simulated requests, every kind of fault alone and in pairs: no invariant is broken."""

from collections.abc import Iterator

import pytest

from tests.simulation.shards import SHARDS, Played, Playing, Shard


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest) -> Iterator[Playing]:
    """Only those shards are played that were asked for."""
    names = {item.name for item in request.session.items}
    under_way = Playing([shard for shard in SHARDS if f"test_a_shard_keeps_all_invariants[{shard.name}]" in names])
    yield under_way
    under_way.close()


@pytest.mark.parametrize("shard", SHARDS, ids=lambda shard: shard.name)
def test_a_shard_keeps_all_invariants(shard: Shard, playing: Playing, played: list[Played]) -> None:
    """What it prints replays it: ``python -m tests.simulation`` with the line above what is broken."""
    ended = playing.result(shard)
    played.append(ended)
    assert ended.well, ended.told
    assert ended.requests >= 0.95 * shard.requests


def test_there_are_enough_of_them() -> None:
    assert sum(shard.requests for shard in SHARDS) >= 200_000
