"""How many requests a second a provider takes, learned: nothing is paced until one is refused.

What left since the last refusal was accepted, so its number over that time is what the provider takes at least, and the rate
at which the refused one left is more than it takes. After a refusal the pace climbs between the two along the curve of
`climbing`; requests leave one by one, each at its turn. Of all that were under way only the first refusal counts.
"""

from math import sqrt

from msgspec import Struct
from msgspec.structs import replace

from llm_manager.policies.climbing import PLATEAU_SECONDS, Climb, height, held

_LEAST_RATE = 0.02
_SLACK_SECONDS = 0.02
"""How late a timer may be without a turn being lost."""
_BUCKET_SECONDS = 0.5
"""A first burst is taken to have been saved up for so long."""
_KEPT = 0.97
_UNSURE_SECONDS = 4.0
_QUICKEST_DOUBLING = 0.2
_LEAST_START = 0.5
_MOMENT = 0.02
_SURE = 0.75
_FORGOTTEN_SECONDS = 600.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 8.0
_MOST_FRUITLESS = 7


class Pace(Struct, frozen=True):
    """What is known. Refusals of grants up to ``number``, that left before ``since``, are old news; ``due`` is the next turn.

    ``fruitless`` counts refusals without an answer in between, ``bucket`` is how many were taken at first, all at once as it may
    be, and ``rest`` how long nothing left since then because that was asked for.
    """

    climb: Climb
    number: int
    since: float
    due: float
    fruitless: int
    bucket: int
    rest: float


def rate_at(pace: Pace, now: float) -> float:
    """How many a second leave."""
    return max(_LEAST_RATE, height(pace.climb, now))


def granted(pace: Pace, now: float) -> Pace:
    """After one more has left. Time in which nobody wanted to leave proves nothing: the climb waits for them."""
    climb, due = pace.climb, pace.due
    idle = now - _SLACK_SECONDS - due
    if idle > 0.0:
        climb = held(climb, min(idle, max(0.0, now - climb.since)))
        due += idle
    return Pace(climb, pace.number, pace.since, due + 1.0 / rate_at(pace, now), pace.fruitless, pace.bucket, pace.rest)


def accepted(pace: Pace, now: float) -> Pace | None:
    """After an answer, or the beginning of one; what was learned long ago is forgotten."""
    if now - pace.since > _FORGOTTEN_SECONDS:
        return None
    return replace(pace, fruitless=0) if pace.fruitless else pace


def first_refused(*, taken: int, seconds: float, latest: int, lasted: float, now: float) -> Pace:
    """After a first refusal, that ``lasted`` so long, when so many of the ``latest`` had left within so many seconds before."""
    start = max(_LEAST_START, taken / (seconds + _BUCKET_SECONDS))
    return Pace(Climb(start, start, now, 0.0, max(_QUICKEST_DOUBLING, lasted)), latest, now, now, 1, taken, 0.0)


def refused(pace: Pace, *, number: int, at: float, rate: float, latest: int, now: float) -> Pace:
    """After the refusal of grant ``number`` of ``latest``, which left ``at`` then; the same when that is old news."""
    if number <= pace.number:
        return pace
    taken, seconds, was = number - pace.number - 1, max(1e-3, at - pace.since), pace.climb
    fruitless = min(_MOST_FRUITLESS, pace.fruitless + 1)
    if not taken:  # nobody was let in since the last time: that says how long to wait, and nothing of a rate
        climb = Climb(max(_LEAST_RATE, was.start / 2.0), was.target, now, was.plateau, was.doubling)
        return Pace(climb, latest, now, now, fruitless, pace.bucket, 0.0)
    # Refused, the bucket was empty: what was taken is what came in, less what ran over while it was full. It cannot have
    # been fuller than ``bucket``, nor have been drained by more than that while the pace was above what comes in.
    active = max(1e-3, seconds - pace.rest)
    high = rate if was.doubling or active > was.plateau else min(rate, (taken + 1) / active)
    low = max((taken + 1) / seconds, (taken - pace.bucket) / active)
    if was.doubling or active > was.plateau:
        steep = max(0.0, rate - height(was, at - _MOMENT)) / _MOMENT
        low = max(low, rate - sqrt(2.0 * pace.bucket * steep))
    low = min(low, high)
    sure = low >= _SURE * high
    start = max(_LEAST_RATE, _KEPT * low if sure or was.doubling else sqrt(low * high))
    climb = Climb(start, max(start, low if sure else high), now, PLATEAU_SECONDS if sure else _UNSURE_SECONDS)
    return Pace(climb, latest, now, now, fruitless, pace.bucket, 0.0)


def blind_pause(pace: Pace) -> float:
    """How long to wait after a refusal that does not say."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (pace.fruitless - 1))


def paused(pace: Pace, until: float) -> Pace:
    """Nothing leaves before then: the next turn is there, and the climb waits."""
    rest = max(0.0, until - pace.due)
    return replace(pace, climb=held(pace.climb, rest), due=max(pace.due, until), rest=pace.rest + rest)
