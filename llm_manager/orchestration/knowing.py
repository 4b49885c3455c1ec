"""What a route is decided on: one snapshot of candidates and what has been seen of them, renewed only when it changes."""

from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve, field, frozen

from llm_manager.cells import Cell
from llm_manager.domain.events import AttemptAnswered, Event
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.plans import Candidate, Snapshot, Unavailable
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.statistics import Statistics
from llm_manager.policies.names import AUTO, canonical_provider, provider_of_model, short_name
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
    snapshot: Snapshot


_NOBODY: Final[Mapping[str, float]] = {}


class Knowledge:
    """The cell of what is known, and the snapshot made of it."""

    __slots__ = ("_known", "_seen", "_shut", "_statistics")

    def __init__(
        self, known: Known, statistics: Callable[[], Statistics], shut: Callable[[], Mapping[str, float]] = lambda: _NOBODY
    ) -> None:
        """``shut`` gives the endpoints whose breakers refuse now, the very same mapping until that changes."""
        self._known = Cell(known)
        self._statistics = statistics
        self._shut = shut
        self._seen = Cell(_renewed(None, known, statistics(), shut()))

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
        seen = self._seen.read()
        if seen.known is not known or seen.shut is not shut or seen.statistics_version != statistics.version:
            seen = self._seen.swap(lambda old: _renewed(old, known, statistics, shut))
        return seen.snapshot

    def learn_clients(self, found: Mapping[str, ModelClient], unavailable: tuple[Unavailable, ...]) -> None:
        """Add clients that were found, and say why others were not."""
        self._known.swap(lambda known: evolve(known, clients={**known.clients, **found}, unavailable=(*known.unavailable, *unavailable)))

    def learn_health(self, healths: tuple[Health, ...]) -> tuple[Health, ...]:
        """Remember how endpoints were when last asked, and pass it on."""
        told = {health.provider: health.healthy for health in healths}
        self._known.swap(lambda known: known if known.healthy == told else evolve(known, healthy=told))
        return healths

    def hear(self, event: Event) -> None:
        """Believe an answer more than an older look: who answers is well again."""
        if isinstance(event, AttemptAnswered) and self._known.read().healthy.get(event.provider) is False:
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


def _renewed(old: _Seen | None, known: Known, statistics: Statistics, shut: Mapping[str, float]) -> _Seen:
    listed = [(client, profile, False) for client in known.clients.values() for profile in client.profiles]
    listed += [(known.clients[owner], profile, True) for (owner, _), profile in known.named.items()]
    candidates = tuple(
        Candidate(
            profile=profile,
            endpoint=client.endpoint,
            healthy=known.healthy.get(profile.provider),
            breaker_open=client.endpoint.identity in shut,
            latency_seconds=seen.latency_seconds if (seen := statistics.models.get(f"{profile.provider}/{profile.name}")) else None,
            success_rate=seen.success_rate if seen else None,
            only_named=named,
        )
        for client, profile, named in listed
    )
    version = 1 if old is None else old.snapshot.version + 1
    names = tuple(sorted({name for client in known.clients.values() for name in client.known}))
    snapshot = Snapshot(version=version, candidates=candidates, unavailable=known.unavailable, known_names=names)
    return _Seen(known=known, statistics_version=statistics.version, shut=shut, snapshot=snapshot)
