"""What must hold at every step, and at the end: each is checked where it could first be seen to be broken."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from math import inf
from typing import Any

from attrs import define, field

from llm_manager.domain import events
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import AllModelsFailed, AuthenticationFailed, LLMError, QuotaExhausted, RateLimitExceeded
from llm_manager.domain.events import Event
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.standing import BudgetStanding
from llm_manager.domain.usage import Priced
from tests.simulation.guard_watch import BreakerWatch, KeyWatch, ResendWatch
from tests.simulation.ledgers import Ledgers
from tests.simulation.providers import Exchange
from tests.simulation.servers import SERVERS
from tests.simulation.workload import Asked

MINUTE = 60.0
_PATIENCE = 0.05
"""What a call may pass its deadline by."""
_BY_ACCOUNT = frozenset({"openai", "groq", "gemini"})
_LEAST_TOTAL = 300.0
_NO_SHARE = (RateLimitExceeded, AuthenticationFailed, QuotaExhausted)
_LOADING_TOTAL = 1320.0


@define(eq=False)
class CallRecord:
    """What is known of one call of the manager."""

    id: str
    asked: Asked | None
    started: float
    attempts: dict[int, Exchange | None] = field(factory=dict)
    steps: set[str] = field(factory=set)
    sends: int = 0
    banned: dict[tuple[str, str], int] = field(factory=dict)
    """Which servers, with which key or with any, are not to be asked again, since which attempt."""
    over: tuple[str, int] = ("", 0)
    """Which fault has ended it for good, met by which attempt; one that a hedge had begun before that may still leave."""
    ended: bool = False
    over_with: set[int] = field(factory=set)
    """Which attempts have ended."""
    last_sent: dict[str, float] = field(factory=dict)
    limited: set[str] = field(factory=set)
    """Which servers have asked it last to slow down: when it is sent again is for admission to say, not for a share of re-sends; or
    have refused its key, or spent that key's quota: another key takes none of the share."""


@define
class Numbers:
    """What is counted, to be told."""

    outcomes: dict[str, int] = field(factory=lambda: defaultdict(int))
    attempts: int = 0
    seen: int = 0
    resends: int = 0
    hits: int = 0
    bill: int = 0
    unknown: int = 0


class Invariants:
    """Watches one history; what is broken is told to ``broken``, and the history goes on."""

    def __init__(self, config: LLMConfig, now: Callable[[], float], broken: Callable[[str], None]) -> None:
        self.config = config
        self.now = now
        self.broken = broken
        self.calls: dict[str, CallRecord] = {}
        self.questions: dict[int, Asked] = {}
        self.served: list[str | None] = []
        self.numbers = Numbers()
        self.pending: dict[asyncio.Task[Any] | None, CallRecord] = {}
        self.windows: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self.under_way: dict[str, int] = defaultdict(int)
        self.ledgers = Ledgers(config.budgets)
        self.breakers = BreakerWatch(config, broken)
        self.keys = KeyWatch(config, broken)
        self.resends = ResendWatch(broken)
        self.answered: dict[str, float] = {}
        """When each server last gave a whole answer."""

    # -- what the journal tells

    def begin(self, call_id: str, asked: Asked | None) -> None:
        """A call has begun."""
        self.calls[call_id] = CallRecord(call_id, asked, self.now())

    def hear(self, event: Event) -> None:
        """Something happened."""
        kind = type(event)
        if kind is events.AttemptStarted:
            self._started(event)  # type: ignore[arg-type]  # told apart by its exact type, which is quicker
        elif kind is events.AttemptAnswered:
            self._answered(event)  # type: ignore[arg-type]  # the same
        elif kind is events.Answered or kind is events.CallFailed or kind is events.CallCancelled:
            self._ended(event)  # type: ignore[arg-type]  # the same
        elif kind is events.AttemptFailed:
            self._failed(event)  # type: ignore[arg-type]  # the same
        elif kind is events.AttemptLeft:
            self._over(event)  # type: ignore[arg-type]  # the same
        elif kind is events.CacheHit:
            self.numbers.hits += 1
        elif kind is events.BreakerChanged:
            self.breakers.hear(event)  # type: ignore[arg-type]  # the same
        elif kind is events.KeyChanged:
            self.keys.hear(event)  # type: ignore[arg-type]  # the same

    def _started(self, event: events.AttemptStarted) -> None:
        call = self.calls.get(event.call_id)
        if call is None:
            self.broken(f"an attempt of a call nobody made: {event.call_id}")
            return
        self.numbers.attempts += 1
        self.keys.started(event)
        if event.number in call.attempts:
            self.broken(f"{event.call_id} has two attempts numbered {event.number}")
        call.attempts[event.number] = None
        self.pending[asyncio.current_task()] = call
        call.sends = event.number

    def _over(self, event: events.AttemptAnswered | events.AttemptFailed | events.AttemptLeft) -> None:
        """An attempt has ended, once, and on behalf of whom it was sent."""
        call = self.calls[event.call_id]
        if event.number not in call.attempts or event.number in call.over_with:
            self.broken(f"attempt {event.number} of {event.call_id} ended, and was not under way: {event.tag}")
        call.over_with.add(event.number)
        exchange = call.attempts.get(event.number)
        if exchange is not None and event.metadata != self._sender(exchange).request.metadata:
            self.broken(f"attempt {event.number} of {event.call_id} ended on behalf of another")

    def _sender(self, exchange: Exchange) -> Asked:
        asked = self.calls[exchange.call_id].asked
        return self.questions[exchange.question] if asked is None or asked.rows else asked

    def _answered(self, event: events.AttemptAnswered) -> None:
        self._over(event)
        exchange = self.calls[event.call_id].attempts.get(event.number)
        if exchange is None:
            self.broken(f"{event.call_id} was answered by nobody")
            return
        if not exchange.read:
            self.broken(f"{event.call_id} was answered by {exchange.provider} before its answer was read")
        charged = round(event.cost.usd * 1_000_000) if isinstance(event.cost, Priced) else None
        if charged != exchange.bill:
            self.broken(f"{event.call_id} cost {charged} micro-dollars by the journal, {exchange.bill} by the bill of {exchange.provider}")
        self.numbers.bill += exchange.bill
        self._book(exchange, known=True)

    def _failed(self, event: events.AttemptFailed) -> None:
        self._over(event)
        call = self.calls[event.call_id]
        (call.limited.add if isinstance(event.error, _NO_SHARE) else call.limited.discard)(event.provider)
        exchange = call.attempts.get(event.number)
        if exchange is not None:
            self.breakers.failed(exchange)

    def _book(self, exchange: Exchange, *, known: bool) -> None:
        exchange.booked = True
        self.ledgers.book(exchange, self._sender(exchange).request.metadata, known=known)

    def _ended(self, event: events.Answered | events.CallFailed | events.CallCancelled) -> None:
        call = self.calls.get(event.call_id)
        if call is None or call.ended:
            self.broken(f"{event.call_id} ended twice: {event.tag}")
            return
        call.ended = True
        asked = call.asked
        if asked is not None and asked.rows:
            asked = next((row for row in asked.rows if (str(row.number),) == event.metadata.tags), None)
        if asked is None:
            return
        total = self._total_of(asked)
        if event.seconds > total + _PATIENCE:
            self.broken(f"{event.call_id} took {event.seconds:.3f} s of {total:.3f}: {event.tag}")
        self._count_of(call)

    def _count_of(self, call: CallRecord) -> None:
        bound = len(call.steps) + self.config.routing.max_retries
        sent = sum(1 for exchange in call.attempts.values() if exchange is not None and not exchange.kept)
        if sent > bound:
            self.broken(f"{call.id} sent {sent} requests to {len(call.steps)} models with {self.config.routing.max_retries} re-sends")
        self.numbers.resends += max(0, sent - len(call.steps))

    def _total_of(self, asked: Asked) -> float:
        """How long a call may take in all; a server that loads its model on demand is given time for that."""
        deadline = asked.request.deadline_ms
        if deadline is not None:
            return deadline / 1000.0
        return _LOADING_TOTAL if "ollama" in self.config.providers else _LEAST_TOTAL

    # -- what the transport tells

    def sent(self, exchange: Exchange) -> Asked | None:
        """A request for an answer has left; who asked for it."""
        call = self.pending.pop(asyncio.current_task(), None)
        asked = self.questions.get(exchange.question) if call is None or call.asked is None or call.asked.rows else call.asked
        if call is None or asked is None:
            self.broken(f"{exchange.provider} was asked question {exchange.question} without an attempt in the journal")
            return asked
        exchange.call_id, exchange.attempt = call.id, call.sends
        self.numbers.seen += 1
        call.attempts[call.sends] = exchange
        self.resends.sent(exchange, again=self._of_the_share(call, exchange.provider))
        call.steps.add(exchange.provider)
        call.last_sent[exchange.provider] = exchange.at
        self.breakers.sent(exchange)
        self._allowed(call, asked, exchange)
        self._within_room(exchange.provider)
        return asked

    def _of_the_share(self, call: CallRecord, provider: str) -> bool:
        """Say whether a request is a re-send that takes of its server's share: a row that waited for it until it answered does not."""
        if provider not in call.steps or provider in call.limited:
            return False
        is_row = call.asked is not None and bool(call.asked.rows)
        return not is_row or self.answered.get(provider, -inf) <= call.last_sent.get(provider, inf)

    def _allowed(self, call: CallRecord, asked: Asked, exchange: Exchange) -> None:
        now, provider = exchange.at, exchange.provider
        local = SERVERS[provider].local
        if asked.private and not local:
            self.broken(f"question {exchange.question} is private and was sent to {provider}")
        if call.over[0] and exchange.attempt > call.over[1]:
            self.broken(f"{call.id} sent again after {call.over[0]}")
        if exchange.attempt > min(call.banned.get((provider, key), exchange.attempt) for key in (exchange.key, "")):
            self.broken(f"{call.id} sent to {provider} again after what cannot be mended by that")
        if asked.request.cache == "off":
            if call.ended or (call.asked is not None and call.asked.cancelled):
                self.broken(f"{call.id} sent to {provider} after its end")
            if now > call.started + self._total_of(asked):
                self.broken(f"{call.id} sent to {provider} after its deadline")

    def _within_room(self, provider: str) -> None:
        self.under_way[provider] += 1
        most = self.config.providers[provider].concurrency
        if most is not None and self.under_way[provider] > most:
            self.broken(f"{self.under_way[provider]} requests under way at {provider}, {most} allowed")

    def arrived(self, exchange: Exchange) -> None:
        """A request has reached its provider, which counts what comes in a minute: for each key, or for all of an account."""
        provider, now = exchange.provider, exchange.at
        most = self.config.providers[provider].requests_per_minute
        if most is None:
            return
        times = self.windows[provider, "" if provider in _BY_ACCOUNT else exchange.key]
        times.append(now)
        while times[0] <= now - MINUTE:
            times.popleft()
        if len(times) > most:
            self.broken(f"{len(times)} requests to {provider} within a minute, {most} allowed")

    def finished(self, exchange: Exchange, how: str) -> None:
        """Nothing more is read of an answer."""
        if exchange.ended:
            self.broken(f"request {exchange.number} to {exchange.provider} was ended twice")
        exchange.ended = True
        exchange.read = exchange.read or how == "read"
        self.under_way[exchange.provider] -= 1
        self.breakers.finished(exchange)
        fault, call = exchange.fault, self.calls.get(exchange.call_id)
        if fault is None and how == "read":
            self.answered[exchange.provider] = self.now()
        if call is None or fault is None or how == "left":
            return
        if fault.again == "never":
            call.banned.setdefault((exchange.provider, exchange.key if fault.other_key else ""), exchange.attempt)
        if fault.falls_back is False and fault.again == "never":
            call.over = (fault.name, exchange.attempt)

    # -- what who asked is told

    def replied(self, asked: Asked, response: LLMResponse) -> None:
        """An answer is the answer to what was asked, given to whom it may be given."""
        words = response.content.split()
        if len(words) != 3 or words[0] != "answer" or int(words[1]) != asked.question:
            self.broken(f"question {asked.question} was answered with {response.content!r}")
            return
        if self.served[int(words[2])] != asked.request.metadata.tenant:
            self.broken(f"question {asked.question} of tenant {asked.request.metadata.tenant} was answered with another tenant's answer")
        if asked.private and not SERVERS[response.provider].local:
            self.broken(f"question {asked.question} is private and was answered by {response.provider}")
        if not response.complete:
            self.broken(f"question {asked.question} was answered in part: {response.finish}")

    def refused(self, asked: Asked, error: LLMError) -> None:
        """An error is one of the union, and tells of the attempts it came from."""
        if isinstance(error, AllModelsFailed) and not error.causes:
            self.broken(f"question {asked.question}: all models failed, without a cause")

    # -- at the end

    def at_end(self, providers: Collection[str], budgets: Sequence[BudgetStanding]) -> None:
        """Everything that began has ended, and the two sides count alike."""
        for call in self.calls.values():
            if not call.ended:
                self.broken(f"{call.id} never ended")
            if call.over_with != set(call.attempts):
                self.broken(f"of the attempts {sorted(call.attempts)} of {call.id} only {sorted(call.over_with)} ended")
        for provider, count in self.under_way.items():
            if count:
                self.broken(f"{count} requests to {provider} were never ended")
        unsent = sum(1 for call in self.calls.values() for exchange in call.attempts.values() if exchange is None)
        for call in self.calls.values():
            for exchange in call.attempts.values():
                if exchange is not None and exchange.bill and not exchange.booked:
                    self.numbers.unknown += exchange.bill
                    self._book(exchange, known=False)
        for problem in self.ledgers.compare(budgets):
            self.broken(problem)
        if self.numbers.attempts != self.numbers.seen + unsent:
            self.broken(f"{self.numbers.attempts} attempts in the journal, {self.numbers.seen} requests sent, {unsent} not sent")
        if unsent and "ollama" not in providers:
            self.broken(f"{unsent} attempts in the journal were never sent")
