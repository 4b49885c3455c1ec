"""What must hold of breakers, keys and re-sends, judged by what the providers see and by the tables, not by the guards' own word."""

from collections import defaultdict, deque
from collections.abc import Callable
from math import ceil

from llm_manager.domain import events
from llm_manager.domain.configuration import LLMConfig
from tests.simulation.providers import Exchange

_MINUTE = 60.0
_COUNTED_TOGETHER = 5.0
"""Re-sends are counted in bins of so many seconds, so that the oldest of them may be forgotten as much too early."""
_LEAST_RESENDS = 10
_SHARE = 0.2
_CLUMPING = 2.0
"""They are counted when they are decided on and seen when they leave, up to half a minute later: so they clump."""


class BreakerWatch:
    """An open breaker lets only its probes through, and only what is the server's own fault opens it."""

    def __init__(self, config: LLMConfig, broken: Callable[[str], None]) -> None:
        self._settings = config.breaker
        self._broken = broken
        self._phase: dict[str, str] = {}
        self._blame: dict[str, int] = defaultdict(int)
        self._probing: dict[str, int] = defaultdict(int)
        self._on_trial: set[str] = set()

    def hear(self, event: events.BreakerChanged) -> None:
        """A breaker has changed."""
        provider, before = event.provider, self._phase.get(event.provider, "closed")
        least = min(self._settings.failures, ceil(self._settings.failure_rate * self._settings.least_calls))
        if event.phase == "open" and before == "closed" and self._blame[provider] < (1 if provider in self._on_trial else least):
            self._broken(f"the breaker of {provider} opened after {self._blame[provider]} failures that count, {least} are needed")
        if event.phase == "closed":
            self._on_trial.add(provider)
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
        exchange.probe = True
        self._probing[exchange.provider] += 1
        if self._probing[exchange.provider] > self._settings.probes:
            self._broken(f"{self._probing[exchange.provider]} probes at once at {exchange.provider}, {self._settings.probes} allowed")

    def failed(self, exchange: Exchange) -> None:
        """A request has failed; what the tables say is not the server's fault is not counted against it."""
        if exchange.fault is None or exchange.fault.breaker is not False or not exchange.read:
            self._blame[exchange.provider] += 1

    def finished(self, exchange: Exchange) -> None:
        """Nothing more is read of an answer."""
        if exchange.probe:
            self._probing[exchange.provider] -= 1


class KeyWatch:
    """A key that was refused is not sent again while another one works."""

    def __init__(self, config: LLMConfig, broken: Callable[[str], None]) -> None:
        self._fingerprints = {
            name: tuple(key.fingerprint for key in (settings.api_key, *settings.api_keys) if key is not None)
            for name, settings in config.providers.items()
        }
        self._broken = broken
        self._refused: set[str] = set()
        self._out: set[str] = set()

    def hear(self, event: events.KeyChanged) -> None:
        """Another key is in use, or one is not any more."""
        if event.change in ("refused", "retired"):
            self._refused.add(event.key_fingerprint)
        if event.change != "preferred":
            self._out.add(event.key_fingerprint)

    def started(self, event: events.AttemptStarted) -> None:
        """A request is about to leave."""
        if event.key_fingerprint not in self._refused:
            return
        if any(other not in self._out for other in self._fingerprints.get(event.provider, ())):
            self._broken(f"{event.call_id} used the key {event.key_fingerprint} of {event.provider}, which was refused")


class ResendWatch:
    """Re-sends to one endpoint stay a share of what was asked of it in the last minute."""

    def __init__(self, broken: Callable[[str], None]) -> None:
        self._broken = broken
        self._calls: dict[str, deque[float]] = defaultdict(deque)
        self._resends: dict[str, deque[float]] = defaultdict(deque)

    def sent(self, exchange: Exchange, *, again: bool) -> None:
        """A request has left, to a server that its call has asked before if ``again``."""
        at, provider = exchange.at, exchange.provider
        calls, resends = self._calls[provider], self._resends[provider]
        calls.append(at)
        while calls[0] <= at - _MINUTE:
            calls.popleft()
        if not again:
            return
        resends.append(at)
        while resends[0] <= at - _MINUTE + _COUNTED_TOGETHER:
            resends.popleft()
        most = max(_LEAST_RESENDS, _SHARE * len(calls)) * _CLUMPING + 1
        if len(resends) > most:
            self._broken(f"{len(resends)} re-sends to {provider} in a minute of {len(calls)} requests")
