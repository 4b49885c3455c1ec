"""How things stand, in lines for a person: only what holds requests back, or soon will."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from llm_manager.domain.standing import BreakerStanding, BudgetStanding, KeyStanding, ScopeStanding, Standing
from llm_manager.policies.budget_words import plain
from llm_manager.policies.plurals import counted

OFFLINE: Final = "offline: no provider elsewhere could be reached just now; local models are asked first"
_MOST: Final = 20
_SOON_SECONDS: Final = 60.0
"""Within this the last way there is has been tried before that."""


def standing_lines(standing: Standing) -> Iterator[str]:
    """Whatever is not as usual, one line each, at most twenty of a kind."""
    if standing.online is False:
        yield OFFLINE
    for lines in (
        map(_breaker, (one for one in standing.breakers if one.phase != "closed")),
        map(_scope, (one for one in standing.scopes if one.paused_seconds > 0 or one.waiting)),
        map(_key, (one for one in standing.keys if not one.usable)),
        map(_budget, standing.budgets),
    ):
        yield from _few(lines)


def budget_lines(budgets: Iterable[BudgetStanding]) -> Iterator[str]:
    """How budgets stand, at most twenty of them."""
    return _few(map(_budget, budgets))


def _few(lines: Iterator[str]) -> Iterator[str]:
    yield from islice(lines, _MOST)
    more = sum(1 for _ in lines)
    if more:
        yield f"and {more} more"


def _breaker(one: BreakerStanding) -> str:
    who = f"the breaker of {one.provider} ({one.endpoint})"
    if one.phase == "half_open":
        return f"{who} is half open: {counted(one.probes, 'probe')} under way"
    again = "" if one.probe_in_seconds is None else f"; it is tried again in {one.probe_in_seconds:.0f} s"
    return f"{who} is open after {counted(one.failures, 'failure')}{again}"


def _scope(one: ScopeStanding) -> str:
    whose = f" with key {one.key_fingerprint}" if one.key_fingerprint else ""
    paused = f"asked us to pause: nothing is sent for {one.paused_seconds:.0f} s" if one.paused_seconds > 0 else "is at its limit"
    waiting = f"; {counted(one.waiting, 'request')} waiting" if one.waiting else ""
    return f"{one.provider}{whose} {paused}{waiting}"


def _key(one: KeyStanding) -> str:
    why = f": {one.reason}" if one.reason else ""
    back = "" if one.back_in_seconds is None else f"; it is tried again in {one.back_in_seconds:.0f} s"
    return f"key {one.fingerprint} of {one.provider} is not used{why}{back}"


def _budget(one: BudgetStanding) -> str:
    named = f"{one.budget} of {one.of}" if one.of else one.budget
    unit = "USD" if one.unit == "usd" else one.unit
    held = f", {plain(one.reserved)} held for calls under way" if one.reserved else ""
    return f"budget {named}: {plain(one.spent)} of {plain(one.limit)} {unit} spent{held}, {plain(one.left)} left"


def waiting_words(standing: Standing) -> str | None:
    """What holds requests back now; None when nothing does.

    >>> waiting_words(Standing())
    """
    return next(_reasons(standing), None)


def _reasons(standing: Standing) -> Iterator[str]:
    for breaker in standing.breakers:
        if breaker.phase != "closed":
            seconds = breaker.probe_in_seconds or 0.0
            when = "soon" if seconds < _SOON_SECONDS else f"in {seconds:.0f} s"
            yield f"{_place(breaker.endpoint) or breaker.provider} is down, tried again {when}"
    for scope in standing.scopes:
        if scope.paused_seconds >= 1.0:
            yield f"asked to slow down, {scope.paused_seconds:.0f} s"


def _place(endpoint: str) -> str:
    """Host and port, and nothing else of an address."""
    return urlsplit(endpoint).netloc.rpartition("@")[2]
