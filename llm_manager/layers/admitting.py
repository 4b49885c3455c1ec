"""Pace requests: so many a minute, so many at once. `policies.admission` decides, one cell for each quota remembers.

Who must wait is a future of its own loop; what lets it go may happen on any other. Each loop in which somebody waits for a quota
keeps one timer for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from math import inf
from typing import Any, Final, TypeAlias

from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import AdmissionSettings, ProviderSettings
from llm_manager.domain.errors import LLMError, RateLimitExceeded
from llm_manager.domain.events import Paused
from llm_manager.domain.models import Endpoint
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.standing import ScopeStanding
from llm_manager.layers.admission_words import refusal
from llm_manager.policies.admission import (
    Command,
    Commands,
    Ended,
    Enter,
    Event,
    Grant,
    Granted,
    Hold,
    Left,
    Opened,
    Pausing,
    Refused,
    Rules,
    Scope,
    Tick,
    counts_tokens,
    easily,
    scope_of,
    standing_of,
    step,
    wake_at,
)
from llm_manager.policies.admission_signals import (
    LIMITED_BY_ACCOUNT,
    charged_tokens,
    how_it_failed,
    is_told_of_account,
    tokens_of_failure,
)
from llm_manager.policies.fair_queue import Waiter
from llm_manager.services.gates import Emit, End, Entered, Pass, Replied
from llm_manager.services.guards import Admissions
from llm_manager.services.world import World

_MOST_SCOPES: Final = 1000
_IDLE_SECONDS: Final = 120.0
_ROUNDING: Final = 1e-6
"""So much later than it is due does a timer ring, lest rounding make it early."""

_Name: TypeAlias = tuple[str, str, str, str | None]
_Answer: TypeAlias = Granted | Refused


def admitting(settings: AdmissionSettings, providers: Mapping[str, ProviderSettings], world: World) -> Admissions:
    """The quotas of every endpoint and key."""
    quotas = _Quotas(settings, providers, world)
    now, numbers, longest = world.now, count(1), settings.longest_wait_seconds

    def gate(attempt: AnyAttempt, emit: Emit) -> Entered | Coroutine[Any, Any, Entered]:
        quota, at = quotas.of(attempt), now()
        granted = quota.quickly(attempt.model.name, at)
        return waiting(attempt, emit, quota, at) if granted is None else Success(_pass(quota, granted, emit))

    async def waiting(attempt: AnyAttempt, emit: Emit, quota: _Quota, at: float) -> Entered:
        scope = quota.cell.read()
        metadata = attempt.metadata
        waiter = Waiter(
            next(numbers),
            min(at + longest, attempt.call_deadline),
            attempt.model.name,
            attempt.priority,
            metadata.tenant or "",
            metadata.user or "",
            charged_tokens(attempt, scope.rules.tokens) if counts_tokens(scope) else 0,
            attempt.patience_seconds,
        )
        answer = quota.at_once(waiter, at) or await quota.entered(waiter, emit)
        if isinstance(answer, Granted):
            return Success(_pass(quota, answer.grant, emit))
        return Failure(refusal(attempt, answer, waiter, scope.rules, waited=now() - at))

    return Admissions(gate=gate, standing=quotas.standing)


def _pass(quota: _Quota, grant: Grant, emit: Emit) -> Pass:
    leaving = _Leaving(quota, grant, emit)
    return Pass(leaving.ended, leaving.opened, leaving.unsent)


class _Leaving(Struct, eq=False):
    """One that was let through, until it has ended: a second end is none."""

    _quota: _Quota
    _grant: Grant | None
    _emit: Emit

    def opened(self, told: RateLimits | None) -> None:
        if self._grant is not None:
            self._quota.happened(Opened(self._grant, told), self._emit)

    def unsent(self) -> None:
        grant, self._grant = self._grant, None
        if grant is not None:
            self._quota.happened(Ended(grant, "unsent", 0), self._emit)

    def ended(self, how: End) -> None:
        grant, self._grant = self._grant, None
        if grant is None:
            return
        quota = self._quota
        if isinstance(how, Replied):
            tokens = how.usage.total_tokens if quota.counts_tokens and how.usage is not None else None
            quota.happened(Ended(grant, "accepted", tokens, how.rate_limits), self._emit)
        elif how is None:
            quota.happened(Ended(grant, "other"), self._emit)
        else:
            quota.failed(grant, how, self._emit)


class _Quotas:
    """One quota for each endpoint and key; those that nobody used for a while make room for others."""

    __slots__ = ("_made", "_providers", "_settings", "_world")

    def __init__(self, settings: AdmissionSettings, providers: Mapping[str, ProviderSettings], world: World) -> None:
        self._settings = settings
        self._providers = providers
        self._world = world
        self._made: dict[_Name, _Quota] = {}

    def of(self, attempt: AnyAttempt) -> _Quota:
        """The quota that a request draws on, made at the first one."""
        endpoint, key = attempt.endpoint, attempt.key
        fingerprint = None if key is None or endpoint.provider in LIMITED_BY_ACCOUNT else key.fingerprint
        name = (endpoint.provider, endpoint.base_url, endpoint.account, fingerprint)
        quota = self._made.get(name)
        return quota if quota is not None else self._new(name, endpoint, fingerprint)

    def of_account(self, endpoint: Endpoint) -> list[_Quota]:
        """All quotas of an endpoint."""
        return [quota for quota in self._made.copy().values() if quota.endpoint == endpoint]

    def standing(self) -> tuple[ScopeStanding, ...]:
        """All of them, by name."""
        at = self._world.now()
        return tuple(quota.standing(at) for quota in sorted(self._made.copy().values(), key=lambda quota: quota.name))

    def _new(self, name: _Name, endpoint: Endpoint, fingerprint: str | None) -> _Quota:
        at = self._world.now()
        if len(self._made) >= _MOST_SCOPES:
            for old, quota in list(self._made.items()):
                if quota.is_idle(at):
                    self._made.pop(old, None)
        own, settings = self._providers.get(endpoint.provider), self._settings
        rules = Rules(
            requests=None if own is None else own.requests_per_minute,
            tokens=None if own is None else own.tokens_per_minute,
            concurrency=None if own is None else own.concurrency,
            queue=settings.queue,
            longest_wait=settings.longest_wait_seconds,
            adaptive=settings.adaptive,
        )
        return self._made.setdefault(name, _Quota(self, endpoint, fingerprint, scope_of(rules, at), self._world))


class _Quota:
    """One quota: its cell, and those that wait for it."""

    __slots__ = ("_clocks", "_fingerprint", "_now", "_quotas", "_rng", "_used", "_waiting", "cell", "counts_tokens", "endpoint")

    def __init__(self, quotas: _Quotas, endpoint: Endpoint, fingerprint: str | None, scope: Scope, world: World) -> None:
        self.endpoint = endpoint
        self.cell = Cell(scope)
        self.counts_tokens = scope.rules.tokens is not None
        self._quotas = quotas
        self._fingerprint = fingerprint
        self._now = world.now
        self._rng = world.rng
        self._used = scope.began
        self._waiting: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Future[_Answer]]] = {}
        self._clocks: dict[asyncio.AbstractEventLoop, _Clock] = {}

    @property
    def name(self) -> tuple[str, str]:
        """By what quotas are sorted."""
        return self.endpoint.identity, self._fingerprint or ""

    def quickly(self, model: str, now: float) -> Grant | None:
        """Let one leave, where nothing but room is asked for and some is left."""
        self._used = now
        return self.cell.decide(easily, model, now)

    def at_once(self, waiter: Waiter, now: float) -> _Answer | None:
        """Let one leave, or refuse it, where nobody waits and it need not either."""

        def decide(scope: Scope) -> tuple[Scope, Commands]:
            if scope.queue.size:
                return scope, ()
            after, commands = step(scope, Enter(waiter), now)
            return (after, commands) if commands else (scope, ())

        commands = self.cell.decide(decide)
        self._used = now
        for answer in commands:
            if not isinstance(answer, Pausing):
                return answer
        return None

    async def entered(self, waiter: Waiter, emit: Emit) -> _Answer:
        """Wait until one may leave, or may not."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Answer] = loop.create_future()
        self._waiting[waiter.number] = (loop, answer)
        self._used = self._now()
        try:
            self._clocks.setdefault(loop, _Clock(loop, self._ring)).waiting += 1
            self.happened(Enter(waiter), emit)
            return await answer
        except asyncio.CancelledError:
            if self._waiting.pop(waiter.number, None) is not None:
                self.happened(Left(waiter), emit)
            elif answer.done() and not answer.cancelled():
                self._follow(_taken_back(answer.result()), emit)
            raise
        finally:
            self._stop_waiting(loop)

    def failed(self, grant: Grant, error: LLMError, emit: Emit) -> None:
        """One that left met an error; where it is one of the whole account, its other quotas pause too."""
        how = how_it_failed(error)
        tokens = 0 if how == "unsent" else tokens_of_failure(error)
        if how not in ("limited", "crowded"):
            self.happened(Ended(grant, how, tokens), emit)
            return
        told = error if isinstance(error, RateLimitExceeded) else None
        wait = None if told is None else told.retry_after_seconds
        ramp = told is not None and told.ramp
        self.happened(Ended(grant, how, tokens, None, wait, self._rng.random(), ramp), emit)
        if is_told_of_account(error):
            pause = self.cell.read().paused_until - self._now()
            if pause > 0.0:
                for other in self._quotas.of_account(self.endpoint):
                    if other is not self:
                        other.happened(Hold(pause), emit)

    def happened(self, event: Event, emit: Emit) -> None:
        """Take a step, and do what follows."""
        commands = self.cell.decide(step, event, self._now())
        if commands:
            self._follow_all(commands, emit)
        if self._clocks:
            self._wind()

    def _follow_all(self, commands: Commands, emit: Emit) -> None:
        """Do what was decided, and what follows: a crowd that went away at once is taken back one by one, not one within another."""
        while commands:
            follow = [back for command in commands if (back := self._obey(command, emit)) is not None]
            commands = tuple(more for back in follow for more in self.cell.decide(step, back, self._now()))

    def standing(self, now: float) -> ScopeStanding:
        """How it stands."""
        return standing_of(self.cell.read(), now, self.endpoint, self._fingerprint)

    def is_idle(self, now: float) -> bool:
        """Say whether nothing is lost when it is forgotten."""
        scope = self.cell.read()
        return not scope.under_way and not self._waiting and max(self._used, scope.paused_until) + _IDLE_SECONDS < now

    def _obey(self, command: Command, emit: Emit) -> Ended | None:
        """Tell who it concerns; what follows when nobody is there to be told."""
        if isinstance(command, Pausing):
            provider, endpoint = self.endpoint.provider, self.endpoint.base_url
            fingerprint, seconds = self._fingerprint, command.seconds
            emit(Paused(at=self._now(), provider=provider, endpoint=endpoint, key_fingerprint=fingerprint, seconds=seconds))
            return None
        waiting = self._waiting.pop(command.number, None)
        if waiting is None:
            return _taken_back(command)
        loop, answer = waiting
        if loop is _running():
            return _told(answer, command)
        try:
            loop.call_soon_threadsafe(self._tell, answer, command, emit)
        except RuntimeError:  # its loop was closed while it waited
            return _taken_back(command)
        return None

    def _tell(self, answer: asyncio.Future[_Answer], command: _Answer, emit: Emit) -> None:
        self._follow(_told(answer, command), emit)

    def _follow(self, event: Event | None, emit: Emit) -> None:
        if event is not None:
            self.happened(event, emit)

    def _ring(self) -> None:
        self.happened(Tick(), _unheard)

    def _wind(self) -> None:
        """Set the timer of every loop in which somebody waits."""
        scope, here = self.cell.read(), _running()
        wake = wake_at(scope)
        if wake == inf:
            return
        seconds = max(0.0, wake - self._now()) + _ROUNDING
        for loop, clock in self._clocks.copy().items():
            if loop is here:
                clock.wind(wake, seconds)
            elif wake < clock.rings_at and not loop.is_closed():
                loop.call_soon_threadsafe(clock.wind, wake, seconds)

    def _stop_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        clock = self._clocks[loop]
        clock.waiting -= 1
        if not clock.waiting:
            clock.stop()
            del self._clocks[loop]


class _Clock:
    """The timer of a quota in one loop, and how many wait there."""

    __slots__ = ("_handle", "_loop", "_ring", "rings_at", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self.waiting = 0
        self.rings_at = inf
        self._loop = loop
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def wind(self, at: float, seconds: float) -> None:
        """Ring then, or before, when that is set already."""
        if at >= self.rings_at or not self.waiting:
            return
        self.stop()
        self.rings_at = at
        self._handle = self._loop.call_later(seconds, self._rung)

    def stop(self) -> None:
        """Ring no more."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self.rings_at = None, inf

    def _rung(self) -> None:
        self._handle, self.rings_at = None, inf
        self._ring()


def _told(answer: asyncio.Future[_Answer], command: _Answer) -> Ended | None:
    if answer.done():
        return _taken_back(command)
    answer.set_result(command)
    return None


def _taken_back(command: _Answer) -> Ended | None:
    """Nobody takes it: it went away in the moment in which it was let through."""
    return Ended(command.grant, "unsent", 0) if isinstance(command, Granted) else None


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _unheard(_: object) -> None: ...
