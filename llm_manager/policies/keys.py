"""Which key of a provider is sent: a ring of keys, and what is known of each of them.

Every function is a step: the ring as it was and what happened give the ring as it is. Keys are told apart by identity, so
what was taken from a ring is what is given back to it.
"""

from collections.abc import Iterable
from math import inf
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from llm_manager.domain.configuration import KeyRotation, ProviderSettings
from llm_manager.domain.errors import AuthenticationFailed, LLMError, QuotaExhausted, RateLimitExceeded
from llm_manager.domain.secrets import Secret
from llm_manager.policies.headers import usable_key

Out: TypeAlias = Literal["refused", "not_allowed", "quota", "cooling"]
"""Why a key is passed over: it is wrong, may not do what was asked, has nothing left to spend, or was asked to slow down."""
Withheld: TypeAlias = Out | Literal["retired"]
"""Why an attempt may not leave with a key: it is passed over by now, or was taken out of use."""

_COOLING_SECONDS: Final = 1.0
"""How long a key is passed over that was asked to slow down and not told for how long."""
_NOT_ALLOWED_SECONDS: Final = 300.0
_QUOTA_SECONDS: Final = 3600.0
_LONGEST_SECONDS: Final = 86_400.0


class Key(Struct, frozen=True):
    """One key: how many attempts hold it, how many did, when it was last taken, and until when it is passed over."""

    secret: Secret
    leases: int = 0
    uses: int = 0
    last: int = 0
    back: float = -inf
    out: Out | None = None
    since: float = -inf
    kept: bool = True
    """False for one that was taken out of use while attempts hold it."""


class Rotation(Struct, frozen=True):
    """How a key is picked; ``seconds`` and ``uses`` say how long one stays the first of a failover."""

    kind: KeyRotation = "failover"
    seconds: float | None = None
    uses: int | None = None


class Ring(Struct, frozen=True):
    """The keys of one provider, best first. ``first`` is the one that a rotation has come to, ``taken`` times since ``since``."""

    keys: tuple[Key, ...] = ()
    turn: int = 0
    first: Secret | None = None
    since: float = -inf
    taken: int = 0
    told: Secret | None = None
    """The key that was last told to be the one in use."""


def own_keys(settings: ProviderSettings) -> tuple[Secret, ...]:
    """The keys that the settings themselves hold, best first, as they are sent."""
    first = (settings.api_key,) if settings.api_key else ()
    return tuple(dict.fromkeys(usable_key("", key).value_or(key) for key in (*first, *settings.api_keys)))


def fetches_keys(settings: ProviderSettings) -> bool:
    """Say whether keys are fetched, from a file or a function."""
    return settings.key_source is not None or settings.api_key_file is not None


def has_keys(settings: ProviderSettings) -> bool:
    """Say whether there is a key, or will be."""
    return bool(settings.api_key or settings.api_keys) or fetches_keys(settings)


def has_ring(settings: ProviderSettings) -> bool:
    """Say whether there is more to send than one key that never changes."""
    return settings.token_source is None and (fetches_keys(settings) or len(own_keys(settings)) > 1)


def ring_of(secrets: Iterable[Secret]) -> Ring:
    """A ring of keys, each of them once."""
    return Ring(keys=tuple(Key(secret) for secret in dict.fromkeys(secrets)))


def pick(ring: Ring, rotation: Rotation, now: float) -> tuple[Ring, Secret | None]:
    """The key to send now; when none works, the one that comes back soonest. None when there are no keys."""
    usable = [key for key in ring.keys if key.kept and key.back <= now]
    if not usable:
        waiting = [key for key in ring.keys if key.kept]
        soonest = min(waiting, key=lambda key: (key.back, key.last), default=None)
        return (ring, None) if soonest is None else _taken(ring, soonest)
    if rotation.kind == "spread":
        return _taken(ring, min(usable, key=lambda key: (key.leases, key.last)))
    if rotation.seconds is None and rotation.uses is None:
        return ring, usable[0].secret
    ring = _rotated(ring, rotation, usable, now)
    return replace(ring, taken=ring.taken + 1), ring.first


def _taken(ring: Ring, key: Key) -> tuple[Ring, Secret]:
    turn = ring.turn + 1
    return _with(replace(ring, turn=turn), key, replace(key, last=turn)), key.secret


def _rotated(ring: Ring, rotation: Rotation, usable: list[Key], now: float) -> Ring:
    """The ring with its first key moved on, when its time or its uses are over or it does not work."""
    seconds, uses = rotation.seconds, rotation.uses
    works = any(key.secret is ring.first for key in usable)
    over = (seconds is not None and now - ring.since >= seconds) or (uses is not None and ring.taken >= uses)
    if works and not over:
        return ring
    at = next((at for at, key in enumerate(ring.keys) if key.secret is ring.first), -1)
    following = (*ring.keys[at + 1 :], *ring.keys[: at + 1])
    first = next(key.secret for key in following if key in usable)
    return replace(ring, first=first, since=now, taken=0)


def works_beside(ring: Ring, secret: Secret | None, now: float) -> bool:
    """Say whether there is a key that works and is another one."""
    return any(key.kept and key.back <= now and key.secret is not secret for key in ring.keys)


def any_works(ring: Ring, now: float) -> bool:
    """Say whether there is a key that works."""
    return any(key.kept and key.back <= now for key in ring.keys)


def is_news(ring: Ring, secret: Secret, rotation: Rotation) -> tuple[Ring, bool]:
    """Say whether a key that is sent is another than the one in use so far; where keys take turns, none is."""
    if rotation.kind == "spread" or ring.told is secret:
        return ring, False
    return replace(ring, told=secret), ring.told is not None


def lease(ring: Ring, secret: Secret, now: float) -> tuple[Ring, Withheld | None]:
    """Hold a key for an attempt, or say why another one must be picked."""
    key = _find(ring, secret)
    if key is None or not key.kept:
        return ring, "retired"
    if key.out is not None and key.back > now and works_beside(ring, secret, now):
        return ring, key.out
    return _with(ring, key, replace(key, leases=key.leases + 1, uses=key.uses + 1)), None


def answered(ring: Ring, secret: Secret, began: float) -> Ring:
    """Give a key back that worked; one that was passed over before the attempt ``began`` is as good as any other again."""
    key = _find(ring, secret)
    if key is None:
        return ring
    if key.out is not None and began >= key.since:
        key_back = replace(key, back=-inf, out=None)
        return _given_back(_with(ring, key, key_back), key_back)
    return _given_back(ring, key)


def failed(ring: Ring, secret: Secret, error: LLMError | None, now: float) -> tuple[Ring, Out | None]:
    """Give a key back that met an error, or None when its attempt was left; says why it is passed over from now on, if it is."""
    key = _find(ring, secret)
    if key is None:
        return ring, None
    met = _met(error, now)
    if met is None:
        return _given_back(ring, key), None
    why, back = met
    news = why if key.out != why or key.back <= now else None
    outside = replace(key, out=why, back=max(back, key.back), since=now)
    return _given_back(_with(ring, key, outside), outside), news


def _met(error: LLMError | None, now: float) -> tuple[Out, float] | None:
    """Why a key is passed over after an error, and until when; None when it is not the key's matter."""
    match error:
        case AuthenticationFailed(reason="key"):
            return "refused", inf
        case AuthenticationFailed():
            return "not_allowed", now + _NOT_ALLOWED_SECONDS
        case QuotaExhausted(scope="key"):
            return "quota", now + _QUOTA_SECONDS
        case RateLimitExceeded(scope="key", local=False, resend_helps=True, retry_after_seconds=seconds):
            return "cooling", now + min(_COOLING_SECONDS if seconds is None else seconds, _LONGEST_SECONDS)
        case _:
            return None


def refreshed(ring: Ring, secrets: Iterable[Secret]) -> tuple[Ring, tuple[tuple[Secret, ...], tuple[Secret, ...]]]:
    """The ring with just these keys to pick from; says which are new, and which are picked no more.

    A key that is taken out of use stays with the attempts that hold it. One that was refused and is given again stays refused.
    """
    known = {key.secret: key for key in ring.keys}
    given = tuple(dict.fromkeys(secrets))
    keys = tuple(replace(known[secret], kept=True) if secret in known else Key(secret) for secret in given)
    gone = tuple(key for key in ring.keys if key.secret not in given)
    held = tuple(replace(key, kept=False) for key in gone if key.leases)
    added = tuple(key.secret for key in keys if key.secret not in known or not known[key.secret].kept)
    return replace(ring, keys=(*keys, *held)), (added, tuple(key.secret for key in gone if key.kept))


def _find(ring: Ring, secret: Secret) -> Key | None:
    for key in ring.keys:
        if key.secret is secret:
            return key
    return None


def _with(ring: Ring, old: Key, new: Key) -> Ring:
    return replace(ring, keys=tuple([new if key is old else key for key in ring.keys]))  # on every call: a generator takes twice as long


def _given_back(ring: Ring, key: Key) -> Ring:
    left = max(0, key.leases - 1)
    if not key.kept and not left:
        return replace(ring, keys=tuple(other for other in ring.keys if other is not key))
    return _with(ring, key, replace(key, leases=left))
