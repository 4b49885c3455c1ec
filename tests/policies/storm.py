"""A storm in simulated time: callers that ask one after the other, a quota that decides, a provider that takes so much."""

import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from random import Random

from attrs import field, frozen

from llm_manager.policies.admission import Ended, Enter, Event, Grant, Granted, How, Refused, Rules, Scope, Tick, scope_of, step, wake_at
from llm_manager.policies.fair_queue import Waiter


@frozen(kw_only=True)
class Storm:
    """What came of it: when requests were answered and refused, and the quota as it was left."""

    answered: list[float] = field(factory=list)
    wasted: list[float] = field(factory=list)
    refused: list[Refused] = field(factory=list)
    scope: Scope

    def answers(self, begin: float, end: float) -> float:
        """Answers a second in a stretch of time."""
        return sum(begin <= at < end for at in self.answered) / (end - begin)


@frozen(kw_only=True)
class Provider:
    """A token bucket of so many a second and so many at once, or, with ``at_once``, one that takes so many under way."""

    rate: Callable[[float], float] = lambda _: 100.0
    burst: float = 100.0
    seconds: float = 0.05
    retry_after: float | None = None
    at_once: int | None = None
    refuses_for: How = "limited"


def stormed(provider: Provider, *, callers: int = 128, until: float, rules: Rules | None = None, seed: int = 1) -> Storm:
    """Let so many callers ask, each as soon as it was answered, and again when it was refused."""
    chance, ids, order = Random(seed), count(1), count()
    scope, now, bucket, filled, busy = scope_of(rules or Rules(), 0.0), 0.0, provider.burst, 0.0, 0
    answered: list[float] = []
    wasted: list[float] = []
    refused: list[Refused] = []
    todo: list[tuple[float, int, str, Grant | None]] = [(number * 1e-4, next(order), "ask", None) for number in range(callers)]
    woken = inf

    def later(seconds: float, what: str, grant: Grant | None = None) -> None:
        heapq.heappush(todo, (now + seconds, next(order), what, grant))

    def happen(event: Event) -> None:
        nonlocal scope, woken
        scope, commands = step(scope, event, now)
        for command in commands:
            if isinstance(command, Granted):
                later(provider.seconds * 0.2, "arrive", command.grant)
            elif isinstance(command, Refused):
                refused.append(command)
                later(command.seconds or 1.0, "ask")
        wake = wake_at(scope)
        if wake < woken:
            woken = max(wake, now)
            later(woken - now + 1e-9, "tick")

    while todo and todo[0][0] <= until:
        now, _, what, grant = heapq.heappop(todo)
        if what == "ask":
            happen(Enter(Waiter(next(ids), now + 120.0)))
        elif what == "tick":
            woken = inf
            happen(Tick())
        elif what == "arrive":
            rate = provider.rate(now)
            bucket, filled = min(provider.burst, bucket + (now - filled) * rate), now
            room = bucket >= 1.0 if provider.at_once is None else busy < provider.at_once
            busy += room
            bucket -= room and provider.at_once is None
            later(provider.seconds * chance.uniform(0.7, 0.9) if room else provider.seconds * 0.3, "answer" if room else "refuse", grant)
        elif grant is not None:
            busy -= what == "answer"
            (answered if what == "answer" else wasted).append(now)
            if what == "answer":
                happen(Ended(grant))
                later(0.0, "ask")
            else:
                happen(Ended(grant, provider.refuses_for, 0, None, provider.retry_after, chance.random()))
                later(provider.retry_after or 0.5 * chance.random(), "ask")
    return Storm(answered=answered, wasted=wasted, refused=refused, scope=scope)
