"""All that differs from run to run, in one record that tests replace."""

from collections.abc import Callable, Coroutine, Mapping
from random import Random
from typing import Any, Protocol, TypeVar

from attrs import Factory, field, frozen

_Value = TypeVar("_Value")


class RunBlocking(Protocol):
    """Run a blocking function without holding the event loop."""

    def __call__(self, work: Callable[[], _Value], /) -> Coroutine[Any, Any, _Value]: ...


@frozen(kw_only=True)
class World:
    """The clock (``now`` monotonic, ``wall`` seconds since 1970), sleep, randomness, ids, environment, threads."""

    now: Callable[[], float]
    wall: Callable[[], float]
    sleep: Callable[[float], Coroutine[Any, Any, None]]
    rng: Random
    new_id: Callable[[], str]
    environ: Mapping[str, str] = field(repr=False)
    run_blocking: RunBlocking
    run_apart: RunBlocking = field(default=Factory(lambda world: world.run_blocking, takes_self=True))
    """The same for work that may never end, such as a stranger's: nothing else waits behind it, nor does the end of the program."""
