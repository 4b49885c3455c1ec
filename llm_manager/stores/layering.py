"""One cache in front of another: the nearer is asked first, and what fails counts as not remembered."""

from collections.abc import Callable

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.caching import Forgetting, Remembered
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache, Value


def layered(front: Cache[Value], behind: Cache[Value], tell: Callable[[LLMError], None] = lambda _: None) -> Cache[Value]:
    """Ask ``front`` and then ``behind``, and put into both; what is found behind is as old in front as it was there.

    No failure of either fails a call: ``tell`` hears the first one, and the next one after all was well again. Only forgetting and
    statistics say when ``behind`` fails, whose word on what there is counts.
    """
    well = True
    forgotten = 0

    def heard(error: LLMError | None) -> None:
        nonlocal well
        if error is not None and well:
            tell(error)
        well = error is None

    async def get(key: str) -> Settled[Remembered[Value] | None, LLMError]:
        near = await front.get(key)
        if isinstance(near, Success) and near.unwrap() is not None:
            behind.hit(key)
            return near
        before = forgotten
        far = await behind.get(key)
        if isinstance(far, Failure):
            heard(far.failure())
            return Success(None)
        heard(None)
        found = far.unwrap()
        if found is not None and before == forgotten:
            await front.put(key, found)
        return far

    async def put(key: str, remembered: Remembered[Value]) -> Settled[None, LLMError]:
        await front.put(key, remembered)
        far = await behind.put(key, remembered)
        if isinstance(far, Failure):  # that it took a value does not say that it is well: it may write it later
            heard(far.failure())
        return Success(None)

    async def holds(key: str) -> Settled[bool, LLMError]:
        near = await front.holds(key)
        if isinstance(near, Success) and near.unwrap():
            return near
        far = await behind.holds(key)
        return far if isinstance(far, Success) else Success(False)

    async def forget(forgetting: Forgetting) -> Settled[int, LLMError]:
        nonlocal forgotten
        far = await behind.forget(forgetting)
        forgotten += 1
        near = await front.forget(forgetting)
        if isinstance(far, Failure):
            return far
        return Success(max(far.unwrap(), near.unwrap() if isinstance(near, Success) else 0))

    async def flush() -> Settled[None, LLMError]:
        near, far = await front.flush(), await behind.flush()
        return far if isinstance(far, Failure) else near

    def hit(key: str) -> None:
        front.hit(key)
        behind.hit(key)

    return Cache(get=get, put=put, holds=holds, forget=forget, statistics=behind.statistics, hit=hit, flush=flush)


def never_private(cache: Cache[Value]) -> Cache[Value]:
    """The same cache, which is not given what is private."""

    async def put(key: str, remembered: Remembered[Value]) -> Settled[None, LLMError]:
        return Success(None) if remembered.provenance.private else await cache.put(key, remembered)

    return evolve(cache, put=put)
