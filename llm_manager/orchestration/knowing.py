"""What a route is decided on: one snapshot of candidates and what has been seen of them, renewed only when it changes."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from llm_manager.cells import Cell
from llm_manager.domain.events import AttemptAnswered, AttemptFailed, Event
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.plans import Candidate, Snapshot, Unavailable
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.statistics import ModelStatistics, Statistics
from llm_manager.policies.connectivity import UNKNOWN, after_event, after_look, online
from llm_manager.policies.latencies import percentile
from llm_manager.policies.names import AUTO, canonical_provider, provider_of_model, short_name
from llm_manager.policies.statistics import statistics_of
from llm_manager.services.model_client import ModelClient

_NAMES_KEPT = 1000


@frozen(kw_only=True)
class Known:
    """What is known beside statistics. ``named`` are models that a request named and no settings list."""

    clients: Mapping[str, ModelClient]
    unavailable: tuple[Unavailable, ...] = ()
    named: Mapping[tuple[str, str], ModelProfile] = field(factory=dict)
    healthy: Mapping[str, bool] = field(factory=dict)


@frozen(kw_only=True)
class _Seen:
    known: Known
    statistics_version: int
    shut: Mapping[str, float]
    offline: bool
    snapshot: Snapshot


_NOBODY: Final[Mapping[str, float]] = {}


class Knowledge:
    """The cell of what is known, and the snapshot made of it."""

    __slots__ = ("_connectivity", "_known", "_now", "_seen", "_shut", "_statistics")

    def __init__(
        self,
        known: Known,
        statistics: Callable[[], Statistics],
        shut: Callable[[], Mapping[str, float]] = lambda: _NOBODY,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """``shut`` gives the endpoints whose breakers refuse now, the very same mapping until that changes."""
        self._known = Cell(known)
        self._statistics = statistics
        self._shut = shut
        self._now = now
        self._connectivity = Cell(UNKNOWN)
        self._seen = Cell(_renewed(None, known, statistics(), shut(), offline=False))

    def clients(self) -> Mapping[str, ModelClient]:
        """Every client that may be asked, by provider."""
        return self._known.read().clients

    def snapshot(self, request: LLMRequest) -> Snapshot:
        """What is known now, the model that the request names included."""
        if request.preferences.model:
            self._meet(request.preferences.model, request.preferences.provider)
        return self.as_it_is()

    def as_it_is(self) -> Snapshot:
        """What is known now."""
        known, statistics, shut = self._known.read(), self._statistics(), self._shut()
        offline = bool(self._connectivity.read().unreached) and self.online() is False
        seen = self._seen.read()
        if seen.known is not known or seen.shut is not shut or seen.statistics_version != statistics.version or seen.offline is not offline:
            seen = self._seen.swap(lambda old: _renewed(old, known, statistics, shut, offline=offline))
        return seen.snapshot

    def online(self) -> bool | None:
        """Say whether anybody elsewhere can be reached; None when that is not known."""
        seen = self._connectivity.read()
        return online(seen, self._elsewhere() if seen.unreached else (), now=self._now())

    def _elsewhere(self) -> tuple[str, ...]:
        return tuple(name for name, client in self.clients().items() if client.endpoint.locality != "local")

    def learn_clients(self, found: Mapping[str, ModelClient], unavailable: tuple[Unavailable, ...]) -> None:
        """Add clients that were found, and say why others were not."""
        self._known.swap(lambda known: evolve(known, clients={**known.clients, **found}, unavailable=(*known.unavailable, *unavailable)))

    def learn_health(self, healths: tuple[Health, ...]) -> tuple[Health, ...]:
        """Remember how endpoints were when last asked, and pass it on."""
        told = {health.provider: health.healthy for health in healths}
        self._known.swap(lambda known: known if known.healthy == told else evolve(known, healthy=told))
        elsewhere, now = self._elsewhere(), self._now()
        self._connectivity.swap(lambda seen: after_look(seen, healths, elsewhere, now=now))
        return healths

    def hear(self, event: Event) -> None:
        """Believe an answer more than an older look: who answers is well again, and the world elsewhere is there."""
        if not isinstance(event, (AttemptAnswered, AttemptFailed)):  # a union of them would be made anew on every event
            return
        known = self._known.read()
        asked = known.clients.get(event.provider)
        if asked is not None and asked.endpoint.locality != "local":
            seen = self._connectivity.read()
            if after_event(seen, event) is not seen:
                self._connectivity.swap(after_event, event)
        if known.healthy and isinstance(event, AttemptAnswered) and known.healthy.get(event.provider) is False:
            self._known.swap(lambda known: evolve(known, healthy={**known.healthy, event.provider: True}))

    def _meet(self, model: str, provider: str | None) -> None:
        known = self._known.read()
        vendor, slash, name = model.partition("/")
        if slash and not provider and not any(model in client.known for client in known.clients.values()):
            model, provider = (name, told) if (told := canonical_provider(vendor)) in known.clients else (model, provider)
        owner = _owner(model, provider, known.clients)
        if owner is None or (owner, model) in known.named:
            return
        client = known.clients[owner]
        if model not in client.known and _stands_for_others(model, provider, owner):
            return
        if any(profile.name == model for profile in client.profiles):
            return
        profile = client.profile(model)
        self._known.swap(lambda old: evolve(old, named={**dict(list(old.named.items())[-_NAMES_KEPT:]), (owner, model): profile}))


def _stands_for_others(model: str, provider: str | None, owner: str) -> bool:
    """Say whether it is no model's name, but a word such as ``claude`` or ``auto``."""
    meant = short_name(model)
    return model == AUTO or (meant is not None and (provider in (None, "", AUTO) or meant[0] == owner))


def _owner(model: str, provider: str | None, clients: Mapping[str, ModelClient]) -> str | None:
    """Whose model it is: the named provider's, the one its name tells, or the only one there is."""
    if provider and provider != "auto":
        owner = canonical_provider(provider)
        return owner if owner in clients else None
    for name, client in clients.items():
        if any(profile.name == model for profile in client.profiles):
            return name
    told = provider_of_model(model)
    if told is not None:
        return told if told in clients else None
    real = [name for name, client in clients.items() if not all(profile.toy for profile in client.profiles)]
    return real[0] if len(real) == 1 else None


def _renewed(old: _Seen | None, known: Known, statistics: Statistics, shut: Mapping[str, float], *, offline: bool) -> _Seen:
    listed = [(client, profile, False) for client in known.clients.values() for profile in client.profiles]
    listed += [(known.clients[owner], profile, True) for (owner, _), profile in known.named.items()]
    candidates = tuple(
        Candidate(
            profile=profile,
            endpoint=client.endpoint,
            healthy=known.healthy.get(profile.provider),
            breaker_open=client.endpoint.identity in shut,
            unreached=offline and client.endpoint.locality != "local",
            only_named=named,
            **_seen_of(statistics_of(statistics, profile.provider, profile.name)),
        )
        for client, profile, named in listed
    )
    version = 1 if old is None else old.snapshot.version + 1
    names = tuple(sorted({name for client in known.clients.values() for name in client.known}))
    snapshot = Snapshot(version=version, candidates=candidates, unavailable=known.unavailable, known_names=names)
    return _Seen(known=known, statistics_version=statistics.version, shut=shut, offline=offline, snapshot=snapshot)


def _seen_of(seen: ModelStatistics | None) -> dict[str, Any]:
    """What routes may read of a model: estimates that move in steps, so that two models that are alike do not take turns."""
    if seen is None:
        return {}
    return {
        "latency_seconds": seen.latency_estimate_seconds,
        "success_rate": seen.success_estimate,
        "median_seconds": percentile(seen, 0.5),
        "tokens_per_second": seen.tokens_per_second,
        "attempts": seen.attempts,
    }
