"""Fetch the keys of a provider from a file, or from a function of the user's own: when they are due, one fetch at a time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from attrs import define, field
from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.domain.configuration import KeySource, ProviderSettings
from llm_manager.domain.errors import AuthenticationFailed, LLMError, Origin
from llm_manager.domain.events import KeyChanged
from llm_manager.domain.secrets import Secret
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.headers import usable_key
from llm_manager.policies.keys import Ring, any_works, refreshed
from llm_manager.services.gates import Emit
from llm_manager.services.world import World

ReadKeys: TypeAlias = Callable[[str, str], Result[tuple[Secret, ...], LLMError]]
"""Reads the keys of a provider from a file, given its path; no error tells more of that than the file's name."""

SOONEST_SECONDS: Final = 5.0
"""Keys that were asked for this short a time ago are not asked for again, whatever they met."""
LONGEST_SECONDS: Final = 10.0
"""How long one fetch may take."""

_Waiter: TypeAlias = "asyncio.Future[None]"


class _State(NamedTuple):
    """When the keys were asked for last, what that gave, and who is asking or waiting now."""

    at: float | None = None
    error: LLMError | None = None
    wanted: bool = False
    under_way: bool = False
    waiting: tuple[_Waiter, ...] = ()
    from_file: tuple[Secret, ...] = ()
    from_source: tuple[Secret, ...] = ()


@define(kw_only=True)
class FetchedKeys:
    """The keys of one provider that are not all in its settings; ``own`` are those that are."""

    provider: str
    settings: ProviderSettings
    own: tuple[Secret, ...]
    ring: Cell[Ring]
    world: World
    read: ReadKeys
    state: Cell[_State] = field(factory=lambda: Cell(_State()))

    def is_due(self) -> bool:
        """Say whether they are to be fetched before the next key is chosen."""
        state = self.state.read()
        if state.at is None:
            return True
        soon = state.wanted or state.error is not None
        return self.world.now() - state.at >= (SOONEST_SECONDS if soon else self.settings.key_refresh_seconds)

    def refused(self) -> None:
        """A key was refused: fetch them before their time."""
        self.state.swap(lambda state: state._replace(wanted=True))

    def may_bring_another(self) -> bool:
        """Say whether a key was refused, and the fetch that follows from it is due."""
        return self.state.read().wanted and self.is_due()

    def trouble(self) -> LLMError | None:
        """Why the keys at hand are not new, or there are none."""
        return self.state.read().error

    async def ready(self, emit: Emit) -> LLMError | None:
        """Fetch them if they are due. A failure leaves the old ones in use, and is an error only when there are none."""
        while self.is_due():
            if self.state.decide(_begun):
                return await self._fetch(emit)
            if any_works(self.ring.read(), self.world.now()):
                return None
            await self._turn()
        return self._lack()

    def _lack(self) -> LLMError | None:
        return None if self.ring.read().keys else self.trouble()

    async def _turn(self) -> None:
        """Wait until the fetch under way has ended."""
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        if not self.state.decide(partial(_joined, waiter=waiter)):
            return
        try:
            await waiter
        finally:
            self.state.swap(lambda state: state._replace(waiting=tuple(each for each in state.waiting if each is not waiter)))

    async def _fetch(self, emit: Emit) -> LLMError | None:
        ended = False
        try:
            from_file, from_source = await self._from_file(), await self._from_source()
            error = self._taken(from_file, from_source, emit)
            ended = True
        finally:
            waiting = self.state.decide(partial(_ended, at=self.world.now() if ended else None))
            for waiter in waiting:
                with suppress(RuntimeError):  # its loop is closed: nobody waits any more
                    waiter.get_loop().call_soon_threadsafe(_wake, waiter)
        return error

    def _taken(self, from_file: "_Given | None", from_source: "_Given | None", emit: Emit) -> LLMError | None:
        """Put what was fetched into the ring; what failed leaves what it gave before."""
        failures = [given.failure() for given in (from_file, from_source) if isinstance(given, Failure)]

        def step(state: _State) -> tuple[_State, tuple[Secret, ...]]:
            file = from_file.unwrap() if isinstance(from_file, Success) else state.from_file
            source = from_source.unwrap() if isinstance(from_source, Success) else state.from_source
            error = failures[0] if failures else None
            return state._replace(from_file=file, from_source=source, error=error), (*self.own, *file, *source)

        secrets = self.state.decide(step)
        added, retired = self.ring.decide(lambda ring: refreshed(ring, secrets))
        at = self.world.now()
        for secret in added:
            emit(KeyChanged(at=at, provider=self.provider, key_fingerprint=secret.fingerprint, change="added"))
        for secret in retired:
            emit(KeyChanged(at=at, provider=self.provider, key_fingerprint=secret.fingerprint, change="retired"))
        return self._lack()

    async def _from_file(self) -> "_Given | None":
        path = self.settings.api_key_file
        if path is None:
            return None
        return sealed(await self.world.run_blocking(lambda: self.read(self.provider, path)))

    async def _from_source(self) -> "_Given | None":
        source = self.settings.key_source
        if source is None:
            return None
        scope = asyncio.timeout(LONGEST_SECONDS)
        try:
            async with scope:
                return await self._given(source)
        except TimeoutError:
            if not scope.expired():
                raise
            return self._nothing(f"it did not answer within {LONGEST_SECONDS:g} s")

    async def _given(self, source: KeySource) -> "_Given":
        """What a key source gives; of an exception only its kind is told, for its words may hold what they should not."""
        try:
            told: object = await source()
        except Exception as error:  # noqa: BLE001 - somebody else's function, which may fail in any way
            return self._nothing(f"it raised {type(error).__name__}")
        if not isinstance(told, tuple | list) or not told:
            return self._nothing("it gave none")
        usable: list[Secret] = []
        for each in told:
            if not isinstance(each, Secret):
                return self._nothing(f"it gave no Secret but {type(each).__name__}")
            judged = sealed(usable_key(self.provider, each))
            if isinstance(judged, Failure):
                return judged
            usable.append(judged.unwrap())
        return Success(tuple(usable))

    def _nothing(self, why: str) -> "_Given":
        message = f"its key source gave no keys: {why}"
        return Failure(AuthenticationFailed(model=self.provider, message=message, origin=Origin(provider=self.provider)))


_Given: TypeAlias = Settled[tuple[Secret, ...], LLMError]


def _begun(state: _State) -> tuple[_State, bool]:
    return (state, False) if state.under_way else (state._replace(under_way=True), True)


def _joined(state: _State, waiter: _Waiter) -> tuple[_State, bool]:
    return (state._replace(waiting=(*state.waiting, waiter)), True) if state.under_way else (state, False)


def _ended(state: _State, at: float | None) -> tuple[_State, tuple[_Waiter, ...]]:
    """No fetch is under way; one that was cancelled leaves the keys as due as they were."""
    idle = state._replace(under_way=False, waiting=())
    return (idle if at is None else idle._replace(at=at, wanted=False)), state.waiting


def _wake(waiter: _Waiter) -> None:
    if not waiter.done():
        waiter.set_result(None)
