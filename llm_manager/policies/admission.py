"""Whether a request may leave now: one pure step for each quota, the same in production, in simulations and in estimates.

    Enter   one wants to leave                  Granted  it may
    Left    one that waited went away           Refused  it may not: the queue is full, or the wait known to be too long
    Opened  a stream began to answer            Pausing  nothing leaves for so many seconds
    Ended   one that left came to its end
    Hold    another quota of the account met a limit of all
    Tick    time has passed

Set limits are never passed in any minute, and after a small burst set requests leave one by one, each at its share of it. What
the provider takes is learned (`rooms`, `paces`) and what it tells is kept (`told_limits`).
"""

from math import inf
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from llm_manager.domain.models import Endpoint
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.standing import ScopeStanding
from llm_manager.policies import minute_windows, paces, rooms
from llm_manager.policies.fair_queue import (
    EMPTY,
    Queue,
    Waiter,
    ahead_of,
    everybody,
    first,
    first_to_give_up,
    joined,
    without,
    without_first,
)
from llm_manager.policies.minute_windows import Minute
from llm_manager.policies.paces import Pace
from llm_manager.policies.rooms import Room
from llm_manager.policies.told_limits import Told, is_plentiful, low_on_tokens, told_ready_at

Why: TypeAlias = Literal["full", "wait", "paused", "late", "size"]
"""The queue is full; the wait would be too long; so would a pause; it was too long; it is more than a minute's tokens."""
How: TypeAlias = Literal["accepted", "limited", "crowded", "unsent", "other"]
"""How one ended: answered; refused for a rate; refused for how many were under way; never sent; otherwise."""

_MINUTE = 60.0
_FEW_SECONDS = 10.0
_BURST_SHARE = 12
"""So small a part of a minute's requests may leave at once: what five seconds would let through."""
_LONGEST_PAUSE = 3600.0
_NOTICEABLE_SECONDS = 0.05
_SPREAD = 0.05
_LARGEST_SPREAD = 1.0


class Rules(Struct, frozen=True, kw_only=True):
    """What is set: limits per minute and at once, and how to wait."""

    requests: int | None = None
    tokens: int | None = None
    concurrency: int | None = None
    queue: int = 10_000
    longest_wait: float = 120.0
    adaptive: bool = True


class Grant(Struct, frozen=True):
    """What one takes with it that may leave: its number, when it left, the tokens charged, the rate it left at, what was full."""

    number: int
    at: float
    tokens: int = 0
    charged: int = 0
    rate: float = inf
    model: str = ""


class Enter(Struct, frozen=True):
    """One wants to leave."""

    waiter: Waiter


class Left(Struct, frozen=True):
    """One that waited went away."""

    waiter: Waiter


class Opened(Struct, frozen=True):
    """A stream began to answer."""

    grant: Grant
    told: RateLimits | None = None


class Ended(Struct, frozen=True):
    """One that left has ended. ``tokens`` is what it took, None when nobody knows; ``jitter`` is a random number in [0, 1)."""

    grant: Grant
    how: How = "accepted"
    tokens: int | None = None
    told: RateLimits | None = None
    retry_after: float | None = None
    jitter: float = 0.0
    ramp: bool = False


class Hold(Struct, frozen=True):
    """Nothing is to leave for so many seconds."""

    seconds: float


class Tick(Struct, frozen=True):
    """Time has passed."""


Event: TypeAlias = Enter | Left | Opened | Ended | Hold | Tick


class Granted(Struct, frozen=True):
    """The one of this number may leave."""

    number: int
    grant: Grant


class Refused(Struct, frozen=True):
    """The one of this number may not; it makes sense to come back after so many seconds, where that is known."""

    number: int
    why: Why
    seconds: float | None = None


class Pausing(Struct, frozen=True):
    """Nothing leaves for so many seconds."""

    seconds: float


Command: TypeAlias = Granted | Refused | Pausing
Commands: TypeAlias = tuple[Command, ...]


class Scope(Struct, frozen=True):
    """One quota as it is now. ``easy`` says that nothing but ``room`` stands in the way of one more; ``charged`` counts tokens."""

    rules: Rules
    easy: bool
    room: float
    """How many may be under way, when it was last looked at."""
    under_way: int = 0
    granted: int = 0
    charged: int = 0
    began: float = 0.0
    before: int = 0
    """How many had left when the last few seconds began."""
    paused_until: float = -inf
    learned: Room = rooms.UNKNOWN
    pace: Pace | None = None
    minute: Minute | None = None
    told: Told | None = None
    queue: Queue = EMPTY
    turns: float = -inf
    """Up to when the turns of set requests have been given away, each as long as its share of a minute."""


def scope_of(rules: Rules, now: float) -> Scope:
    """A quota of which nothing is known yet but what is set, which is believed."""
    minute = None if rules.requests is None and rules.tokens is None else minute_windows.begun(now)
    learned = rooms.UNKNOWN if rules.concurrency is None else rooms.Room(size=max(rooms.FIRST, float(rules.concurrency)))
    return _settled(Scope(rules, False, 0.0, began=now, minute=minute, learned=learned), now)


def counts_tokens(scope: Scope) -> bool:
    """Say whether requests are to come with their size."""
    return scope.rules.tokens is not None or (scope.told is not None and low_on_tokens(scope.told))


def ready_at(scope: Scope, waiter: Waiter) -> float:
    """When time alone would let a request leave: `inf` when it waits for another one to end."""
    if scope.under_way >= scope.room:
        return inf
    ready = scope.paused_until
    if scope.pace is not None:
        ready = max(ready, scope.pace.due)
    if scope.minute is not None:
        rules = scope.rules
        ready = max(ready, minute_windows.ready_at(scope.minute, requests=rules.requests, tokens=rules.tokens, size=waiter.tokens))
        if rules.requests:
            ready = max(ready, _turn_at(scope.turns, rules.requests))
    told = scope.told
    if told is not None and told.model == waiter.model:
        number, charged = scope.granted + 1, scope.charged
        ready = max(ready, told_ready_at(told, number=number, charged=charged, size=waiter.tokens))
    return ready


def _turn_at(turns: float, requests: int) -> float:
    """When the next turn begins, with the burst that may go ahead of it."""
    return turns - _MINUTE * (max(1, requests // _BURST_SHARE) - 1) / requests


def _turn_after(scope: Scope, requests: int, ahead: int, now: float) -> float:
    """The earliest moment for one that so many stand before: each takes its turn, and stays in the window for a minute."""
    turn = _turn_at(max(scope.turns, now), requests) + ahead * _MINUTE / requests
    if scope.minute is None:
        return turn
    minutes, others = divmod(ahead, requests)
    return max(turn, _MINUTE * minutes + max(now, minute_windows.ready_at(scope.minute, requests=requests - others, tokens=None, size=0)))


def wake_at(scope: Scope) -> float:
    """When a `Tick` is due: the next one may leave, or somebody has waited too long. `inf` when nobody waits."""
    following, impatient = first(scope.queue), first_to_give_up(scope.queue)
    if following is None or impatient is None:
        return inf
    return min(ready_at(scope, following), impatient.until)


def easily(scope: Scope, model: str, now: float) -> tuple[Scope, Grant | None]:
    """Let one leave where nothing but room is asked for and some is left; what `step` does then, without its size and its place."""
    if not scope.easy or scope.under_way >= scope.room:
        return scope, None
    return _moved(scope, 1, scope.told, None, now), Grant(scope.granted + 1, now, 0, scope.charged, inf, model)


def step(scope: Scope, event: Event, now: float) -> tuple[Scope, Commands]:
    """What follows from an event."""
    match event:
        case Ended():  # first, since it comes with every call
            if event.how == "accepted" and scope.under_way * 2 < scope.room and (scope.easy or _only_counts(scope)):
                told = scope.told if event.told is None else _newer(scope, event.grant, event.told)
                if told is scope.told or is_plentiful(told, scope.room):
                    minute = None if scope.minute is None else _corrected(scope.minute, event)
                    return _moved(scope, -1, told, minute, now), ()
            return _pumped(*_ended(_at(scope, now), event, now), now)
        case Enter(waiter):
            after, easy = easily(scope, waiter.model, now)
            if easy is not None:
                return after, (Granted(waiter.number, easy),)
            return _entered(_at(scope, now), waiter, now)
        case Opened(grant, told):
            return _pumped(_answered(_at(scope, now), grant, told, now, opened=True), (), now)
        case Left(waiter):
            return _pumped(replace(_at(scope, now), queue=without(scope.queue, waiter)), (), now)
        case Hold(seconds):
            return _pumped(*_paused(_at(scope, now), now + seconds, now), now)
        case Tick():
            return _pumped(_at(scope, now), (), now)
        case _:
            assert_never(event)


def standing_of(scope: Scope, now: float, endpoint: Endpoint, key_fingerprint: str | None) -> ScopeStanding:
    """How a quota stands."""
    seen, rules = _at(scope, now), scope.rules
    minute, told = seen.minute, None if seen.told is None else seen.told.limits
    ready = ready_at(seen, Waiter(0, inf, "" if seen.told is None else seen.told.model))
    told_requests, told_tokens = (None, None) if told is None else (told.requests, told.tokens)
    return ScopeStanding(
        provider=endpoint.provider,
        endpoint=endpoint.base_url,
        key_fingerprint=key_fingerprint,
        under_way=seen.under_way,
        waiting=seen.queue.size,
        concurrency=None if seen.room == inf else int(seen.room),
        requests_per_second=None if seen.pace is None else paces.rate_at(seen.pace, now),
        requests=told_requests if rules.requests is None else rules.requests,
        requests_left=_left(rules.requests, None if minute is None else minute.all_requests, None if told is None else told.requests_left),
        tokens=told_tokens if rules.tokens is None else rules.tokens,
        tokens_left=_left(rules.tokens, None if minute is None else minute.all_tokens, None if told is None else told.tokens_left),
        paused_seconds=max(0.0, seen.paused_until - now),
        ready_in_seconds=None if ready == inf else max(0.0, ready - now),
        told=told,
    )


def _left(limit: int | None, used: int | None, told: int | None) -> int | None:
    return told if limit is None else max(0, limit - (used or 0))


def _only_counts(scope: Scope) -> bool:
    """Say whether set limits per minute are all there is to look after."""
    return scope.minute is not None and scope.pace is None and not scope.queue.size and rooms.is_steady(scope.learned)


def _corrected(minute: Minute | None, ended: Ended) -> Minute | None:
    """The minute with what one really took in the place of what it was charged."""
    if minute is None:
        return None
    back = -1 if ended.how == "unsent" else 0
    more = 0 if ended.tokens is None else ended.tokens - ended.grant.tokens
    return minute_windows.corrected(minute, ended.grant.at, back, more) if back or more else minute


def _moved(scope: Scope, by: int, told: Told | None, minute: Minute | None, now: float) -> Scope:
    """With one more, or one fewer, under way, what was told last and what counts; nothing else changed."""
    began, before = scope.began, scope.before
    if now - began > _FEW_SECONDS:
        began, before = now, scope.granted
    return Scope(
        scope.rules,
        scope.easy,
        scope.room,
        scope.under_way + by,
        scope.granted + (by > 0),
        scope.charged,
        began,
        before,
        scope.paused_until,
        scope.learned,
        scope.pace,
        minute,
        told,
        scope.queue,
        scope.turns,
    )


def _at(scope: Scope, now: float) -> Scope:
    """The same quota seen from now."""
    minute = None if scope.minute is None else minute_windows.at(scope.minute, now)
    room = scope.room if rooms.is_steady(scope.learned) else _room(scope, now)
    return scope if room == scope.room and minute is scope.minute else replace(scope, room=room, minute=minute)


def _settled(scope: Scope, now: float) -> Scope:
    """With what follows for the next request of what is known now."""
    room = _room(scope, now)
    easy = (
        scope.pace is None
        and scope.minute is None
        and not scope.queue.size
        and scope.paused_until <= now
        and rooms.is_steady(scope.learned)
        and is_plentiful(scope.told, room)
    )
    return scope if easy == scope.easy and room == scope.room else replace(scope, easy=easy, room=room)


def _room(scope: Scope, now: float) -> float:
    rules = scope.rules
    most = inf if rules.concurrency is None else float(rules.concurrency)
    return min(most, rooms.room_at(scope.learned, now)) if rules.adaptive else most


def _entered(scope: Scope, waiter: Waiter, now: float) -> tuple[Scope, Commands]:
    rules, ready = scope.rules, ready_at(scope, waiter)
    if not scope.queue.size and ready <= now:
        return _granted(scope, waiter, now)
    if rules.tokens is not None and waiter.tokens > rules.tokens:
        return scope, (Refused(waiter.number, "size"),)
    pause = scope.paused_until - now
    if pause > waiter.patience:
        return scope, (Refused(waiter.number, "paused", pause),)
    wait = pause if ready == inf else ready - now
    if rules.requests and scope.queue.size:
        wait = max(wait, _turn_after(scope, rules.requests, ahead_of(scope.queue, waiter), now) - now)
    if now + wait > waiter.until:
        return scope, (Refused(waiter.number, "wait", wait),)
    if scope.queue.size >= rules.queue:
        return scope, (Refused(waiter.number, "full", max(0.0, ready - now) if ready < inf else None),)
    return _pumped(replace(scope, queue=joined(scope.queue, waiter)), (), now)


def _granted(scope: Scope, waiter: Waiter, now: float) -> tuple[Scope, Commands]:
    """Let one leave."""
    number, tokens, pace = scope.granted + 1, waiter.tokens, scope.pace
    grant = Grant(number, now, tokens, scope.charged, inf if pace is None else paces.rate_at(pace, now), waiter.model)
    under_way = scope.under_way + 1
    began, before = scope.began, scope.before
    if now - began > _FEW_SECONDS:
        began, before = now, scope.granted
    after = Scope(
        scope.rules,
        False,
        scope.room,
        under_way,
        number,
        scope.charged + tokens,
        began,
        before,
        scope.paused_until,
        scope.learned if scope.learned.climb is None else rooms.peaked(scope.learned, under_way),
        None if pace is None else paces.granted(pace, now),
        None if scope.minute is None else minute_windows.left(scope.minute, tokens),
        scope.told,
        scope.queue,
        scope.turns if not scope.rules.requests else max(scope.turns, now) + _MINUTE / scope.rules.requests,
    )
    same = scope.minute is not None and after.learned is scope.learned  # what is counted by the minute is never easy
    return after if same else _settled(after, now), (Granted(waiter.number, grant),)


def _answered(scope: Scope, grant: Grant, told: RateLimits | None, now: float, *, opened: bool = False) -> Scope:
    """After an answer, or the beginning of a streamed one."""
    if not scope.rules.adaptive:
        return scope
    full = scope.under_way * 2 >= scope.room
    learned = rooms.accepted(scope.learned, more=(2.0 if opened else 1.0) if full else 0.0, now=now)
    pace = None if scope.pace is None else paces.accepted(scope.pace, now)
    known = _newer(scope, grant, told)
    if learned is scope.learned and pace is scope.pace and known is scope.told:
        return scope
    return _at(replace(scope, learned=learned, pace=pace, told=known), now)


def _newer(scope: Scope, grant: Grant, told: RateLimits | None) -> Told | None:
    """What was told last, by when its request left."""
    known = scope.told
    if told is None or not scope.rules.adaptive or (known is not None and grant.number < known.number):
        return known
    return Told(told, grant.model, grant.at, grant.number, grant.charged + grant.tokens)


def _ended(scope: Scope, ended: Ended, now: float) -> tuple[Scope, Commands]:
    """After one that left has come to its end."""
    grant, how = ended.grant, ended.how
    commands: Commands = ()
    if how == "accepted":
        scope = _answered(scope, grant, ended.told, now)
    elif scope.rules.adaptive and how in ("limited", "crowded"):
        scope, commands = _refused(scope, ended, now)
    return (
        Scope(
            scope.rules,
            False,
            scope.room,
            scope.under_way - 1,
            scope.granted,
            scope.charged,
            scope.began,
            scope.before,
            scope.paused_until,
            scope.learned,
            scope.pace,
            _corrected(scope.minute, ended),
            scope.told,
            scope.queue,
            scope.turns - _MINUTE / scope.rules.requests if how == "unsent" and scope.rules.requests else scope.turns,
        ),
        commands,
    )


def _refused(scope: Scope, ended: Ended, now: float) -> tuple[Scope, Commands]:
    """After the provider refused one, for a rate or for a crowd: learn from it, and pause."""
    grant, seconds = ended.grant, ended.retry_after
    if ended.how == "crowded":
        learned = rooms.crowded(
            scope.learned, number=grant.number, latest=scope.granted, under_way=scope.under_way, now=now, ramp=ended.ramp
        )
        scope = replace(scope, learned=learned)
    else:
        pace = _slowed(scope, grant, now)
        if seconds is None and pace is not scope.pace:
            seconds = paces.blind_pause(pace)
        scope = replace(scope, pace=pace)
    if seconds is None:
        return scope, ()
    spread = ended.jitter * min(_LARGEST_SPREAD, _SPREAD * seconds)
    return _paused(scope, now + min(seconds, _LONGEST_PAUSE) + spread, now)


def _slowed(scope: Scope, grant: Grant, now: float) -> Pace:
    """The pace after a refusal for a rate."""
    if scope.pace is not None:
        return paces.refused(scope.pace, number=grant.number, at=grant.at, rate=grant.rate, latest=scope.granted, now=now)
    taken, seconds = max(0, grant.number - scope.before - 1), max(1e-3, now - scope.began)
    return paces.first_refused(taken=taken, seconds=seconds, latest=scope.granted, lasted=now - grant.at, now=now)


def _paused(scope: Scope, until: float, now: float) -> tuple[Scope, Commands]:
    """Let nothing leave before then; who does not bear that is told at once."""
    if until <= max(scope.paused_until, now):
        return scope, ()
    seconds = until - now
    noticed = until - max(scope.paused_until, now) > _NOTICEABLE_SECONDS
    commands: list[Command] = [Pausing(seconds)] if noticed else []
    queue = scope.queue
    for waiter in everybody(queue):
        if seconds > waiter.patience:
            queue = without(queue, waiter)
            commands.append(Refused(waiter.number, "paused", seconds))
        elif until > waiter.until:
            queue = without(queue, waiter)
            commands.append(Refused(waiter.number, "wait", seconds))
    pace = None if scope.pace is None else paces.paused(scope.pace, until)
    return replace(scope, paused_until=until, pace=pace, queue=queue), tuple(commands)


def _pumped(scope: Scope, commands: Commands, now: float) -> tuple[Scope, Commands]:
    """Let leave who may, in their order, and refuse who has waited too long."""
    scope = _at(scope, now)
    if not scope.queue.size:
        return _settled(scope, now), commands
    told = list(commands)
    while (impatient := first_to_give_up(scope.queue)) is not None and impatient.until <= now:
        scope = replace(scope, queue=without(scope.queue, impatient))
        ready = ready_at(scope, impatient)
        told.append(Refused(impatient.number, "late", max(0.0, ready - now) if ready < inf else None))
    while (following := first(scope.queue)) is not None and ready_at(scope, following) <= now:
        scope, granted = _granted(replace(scope, queue=without_first(scope.queue)), following, now)
        told.extend(granted)
    return _settled(scope, now), tuple(told)
