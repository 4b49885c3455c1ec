"""What must hold of breakers, keys and re-sends, judged by what the providers see and by the tables, not by the guards' own word."""

from collections import defaultdict, deque
from collections.abc import Callable
from math import ceil

from llm_manager.domain import events
from llm_manager.domain.configuration import LLMConfig
from tests.simulation.providers import Exchange

_MINUTE = 60.0
_REFUSED_SECONDS = 300.0
"""A key that may not do what was asked is tried again after this long; one that is wrong never is, but is told in the same way."""
_LEAST_RESENDS = 10
_SHARE = 0.2
_MINUTES = 3
_ROUNDED = 1.25
"""What was counted in the minute before may still leave."""


class BreakerWatch:
    """An open breaker lets only its probes through, and only what is the server's own fault opens it."""

    def __init__(self, config: LLMConfig, broken: Callable[[str], None]) -> None:
        self._settings = config.breaker
        self._broken = broken
        self._phase: dict[str, str] = {}
        self._blame: dict[str, int] = defaultdict(int)
        self._probing: dict[str, set[int]] = defaultdict(set)
        self._on_trial: set[str] = set()

    def hear(self, event: events.BreakerChanged) -> None:
        """A breaker has changed."""
        provider, before = event.provider, self._phase.get(event.provider, "closed")
        least = min(self._settings.failures, ceil(self._settings.failure_rate * self._settings.least_calls))
        if event.phase == "open" and before == "closed" and self._blame[provider] < (1 if provider in self._on_trial else least):
            self._broken(f"the breaker of {provider} opened after {self._blame[provider]} failures that count, {least} are needed")
        if event.phase == "closed":
            self._on_trial.add(provider)
            self._probing[provider].clear()  # a stream that has begun to answer is a probe no more
        self._phase[provider] = event.phase
        self._blame[provider] = 0

    def sent(self, exchange: Exchange) -> None:
        """A request has left."""
        phase = self._phase.get(exchange.provider, "closed")
        if phase == "closed":
            return
        if phase == "open":
            self._broken(f"{exchange.provider} was asked while its breaker was open")
            return
        probes = self._probing[exchange.provider]
        probes.add(exchange.number)
        if len(probes) > self._settings.probes:
            self._broken(f"{len(probes)} probes at once at {exchange.provider}, {self._settings.probes} allowed")

    def failed(self, exchange: Exchange) -> None:
        """A request has failed; what the tables say is not the server's fault is not counted against it."""
        if exchange.fault is None or exchange.fault.breaker is not False or not exchange.read:
            self._blame[exchange.provider] += 1

    def finished(self, exchange: Exchange) -> None:
        """Nothing more is read of an answer."""
        self._probing[exchange.provider].discard(exchange.number)


class KeyWatch:
    """A key that was refused is not sent again while another one works."""

    def __init__(self, config: LLMConfig, broken: Callable[[str], None]) -> None:
        self._fingerprints = {
            name: tuple(key.fingerprint for key in (settings.api_key, *settings.api_keys) if key is not None)
            for name, settings in config.providers.items()
        }
        self._broken = broken
        self._refused: dict[str, float] = {}
        self._out: set[str] = set()

    def hear(self, event: events.KeyChanged) -> None:
        """Another key is in use, or one is not any more."""
        if event.change in ("refused", "retired"):
            self._refused[event.key_fingerprint] = event.at + _REFUSED_SECONDS
        if event.change != "preferred":
            self._out.add(event.key_fingerprint)

    def started(self, event: events.AttemptStarted) -> None:
        """A request is about to leave."""
        if event.key_fingerprint is None or event.at >= self._refused.get(event.key_fingerprint, 0.0):
            return
        if any(other not in self._out for other in self._fingerprints.get(event.provider, ())):
            self._broken(f"{event.call_id} used the key {event.key_fingerprint} of {event.provider}, which was refused")


class ResendWatch:
    """Re-sends to one endpoint stay a share of what is asked of it.

    They are counted as they leave, over several minutes: one that was decided on within bounds may leave later, when it is
    admitted, so that in a single minute there may be more.
    """

    def __init__(self, broken: Callable[[str], None]) -> None:
        self._broken = broken
        self._calls: dict[str, deque[float]] = defaultdict(deque)
        self._resends: dict[str, deque[float]] = defaultdict(deque)

    def sent(self, exchange: Exchange, *, again: bool) -> None:
        """A request has left, to a server that its call has asked before if ``again``."""
        at, provider = exchange.at, exchange.provider
        calls, resends = self._calls[provider], self._resends[provider]
        calls.append(at)
        while calls[0] <= at - (_MINUTES + 1) * _MINUTE:  # those of the minute before let the first of the re-sends leave
            calls.popleft()
        if again:
            resends.append(at)
        while resends and resends[0] <= at - _MINUTES * _MINUTE:
            resends.popleft()
        most = _LEAST_RESENDS * (_MINUTES + 1) + _SHARE * len(calls) * _ROUNDED
        if again and len(resends) > most:
            self._broken(f"{len(resends)} re-sends to {provider} in {_MINUTES} minutes of {len(calls)} requests")
