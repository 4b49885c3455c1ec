"""What a history is made of: which providers, how they are set, what is asked and what goes wrong."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import inf
from random import Random

from attrs import evolve, field, frozen

from llm_manager.domain.configuration import (
    AdmissionSettings,
    BreakerSettings,
    Budget,
    CacheSettings,
    HedgingSettings,
    LLMConfig,
    ProviderSettings,
)
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.secrets import Secret
from tests.simulation.faults import FAULTS, ROWS, WAYS, Fault
from tests.simulation.providers import Dip, Provider, Queue, Window
from tests.simulation.servers import CLOUD, LOCAL, SERVERS
from tests.simulation.world import stream

_LONG = 300.0


@frozen(kw_only=True)
class Mix:
    """Shares of what is asked."""

    streams: float = 0.3
    batches: float = 0.01
    private: float = 0.1
    repeats: float = 0.15
    named: float = 0.1
    exact: float = 0.3
    """Of those that name a provider."""
    deadlines: float = 0.2
    timeouts: float = 0.1
    cancelled: float = 0.06
    abandoned: float = 0.1
    """Of streams."""
    cached: float = 0.3
    bounded: float = 0.7
    """With a bound on the answer's length."""


CALM = Mix(batches=0.0, deadlines=0.0, timeouts=0.0, cancelled=0.0, abandoned=0.0)


@frozen(kw_only=True)
class Scenario:
    """One kind of history. ``rate`` is requests a second, ``server_limits`` and ``server_room`` what providers themselves allow."""

    name: str
    providers: tuple[str, ...]
    rate: float = 20.0
    mix: Mix = field(factory=Mix)
    windows: Mapping[str, tuple[Window, ...]] = field(factory=dict)
    server_limits: Mapping[str, tuple[float, float]] = field(factory=dict)
    by_account: tuple[str, ...] = ()
    server_room: Mapping[str, int] = field(factory=dict)
    revoked: Mapping[str, float] = field(factory=dict)
    """When the first key of a provider is refused for good."""
    queue: Queue | None = None
    keys: int = 1
    settings: Mapping[str, ProviderSettings] = field(factory=dict)
    """Beside key and model, which are ours."""
    routing: RoutingPolicy = field(factory=RoutingPolicy)
    breaker: BreakerSettings = field(factory=BreakerSettings)
    admission: AdmissionSettings = field(factory=AdmissionSettings)
    hedging: HedgingSettings = field(factory=HedgingSettings)
    cache: CacheSettings = field(factory=CacheSettings)
    budgets: tuple[Budget, ...] = ()
    quiet: float = 8000.0
    """Seconds of peace before everything must answer again."""
    recovers_at: float | None = None
    """When goodput must be back, and stay so: see `recovering`."""

    def config(self) -> LLMConfig:
        """The settings of the manager."""
        return LLMConfig(
            providers={name: self._settings(name) for name in self.providers},
            profiles=tuple(_priced(name) for name in self.providers if not SERVERS[name].local),
            routing=self.routing,
            breaker=self.breaker,
            admission=self.admission,
            hedging=self.hedging,
            cache=self.cache,
            budgets=self.budgets,
        )

    def _settings(self, name: str) -> ProviderSettings:
        facts, own = SERVERS[name], self.settings.get(name, ProviderSettings())
        if facts.local:
            return evolve(own, default_model=facts.model)
        first, *others = (Secret(key) for key in keys_of(name, self.keys))
        return evolve(own, default_model=facts.model, api_key=first, api_keys=tuple(others))

    def servers(self, seed: int) -> dict[str, Provider]:
        """The providers, ready to be asked."""
        return {
            name: Provider(
                SERVERS[name],
                stream(seed, f"provider/{name}"),
                windows=list(self.windows.get(name, ())),
                limit=self.server_limits.get(name),
                by_account=name in self.by_account,
                most_at_once=self.server_room.get(name),
                queue=None if self.queue is None else evolve(self.queue),
                revoked={keys_of(name, 1)[0]: self.revoked[name]} if name in self.revoked else {},
            )
            for name in self.providers
        }


def keys_of(name: str, count: int) -> tuple[str, ...]:
    """The keys of a provider."""
    return tuple(f"sk-{name}-{number}-0123456789abcdef" for number in range(count))


def _priced(name: str) -> ModelProfile:
    facts = SERVERS[name]
    price = KnownPrice(input_usd=Decimal(facts.input_price), output_usd=Decimal(facts.output_price), version="simulated")
    return ModelProfile(name=facts.model, provider=name, price=price, said=("price",))


def calm(seed: int, requests: int) -> Scenario:
    """Nothing goes wrong: what a request costs the simulator itself."""
    return Scenario(name="calm", providers=("openai", "groq", "ollama"), mix=CALM)


def mixed(seed: int, requests: int) -> Scenario:
    """Anything may go wrong, with settings drawn by the seed."""
    rng = stream(seed, "scenario")
    cloud, local = _some(rng, CLOUD, 2, 5), _some(rng, LOCAL, 0, 2)
    providers = (*cloud, *local)
    rate = 10.0 ** rng.uniform(0.0, 1.7)
    span = requests / rate
    keys = rng.choice((1, 1, 1, 2, 3))
    return Scenario(
        name="mixed",
        providers=providers,
        rate=rate,
        windows={name: _windows(rng, name, span) for name in providers},
        server_limits={name: (rng.uniform(0.3, 3.0) * rate * 60.0, max(1.0, rate * 2.0)) for name in cloud if rng.random() < 0.3},
        by_account=tuple(name for name in cloud if rng.random() < 0.5),
        server_room={name: rng.randint(2, 20) for name in providers if rng.random() < 0.2},
        revoked={name: rng.uniform(0.0, span) for name in cloud if keys > 1 and rng.random() < 0.2},
        keys=keys,
        settings={name: _limits(rng, rate, local=name in local) for name in providers if rng.random() < 0.3},
        routing=RoutingPolicy(
            strategy=rng.choice(("balanced", "cost", "performance")),
            fallback_order=tuple(rng.sample(providers, len(providers))) if rng.random() < 0.4 else (),
            enable_fallback=rng.random() < 0.9,
            max_retries=rng.choice((0, 1, 2, 3, 3, 3)),
            local_first=rng.random() < 0.3,
            explore=rng.choice((0.0, 0.0, 0.05)),
        ),
        breaker=BreakerSettings(
            enabled=rng.random() < 0.9,
            failures=rng.choice((2, 5, 5, 10)),
            open_seconds=rng.choice((5.0, 30.0, 60.0)),
            least_calls=rng.choice((5, 20)),
            probes=rng.choice((1, 1, 2)),
        ),
        admission=AdmissionSettings(
            queue=rng.choice((10, 100, 10_000)), longest_wait_seconds=rng.choice((5.0, 30.0, 120.0)), adaptive=rng.random() < 0.8
        ),
        hedging=HedgingSettings(enabled=rng.random() < 0.25, least_answers=10),
        budgets=_budgets(rng, requests),
    )


def _some(rng: Random, names: tuple[str, ...], least: int, most: int) -> tuple[str, ...]:
    return tuple(rng.sample(names, rng.randint(least, min(most, len(names)))))


def _limits(rng: Random, rate: float, *, local: bool) -> ProviderSettings:
    return ProviderSettings(
        requests_per_minute=round(rng.uniform(0.2, 2.0) * rate * 60.0) + 1 if rng.random() < 0.6 else None,
        tokens_per_minute=round(rng.uniform(0.2, 2.0) * rate * 60.0 * 150.0) + 10_000 if rng.random() < 0.3 else None,
        concurrency=rng.randint(1, 12) if rng.random() < 0.6 else None,
    )


def _windows(rng: Random, name: str, span: float) -> tuple[Window, ...]:
    own = [fault for fault in ROWS if fault.provider == name]
    always = Window(rng.choice(WAYS), 0.0, span + _LONG, 0.01)
    drawn = [rng.choice(own if own and rng.random() < 0.5 else WAYS) for _ in range(rng.randint(0, 4))]
    return (always, *(_window(rng, fault, span) for fault in drawn))


def _window(rng: Random, fault: Fault, span: float) -> Window:
    begins = rng.uniform(0.0, span)
    return Window(fault, begins, begins + rng.expovariate(1.0 / min(60.0, span / 3.0)), rng.choice((0.05, 0.3, 1.0)))


def _budgets(rng: Random, requests: int) -> tuple[Budget, ...]:
    if rng.random() < 0.5:
        return ()
    drawn = (
        Budget(name="all", limit=Decimal(round(requests * rng.uniform(200.0, 4000.0))) / 1_000_000),
        Budget(name="minute-users", limit=Decimal(requests * rng.randint(50, 400)), unit="tokens", each="user"),
        Budget(name="tenant-a", limit=Decimal(round(requests * rng.uniform(0.1, 0.6)) + 1), unit="requests", tenant="a"),
        Budget(name="openai", limit=Decimal(round(requests * rng.uniform(100.0, 2000.0))) / 1_000_000, provider="openai", period="day"),
        Budget(name="features", limit=Decimal(round(requests * rng.uniform(100.0, 2000.0))) / 1_000_000, each="feature", unpriced="allow"),
    )
    return tuple(rng.sample(drawn, rng.randint(1, 3)))


def faulty(*faults: Fault, providers: tuple[str, ...] | None = None, share: float = 0.6) -> Scenario:
    """Given faults at the servers they belong to, which are asked first; another server is well."""
    whose = [fault.provider or ("openai", "groq")[index % 2] for index, fault in enumerate(faults)]
    names = tuple(dict.fromkeys((*whose, "together"))) if providers is None else providers
    windows: dict[str, tuple[Window, ...]] = {}
    for fault, name in zip(faults, whose, strict=True):
        windows[name] = (*windows.get(name, ()), Window(fault, 0.0, inf, share))
    mix = Mix(batches=0.0, repeats=0.0, named=0.2, deadlines=0.3, timeouts=0.0, private=0.0, cached=0.0)
    return Scenario(
        name="faults",
        providers=names,
        rate=2.0,
        mix=mix,
        windows=windows,
        keys=2,
        routing=RoutingPolicy(fallback_order=names, local_first=False),
    )


def dipping(seed: int, requests: int, *, rate: float = 80.0, timeout_ms: int = 1000) -> Scenario:
    """One server at 80 % load whose capacity falls to 30 % for 15 seconds; it works off what nobody waits for any more."""
    return Scenario(
        name="dip",
        providers=("openai",),
        rate=rate,
        mix=evolve(CALM, streams=0.0, private=0.0, repeats=0.0, named=0.0, cached=0.0),
        queue=Queue(100.0, (Dip(20.0, 35.0, 0.3),)),
        recovers_at=45.0,
        settings={"openai": ProviderSettings(timeout_ms=timeout_ms)},
    )


def storm(seed: int, requests: int) -> Scenario:
    """More is asked than the providers allow, and nobody told us their limits."""
    names = ("openai", "groq", "gemini", "cohere", "openrouter")
    return Scenario(
        name="storm",
        providers=names,
        rate=30.0,
        server_limits=dict.fromkeys(names, (240.0, 8.0)),
        by_account=("groq", "gemini"),
        keys=2,
    )


def limited(seed: int, requests: int) -> Scenario:
    """Limits of our own that are tighter than what is asked."""
    names = ("openai", "groq", "gemini", "ollama")
    own = ProviderSettings(requests_per_minute=40, tokens_per_minute=20_000, concurrency=2)
    return Scenario(name="limited", providers=names, rate=10.0, settings=dict.fromkeys(names, own))


def spending(seed: int, requests: int) -> Scenario:
    """Budgets of every kind that run out on the way."""
    share = Decimal(requests) / 1_000_000
    return Scenario(
        name="spending",
        providers=("openai", "gemini", "openrouter", "ollama"),
        mix=Mix(bounded=0.98),
        routing=RoutingPolicy(local_first=False),
        windows={"openai": (Window(FAULTS["reset"], 0.0, inf, 0.05), Window(FAULTS["silent"], 0.0, inf, 0.02))},
        budgets=(
            Budget(name="all", limit=700 * share),
            Budget(name="users", limit=200 * share, each="user"),
            Budget(name="tenants", limit=Decimal(1000 * requests), unit="tokens", each="tenant"),
            Budget(name="search", limit=Decimal(requests) / 5, unit="requests", feature="search"),
        ),
    )


def breaking(seed: int, requests: int) -> Scenario:
    """Servers that go down and come back, and refuse much beside that; breakers that open at once and are probed by one."""
    names = ("openai", "groq", "cohere")
    rows = [FAULTS[f"openai: openai {row}"] for row in ("rate limit", "other 400", "500", "policy")]
    own = {"openai": rows, "groq": [FAULTS["groq: groq 422"], FAULTS["groq: groq capacity"]], "cohere": [FAULTS["cohere: 429 minute"]]}
    windows = {
        name: (
            *(
                Window(FAULTS[way], at + place, at + place + 12.0, 0.9)
                for at in (10.0, 60.0)
                for place, way in enumerate(("reset", "refused"))
            ),
            *(Window(fault, 0.0, inf, 0.15) for fault in faults),
            Window(FAULTS["slow"], 0.0, inf, 0.1),
        )
        for name, faults in own.items()
    }
    return Scenario(
        name="breaking",
        providers=names,
        rate=4.0,
        mix=Mix(named=0.4, cancelled=0.15, private=0.0, cached=0.0),
        windows=windows,
        routing=RoutingPolicy(local_first=False),
        breaker=BreakerSettings(failures=3, open_seconds=5.0),
        admission=AdmissionSettings(adaptive=False),
    )


def outage(seed: int, requests: int) -> Scenario:
    """The only server hardly ever answers, and nothing but the ledger bounds how often it is asked again."""
    return Scenario(
        name="outage",
        providers=("openai",),
        rate=0.2,
        mix=Mix(private=0.0, named=0.0),
        windows={"openai": (Window(FAULTS["unavailable"], 0.0, inf, 0.9),)},
        breaker=BreakerSettings(enabled=False),
    )


def keys(seed: int, requests: int) -> Scenario:
    """Several keys, the first of which is refused on the way, and accounts that run dry."""
    names = ("openai", "groq", "gemini")
    return Scenario(
        name="keys",
        providers=names,
        rate=4.0,
        mix=Mix(private=0.0),
        windows={
            "openai": (Window(FAULTS["openai: openai project limit"], 20.0, inf, 0.1),),
            "groq": (Window(FAULTS["openai: openai insufficient_quota"], 20.0, inf, 0.1),),
            "gemini": (Window(FAULTS["gemini: 429 a day"], 20.0, inf, 0.1),),
        },
        revoked={name: 10.0 + place for place, name in enumerate(names)},
        keys=3,
        routing=RoutingPolicy(local_first=False),
    )


def remembering(seed: int, requests: int) -> Scenario:
    """The same is asked again and again, by tenants who may not see each other's answers."""
    return Scenario(name="remembering", providers=("openai", "ollama"), mix=Mix(repeats=0.8, cached=0.9, cancelled=0.15))


def claude(seed: int, requests: int) -> Scenario:
    """Claude, asked through its SDK, with another server to fall back on."""
    rows = [fault for fault in ROWS if fault.provider == "anthropic"]
    return Scenario(
        name="claude",
        providers=("anthropic", "groq"),
        rate=5.0,
        mix=Mix(private=0.0, named=0.3),
        windows={"anthropic": tuple(Window(fault, 0.0, inf, 0.02) for fault in (*rows, *WAYS))},
        server_limits={"anthropic": (200.0, 20.0)},
        keys=2,
        routing=RoutingPolicy(local_first=False, fallback_order=("anthropic", "groq")),
    )


_DRAWN: tuple[Callable[[int, int], Scenario], ...] = (
    calm,
    mixed,
    dipping,
    storm,
    limited,
    spending,
    breaking,
    outage,
    keys,
    remembering,
    claude,
)
SCENARIOS: Mapping[str, Callable[[int, int], Scenario]] = {drawn(0, 1000).name: drawn for drawn in _DRAWN}
"""By name, from a seed and a number of requests."""
