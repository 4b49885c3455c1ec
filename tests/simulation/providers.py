"""Scripted providers: limits, capacity, outages, keys that are refused, and a bill of their own."""

from math import inf
from random import Random

from attrs import define, field, frozen

from tests.simulation.dialects import Refusal, Saying
from tests.simulation.faults import FAULTS, WAYS, Fault
from tests.simulation.reactions import Reaction
from tests.simulation.servers import Facts

_NETWORK_SECONDS = 0.01
_SHOWN = b'{"model_info":{"llama.context_length":131072},"details":{},"capabilities":["completion","tools"]}'
_REACHABLE = frozenset({"dns", "refused", "connecting", "reset", "silent"})
"""The faults that a question which is no prompt meets too."""


@frozen
class Window:
    """A fault from ``begins`` to ``ends``, met by a ``share`` of the requests."""

    fault: Fault
    begins: float
    ends: float
    share: float


@define
class Bucket:
    """So many tokens a minute, ``size`` of them at once."""

    per_minute: float
    size: float
    left: float
    at: float = 0.0

    def take(self, now: float) -> float:
        """0.0 and one token less, or the seconds until there is one."""
        rate = self.per_minute / 60.0
        self.left = min(self.size, self.left + (now - self.at) * rate)
        self.at = now
        if self.left >= 1.0:
            self.left -= 1.0
            return 0.0
        return (1.0 - self.left) / rate


@frozen
class Dip:
    """A share of the capacity only, for a while."""

    begins: float
    ends: float
    share: float


@define
class Queue:
    """One worker that answers ``per_second`` requests in the order of their coming, stale ones too: it does not see who has left."""

    per_second: float
    dips: tuple[Dip, ...] = ()
    free_at: float = 0.0

    def finish(self, now: float) -> float:
        """When what comes now is answered."""
        at, work = max(now, self.free_at), 1.0
        while True:
            rate, until = self.per_second, inf
            for dip in self.dips:
                if dip.begins <= at < dip.ends:
                    rate, until = self.per_second * dip.share, min(until, dip.ends)
                elif at < dip.begins:
                    until = min(until, dip.begins)
            if at + work / rate <= until:
                self.free_at = at + work / rate
                return self.free_at
            work -= (until - at) * rate
            at = until


@define(slots=True, eq=False)
class Exchange:
    """One request that reached for a provider, and what became of it."""

    number: int
    provider: str
    question: int
    call_id: str
    attempt: int
    key: str
    at: float
    streamed: bool
    fault: Fault | None = None
    saying: Saying | None = None
    bill: int = 0
    read: bool = False
    """Whether the client has read its whole answer."""
    reached: bool = False
    kept: bool = False
    """Whether it did not even try to leave: there was no place in the pool."""
    ended: bool = False
    booked: bool = False


@define
class Provider:
    """One server. ``limit`` is for each key, or for all of them together when ``by_account``."""

    facts: Facts
    rng: Random
    windows: list[Window] = field(factory=list)
    limit: tuple[float, float] | None = None
    by_account: bool = False
    most_at_once: int | None = None
    queue: Queue | None = None
    revoked: dict[str, float] = field(factory=dict)
    sigma: float = 0.4
    seen: int = 0
    under_way: int = 0
    buckets: dict[str, Bucket] = field(factory=dict)

    def react(self, exchange: Exchange, saying: Saying, now: float) -> Reaction:
        """Answer a prompt, or not."""
        exchange.saying = saying
        reaction = self._reacted(exchange, saying, now)
        exchange.kept = exchange.fault is not None and exchange.fault.name == "pool"
        if reaction.arrives:
            exchange.reached = True
            self.seen += 1
            billed = exchange.fault is None or exchange.fault.bills
            if billed and (reaction.good or (reaction.breaks and self.rng.random() < 0.5)):
                exchange.bill = saying.prompt_tokens * self.facts.input_price + saying.completion_tokens * self.facts.output_price
        return reaction

    def _reacted(self, exchange: Exchange, saying: Saying, now: float) -> Reaction:
        fault = self._fault(now, streamed=exchange.streamed)
        if fault is not None and fault.name in _REACHABLE:
            return self._faulty(fault, exchange, saying)
        refusal = self._refusal(exchange, now)
        if refusal is not None:
            pieces = ((0.0, refusal.body),) if exchange.streamed else ()
            return Reaction(head=_NETWORK_SECONDS, status=refusal.status, headers=refusal.headers, body=refusal.body, pieces=pieces)
        if self.revoked and now >= self.revoked.get(exchange.key, inf):
            return self._faulty(_WRONG_KEY[self.facts.name], exchange, saying)
        if fault is not None:
            return self._faulty(fault, exchange, saying)
        return self._good(exchange, saying, now)

    def _faulty(self, fault: Fault, exchange: Exchange, saying: Saying) -> Reaction:
        exchange.fault = fault
        return fault.react(self._good(exchange, saying, None), self.facts.dialect, saying, self.rng, exchange.streamed)

    def _good(self, exchange: Exchange, saying: Saying, now: float | None) -> Reaction:
        seconds = self.facts.seconds * self.rng.lognormvariate(0.0, self.sigma)
        if self.queue is not None and now is not None:
            seconds = self.queue.finish(now) - now
        dialect = self.facts.dialect
        if not exchange.streamed:
            return Reaction(head=seconds, body=dialect.whole(saying))
        first, second, last = dialect.pieces(saying)
        pause = seconds * 0.25
        return Reaction(head=seconds * 0.5, headers=dialect.stream_headers, pieces=((0.0, first), (pause, second), (pause, last)))

    def _refusal(self, exchange: Exchange, now: float) -> Refusal | None:
        if self.most_at_once is not None and self.under_way > self.most_at_once:
            return self.facts.dialect.limited(1.0)
        if self.limit is None:
            return None
        name = "" if self.by_account else exchange.key
        bucket = self.buckets.get(name)
        if bucket is None:
            per_minute, size = self.limit
            bucket = self.buckets[name] = Bucket(per_minute=per_minute, size=size, left=size, at=now)
        wait = bucket.take(now)
        return self.facts.dialect.limited(wait) if wait > 0.0 else None

    def _fault(self, now: float, *, streamed: bool) -> Fault | None:
        for window in self.windows:
            met = window.begins <= now < window.ends and self.rng.random() < window.share
            if met and window.fault.fits(self.facts.name, local=self.facts.local, streamed=streamed):
                return window.fault
        return None

    def react_beside(self, path: str, now: float) -> Reaction:
        """Answer what is no prompt: which models there are, whether it is well."""
        fault = self._fault(now, streamed=False)
        if fault is not None and fault.name in _REACHABLE:
            return fault.react(Reaction(head=_NETWORK_SECONDS), self.facts.dialect, _NOTHING, self.rng, False)
        return Reaction(head=_NETWORK_SECONDS, body=self._told(path))

    def _told(self, path: str) -> bytes:
        name = self.facts.model.encode()
        if path.endswith("/api/show"):
            return _SHOWN
        if "/api/" in path and self.facts.name == "ollama":
            return b'{"models":[{"name":"%b","model":"%b","size":2000000000}],"done":true,"response":""}' % (name, name)
        if path.endswith("/health"):
            return b'{"status":"ok"}'
        return b'{"data":[{"id":"%b"}],"models":[{"name":"%b","supportedGenerationMethods":["generateContent"],"endpoints":["chat"]}]}' % (
            name,
            name,
        )


_NOTHING = Saying(text="", prompt_tokens=0, completion_tokens=0)
_CHAT_KEY = FAULTS["openai: openai wrong key"]
_WRONG_KEY = {
    "openai": _CHAT_KEY,
    "groq": _CHAT_KEY,
    "together": _CHAT_KEY,
    "openrouter": FAULTS["openrouter: openrouter wrong key"],
    "gemini": FAULTS["gemini: wrong key is a 400"],
    "cohere": FAULTS["cohere: invalid api token"],
}
assert {fault.name for fault in WAYS} >= _REACHABLE
