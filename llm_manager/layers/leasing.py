"""Which key of a provider is sent: its ring in a cell, a lease for each attempt, and keys that are fetched when they are due."""

from collections.abc import Mapping
from math import inf
from typing import Final, Literal

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import AuthenticationFailed, LLMError, Origin
from llm_manager.domain.events import KeyChanged
from llm_manager.domain.secrets import Secret
from llm_manager.domain.standing import KeyStanding
from llm_manager.layers.fetching_keys import FetchedKeys, ReadKeys
from llm_manager.outcomes import Settled
from llm_manager.policies import keys
from llm_manager.policies.keys import Ring, Rotation
from llm_manager.services.gates import LET_THROUGH, Emit, End, Pass, Replied
from llm_manager.services.guards import Keys
from llm_manager.services.world import World

_WHY: Final[Mapping[keys.Withheld, str]] = {
    "retired": "it is not in use any more",
    "refused": "it was refused",
    "not_allowed": "it may not do what was asked",
    "quota": "its quota is spent",
    "cooling": "it was asked to slow down",
}


@frozen(kw_only=True)
class _Held:
    """The ring of one provider, and where its keys come from when they are fetched."""

    provider: str
    rotation: Rotation
    ring: Cell[Ring]
    fetched: FetchedKeys | None = None


def leasing(providers: Mapping[str, ProviderSettings], world: World, read: ReadKeys) -> Keys:
    """The keys of every provider that has several, or fetches them; ``read`` gives those that a file holds."""
    rings = {name: _held(name, settings, world, read) for name, settings in providers.items() if keys.has_ring(settings)}
    if not rings:
        return Keys(choose=lambda _, own: own, others=lambda _, __: False, ready=None, gate=None, standing=tuple)
    now = world.now
    sources = {name: held.fetched for name, held in rings.items() if held.fetched is not None}

    def choose(provider: str, own: Secret | None) -> Secret | None:
        held = rings.get(provider)
        if held is None:
            return own
        at, rotation = now(), held.rotation
        chosen = held.ring.decide(lambda ring: keys.pick(ring, rotation, at))
        return own if chosen is None else chosen

    def others(provider: str, secret: Secret | None) -> bool:
        held = rings.get(provider)
        if held is None:
            return False
        return keys.works_beside(held.ring.read(), secret, now()) or (held.fetched is not None and held.fetched.may_bring_another())

    async def ready(provider: str, emit: Emit) -> LLMError | None:
        source = sources.get(provider)
        return None if source is None else await source.ready(emit)

    async def gate(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        held = rings.get(attempt.endpoint.provider)
        return LET_THROUGH if held is None or attempt.key is None else _leased(held, attempt, attempt.key, emit, world)

    def standing() -> tuple[KeyStanding, ...]:
        at = now()
        return tuple(each for held in rings.values() for each in _standing(held, at))

    return Keys(choose=choose, others=others, ready=ready if sources else None, gate=gate, standing=standing)


def _held(name: str, settings: ProviderSettings, world: World, read: ReadKeys) -> _Held:
    own = keys.own_keys(settings)
    ring = Cell(keys.ring_of(own))
    rotation = Rotation(kind=settings.key_rotation, seconds=settings.key_rotation_seconds, uses=settings.key_rotation_uses)
    if not keys.fetches_keys(settings):
        return _Held(provider=name, rotation=rotation, ring=ring)
    fetched = FetchedKeys(provider=name, settings=settings, own=own, ring=ring, world=world, read=read)
    return _Held(provider=name, rotation=rotation, ring=ring, fetched=fetched)


def _leased(held: _Held, attempt: AnyAttempt, secret: Secret, emit: Emit, world: World) -> Settled[Pass, LLMError]:
    began, ring, rotation = world.now(), held.ring, held.rotation
    refused = ring.decide(lambda before: keys.lease(before, secret, began))
    if refused is not None:
        return Failure(_refusal(refused, attempt, secret))
    if ring.read().told is not secret and ring.decide(lambda before: keys.is_news(before, secret, rotation)):
        _tell(held, secret, "preferred", began, emit)

    def ended(how: End) -> None:
        if isinstance(how, Replied):
            ring.swap(lambda before: keys.answered(before, secret, began))
            return
        at = world.now()
        out = ring.decide(lambda before: keys.failed(before, secret, how, at))
        if out is not None:
            if out == "refused" and held.fetched is not None:
                held.fetched.refused()
            _tell(held, secret, "refused" if out in ("refused", "not_allowed") else "cooling", at, emit)

    return Success(Pass(ended=ended))


def _tell(held: _Held, secret: Secret, change: Literal["preferred", "cooling", "refused"], at: float, emit: Emit) -> None:
    emit(KeyChanged(at=at, provider=held.provider, key_fingerprint=secret.fingerprint, change=change))


def _refusal(why: keys.Withheld, attempt: AnyAttempt, secret: Secret) -> LLMError:
    """Why an attempt does not leave with its key; another one would do."""
    message = f"key {secret.fingerprint} is not sent: {_WHY[why]}"
    origin = Origin(provider=attempt.endpoint.provider, endpoint=attempt.endpoint.base_url, key_fingerprint=secret.fingerprint)
    return AuthenticationFailed(model=attempt.model.name, message=message, local=True, origin=origin)


def _standing(held: _Held, now: float) -> tuple[KeyStanding, ...]:
    trouble = None if held.fetched is None else held.fetched.trouble()
    stale = None if trouble is None else f"in use still: {describe(trouble)}"
    return tuple(
        KeyStanding(
            provider=held.provider,
            fingerprint=key.secret.fingerprint,
            usable=key.kept and key.back <= now,
            leases=key.leases,
            uses=key.uses,
            reason=_WHY["retired"] if not key.kept else stale if key.back <= now else _WHY[key.out or "cooling"],
            back_in_seconds=key.back - now if key.kept and now < key.back < inf else None,
        )
        for key in held.ring.read().keys
    )
