"""Pace requests together with other processes: who may leave here asks whether it may among all, and what one is told to wait, all do.

Its own process lets it through first, in its fair order; while what is shared cannot be reached that is all that holds.
"""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from attrs import define, evolve, field
from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import AdmissionSettings, ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event, Paused
from llm_manager.layers.admission_words import refusal
from llm_manager.layers.in_turn import in_turn
from llm_manager.policies.admission import Refused, Rules
from llm_manager.policies.admission_signals import LIMITED_BY_ACCOUNT, charged_tokens, how_it_failed, tokens_of_failure
from llm_manager.policies.fair_queue import Waiter
from llm_manager.services.gates import LET_THROUGH, Emit, End, Entered, Pass, Replied, enter
from llm_manager.services.guards import Admissions
from llm_manager.services.sharing import Entered as Admitted
from llm_manager.services.sharing import Quota, SharedLimits
from llm_manager.services.world import World

_FIRST_LOOK: Final = 0.02
_LONGEST_LOOK: Final = 0.25
_LONGEST_SLEEP: Final = 1.0
"""So often is it asked again at least, since others may have taken less than they were charged."""


@define(eq=False)
class _Turns:
    """Those who wait for one quota in one loop, one of whom asks at a time."""

    lock: asyncio.Lock = field(factory=asyncio.Lock)
    freed: asyncio.Event = field(factory=asyncio.Event)
    waiting: int = 0


def admitting_together(
    own: Admissions, shared: SharedLimits, settings: AdmissionSettings, providers: Mapping[str, ProviderSettings], world: World
) -> Admissions:
    """The quotas of this process, and beside them those of all."""
    together = _Together(shared, settings, providers, world)

    async def first(attempt: AnyAttempt, emit: Emit) -> Entered:
        return await enter(own.gate, attempt, together.telling(attempt, emit))

    return evolve(own, gate=in_turn(first, together.gate))


class _Together:
    """Asks for a permit among all, for as long as a request may wait."""

    __slots__ = ("_providers", "_settings", "_shared", "_turns", "_world")

    def __init__(self, shared: SharedLimits, settings: AdmissionSettings, providers: Mapping[str, ProviderSettings], world: World) -> None:
        self._shared, self._settings, self._providers, self._world = shared, settings, providers, world
        self._turns: PerLoop[dict[str, _Turns]] = PerLoop(dict)

    def telling(self, attempt: AnyAttempt, emit: Emit) -> Emit:
        """Tell the others too when nothing is to leave."""

        def tell(event: Event) -> None:
            if isinstance(event, Paused):
                name = _name(event.provider, event.endpoint, attempt.endpoint.account, event.key_fingerprint)
                self._shared.pause(name, event.seconds)
            emit(event)

        return tell

    async def gate(self, attempt: AnyAttempt, _: Emit) -> Entered:
        """Wait until one may leave among all, or say why it may not."""
        quota = self._quota(attempt)
        tokens = 0 if quota.tokens is None else charged_tokens(attempt, quota.tokens)
        turns = self._turns.get()
        if quota.name not in turns:
            said = await self._shared.enter(quota, tokens)
            if isinstance(said, Failure):  # it is away: our own limits stand alone
                return LET_THROUGH
            answer = said.unwrap()
            if isinstance(answer, Admitted):
                return Success(_passed(answer, tokens, turns, quota.name))
        waited = await self._waited(attempt, quota, tokens)
        if isinstance(waited, Failure):
            return waited
        admitted = waited.unwrap()
        return LET_THROUGH if admitted is None else Success(_passed(admitted, tokens, turns, quota.name))

    async def _waited(self, attempt: AnyAttempt, quota: Quota, tokens: int) -> "Success[Admitted | None] | Failure[LLMError]":
        began = self._world.now()
        until = min(began + self._settings.longest_wait_seconds, attempt.call_deadline)
        every = self._turns.get()
        turns = every.setdefault(quota.name, _Turns())
        turns.waiting += 1
        scope = asyncio.timeout(max(0.0, until - began))
        try:
            async with scope, turns.lock:
                return await self._asked(attempt, quota, tokens, turns, until)
        except TimeoutError:
            if not scope.expired():
                raise
            return self._refused(attempt, (quota, tokens), Refused(0, "late"), self._world.now() - began)
        finally:
            turns.waiting -= 1
            if not turns.waiting:
                every.pop(quota.name, None)

    async def _asked(
        self, attempt: AnyAttempt, quota: Quota, tokens: int, turns: _Turns, until: float
    ) -> "Success[Admitted | None] | Failure[LLMError]":
        look = _FIRST_LOOK
        while True:
            turns.freed.clear()
            said = await self._shared.enter(quota, tokens)
            if isinstance(said, Failure):
                return Success(None)
            answer = said.unwrap()
            if isinstance(answer, Admitted):
                return Success(answer)
            if answer.seconds is None:
                await _told_or_later(turns.freed, look)
                look = min(look * 1.5, _LONGEST_LOOK)
                continue
            if answer.why == "paused" and answer.seconds > attempt.patience_seconds:
                return self._refused(attempt, (quota, tokens), Refused(0, "paused", answer.seconds))
            if self._world.now() + answer.seconds > until:
                return self._refused(attempt, (quota, tokens), Refused(0, "wait", answer.seconds))
            await self._world.sleep(min(answer.seconds + _FIRST_LOOK * self._world.rng.random(), _LONGEST_SLEEP))

    def _refused(self, attempt: AnyAttempt, asked: tuple[Quota, int], refused: Refused, waited: float = 0.0) -> Failure[LLMError]:
        quota, tokens = asked
        waiter = Waiter(0, attempt.call_deadline, attempt.model.name, tokens=tokens)
        return Failure(refusal(attempt, refused, waiter, _rules(quota, self._settings), waited=waited))

    def _quota(self, attempt: AnyAttempt) -> Quota:
        endpoint, key = attempt.endpoint, attempt.key
        fingerprint = None if key is None or endpoint.provider in LIMITED_BY_ACCOUNT else key.fingerprint
        name = _name(endpoint.provider, endpoint.base_url, endpoint.account, fingerprint)
        own = self._providers.get(endpoint.provider)
        return Quota(name) if own is None else Quota(name, own.requests_per_minute, own.tokens_per_minute, own.concurrency)


def _passed(admitted: Admitted, tokens: int, turns: dict[str, _Turns], name: str) -> Pass:
    def leave(more: int, unsent: bool) -> None:
        admitted.leave(more, unsent)
        waiting = turns.get(name)
        if waiting is not None:
            waiting.freed.set()

    def ended(how: End) -> None:
        if isinstance(how, Replied):
            leave(0 if how.usage is None or not tokens else how.usage.total_tokens - tokens, False)
        elif how is None:
            leave(0, False)
        else:
            took = tokens_of_failure(how)
            leave(0 if took is None else took - tokens, how_it_failed(how) == "unsent")

    return Pass(ended, unsent=lambda: leave(-tokens, True))


async def _told_or_later(freed: asyncio.Event, seconds: float) -> None:
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            await freed.wait()
    except TimeoutError:
        if not scope.expired():
            raise


def _rules(quota: Quota, settings: AdmissionSettings) -> Rules:
    return Rules(
        requests=quota.requests,
        tokens=quota.tokens,
        concurrency=quota.concurrency,
        queue=settings.queue,
        longest_wait=settings.longest_wait_seconds,
    )


def _name(provider: str, url: str, account: str, fingerprint: str | None) -> str:
    parts = (provider, url, account, fingerprint or "")
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")).hexdigest()
