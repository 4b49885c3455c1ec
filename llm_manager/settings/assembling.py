"""From checked values to an `LLMConfig`: defaults, who counts as configured, ladders, described models."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import evolve, field, fields, frozen
from returns.result import Failure

from llm_manager.domain.configuration import (
    AdmissionSettings,
    BreakerSettings,
    CacheSettings,
    ContextSettings,
    DisplaySettings,
    EmbeddedSettings,
    HedgingSettings,
    LLMConfig,
    NetworkSettings,
    PerformanceSettings,
    PrivacySettings,
    ProviderSettings,
    StoreSettings,
    TelemetrySettings,
)
from llm_manager.domain.errors import ConfigurationError, Fault
from llm_manager.domain.models import KnownPrice, ModelProfile, Price
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import TaskType
from llm_manager.outcomes import sealed
from llm_manager.policies.addresses import parse_endpoint
from llm_manager.policies.keys import has_keys
from llm_manager.policies.ladders import LADDERS
from llm_manager.policies.names import LOCALITY, family_of
from llm_manager.settings.budgets import budgets_of
from llm_manager.settings.converting import Converted, Key
from llm_manager.settings.schema import HEADERS
from llm_manager.settings.variables import RUNG

_DEFAULT_ROUTING: Mapping[str, Any] = {"default_provider": "ollama", "fallback_provider": "anthropic"}
_CLI_DEFAULTS: Mapping[str, Any] = {"llama_cpp_path": "~/llama.cpp/build/bin/llama-cli", "threads": 24, "gpu_layers": 999}
_CLI_ONLY = frozenset({"llama_cpp_path", "models_dir", "gpu_layers"})
_SHORTEST_SEAL = 16
_SENT: Mapping[str, str] = {"api_key": "key", "api_keys": "keys", "api_key_file": "key file"}
_PRICES = {"input_usd", "output_usd", "cache_read_usd", "cache_write_usd", "cache_write_long_usd", "price_version"}


@frozen(kw_only=True)
class Assembled:
    """A configuration, where each of its values comes from, and what is wrong or worth a word."""

    config: LLMConfig
    origins: Mapping[str, str]
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def assemble(found: Converted) -> Assembled:
    """Put all values in their places; total, so that every fault is found even when there are others."""
    network = NetworkSettings(**_section(found, "network"))
    embedded = EmbeddedSettings(**_section(found, "embedded"))
    providers, provider_faults, renamed = _providers(found, network)
    profiles, profile_faults = _profiles(found)
    budgets, budget_faults = budgets_of(found)
    ladders, ladder_origins = _ladders(found)
    routing = {name: value for name, value in _section(found, "routing").items() if not name.startswith("ladders.")}
    config = LLMConfig(
        providers=providers,
        routing=RoutingPolicy(**{**_DEFAULT_ROUTING, **routing}, ladders=ladders, use_toys=embedded.enabled),
        cache=CacheSettings(**_section(found, "cache")),
        context=ContextSettings(**_section(found, "context")),
        performance=PerformanceSettings(**_section(found, "performance")),
        display=DisplaySettings(**_section(found, "display")),
        embedded=embedded,
        network=network,
        privacy=PrivacySettings(**_section(found, "privacy")),
        store=StoreSettings(**_section(found, "store")),
        telemetry=TelemetrySettings(**_section(found, "telemetry")),
        breaker=BreakerSettings(**_section(found, "breaker")),
        admission=AdmissionSettings(**_section(found, "admission")),
        hedging=HedgingSettings(**_section(found, "hedging")),
        budgets=budgets,
        profiles=profiles,
    )
    origins = {".".join(_renamed(key, renamed)): entry.origin for key, entry in found.entries.items() if key[0] != RUNG}
    return Assembled(
        config=config,
        origins={**origins, **ladder_origins},
        faults=(*provider_faults, *profile_faults, *budget_faults),
        warnings=(*_leaks(found, config), *_weak_seal(found, config)),
    )


def _section(found: Converted, section: str) -> dict[str, Any]:
    return {key[1]: value for key, value in found.values.items() if key[0] == section and len(key) > 1}


def _renamed(key: Key, renamed: Mapping[str, str]) -> Key:
    return (key[0], renamed.get(key[1], key[1]), *key[2:]) if key[0] == "providers" else key


def _providers(found: Converted, network: NetworkSettings) -> tuple[dict[str, ProviderSettings], list[Fault], dict[str, str]]:
    """A local provider is configured once anything is said of it; a cloud by its key, or by an address of one's own."""
    providers: dict[str, ProviderSettings] = {}
    faults: list[Fault] = []
    renamed: dict[str, str] = {}
    for name in sorted({key[1] for key in found.entries if key[0] == "providers"}):
        if name == "embedded":
            continue
        settings = provider_settings(found, name)
        local = LOCALITY.get(name) == "local"
        if settings.base_url is not None:
            judged = sealed(parse_endpoint(name, settings.base_url, network.local_hosts))
            if isinstance(judged, Failure):
                faults.extend(_misplaced(found, name, judged.failure()))
            else:
                endpoint = judged.unwrap()
                settings = evolve(settings, base_url=endpoint.base_url)
                local = local or endpoint.locality == "local"
        if name == "llamacpp" and settings.base_url is None and _says_any(found, name, _CLI_ONLY):
            renamed[name] = name = "llama_cpp_cli"  # noqa: PLW2901 - one name in the older files stands for two providers
        if name == "llama_cpp_cli":
            settings = _with_defaults(settings, _CLI_DEFAULTS)
        if local or has_keys(settings):
            providers[name] = settings
    return providers, faults, renamed


def provider_settings(found: Converted, name: str) -> ProviderSettings:
    """What is said of one provider, in its places."""
    known = {each.name for each in fields(ProviderSettings)}
    said = {key[2:]: value for key, value in found.values.items() if key[:2] == ("providers", name) and len(key) > 2}
    plain = {key[0]: value for key, value in said.items() if len(key) == 1 and key[0] in known}
    models = {key[0].removeprefix("models."): value for key, value in said.items() if key[0].startswith("models.")}
    if "default_model" in plain:
        models["default"] = plain["default_model"]
    headers = {key[1]: value for key, value in said.items() if key[0] == HEADERS}
    return ProviderSettings(**plain, models=models, custom_headers=headers)


def _with_defaults(settings: ProviderSettings, defaults: Mapping[str, Any]) -> ProviderSettings:
    return evolve(settings, **{name: value for name, value in defaults.items() if getattr(settings, name) is None})


def _says_any(found: Converted, provider: str, names: frozenset[str]) -> bool:
    return any(("providers", provider, name) in found.values for name in names)


def _misplaced(found: Converted, provider: str, error: object) -> list[Fault]:
    """The faults of an address, at the place where it was written."""
    faults = error.faults if isinstance(error, ConfigurationError) else ()
    return [found.fault(("providers", provider, "base_url"), fault.problem, fault.fix) for fault in faults]


def _ladders(found: Converted) -> tuple[tuple[tuple[TaskType, tuple[str, ...]], ...], dict[str, str]]:
    """The ladders of the files, and over them the models that variables name: each takes the place of its rung."""
    ladders: list[tuple[TaskType, tuple[str, ...]]] = []
    origins: dict[str, str] = {}
    for task, usual in LADDERS.items():
        own = found.values.get(("routing", f"ladders.{task}"))
        rungs = list(usual if own is None else own)
        heads = sorted(key for key in found.values if key[:2] == (RUNG, task))
        for key in heads:
            place = int(key[2]) - 1
            rungs[place : place + 1] = [found.values[key].strip()]
        if own is not None or heads:
            ladders.append((task, tuple(dict.fromkeys(rungs))))
        if heads:
            origins[f"routing.ladders.{task}"] = ", ".join(found.entries[key].origin for key in heads)
    return tuple(ladders), origins


def _profiles(found: Converted) -> tuple[tuple[ModelProfile, ...], list[Fault]]:
    profiles: list[ModelProfile] = []
    faults: list[Fault] = []
    for label in dict.fromkeys(key[1] for key in found.entries if key[0] == "profiles"):
        said = {key[2]: value for key, value in found.values.items() if key[:2] == ("profiles", label)}
        written = next(key for key in found.entries if key[:2] == ("profiles", label))
        missing = [name for name in ("name", "provider") if ("profiles", label, name) not in found.entries]
        if missing or said.get("name") is None or said.get("provider") is None:
            if missing:
                faults.append(found.fault(written, f"a described model lacks its {' and its '.join(missing)}"))
            continue
        lonely = [name for name in said if name in _PRICES and not {"input_usd", "output_usd"} <= set(said)]
        if lonely:
            faults.append(found.fault(("profiles", label, lonely[0]), "a price has two sides", "give input_usd and output_usd"))
            continue
        profiles.append(_profile(said))
    return tuple(profiles), faults


def _profile(said: Mapping[str, Any]) -> ModelProfile:
    """What is said of a model, and which fields that is; the others are placeholders until they are laid over what is known."""
    provider = said["provider"]
    usual = {"locality": LOCALITY.get(provider, "cloud"), "family": family_of(provider)}
    plain = {name: value for name, value in said.items() if name not in _PRICES}
    price = {"price": _price(said)} if "input_usd" in said else {}
    return ModelProfile(**{**usual, **plain, **price}, said=(*plain, *price))


def _price(said: Mapping[str, Any]) -> Price:
    usd: dict[str, Any] = {name: Decimal(str(said[name])) for name in _PRICES if name in said and name != "price_version"}
    return KnownPrice(**usd, version=said.get("price_version", "settings"))


def _leaks(found: Converted, config: LLMConfig) -> tuple[str, ...]:
    """Warn when the folder worked in decides where a key from elsewhere is sent: whoever wrote the folder would get it."""
    return tuple(
        f"{address.origin} sends the {what} of {name} ({key.origin}) to another address; remove it if this folder is not yours"
        for name in config.providers
        for setting, what in _SENT.items()
        if (address := found.entries.get(("providers", name, "base_url"))) is not None
        and (key := found.entries.get(("providers", name, setting))) is not None
        and address.foreign
        and (setting == "api_key_file" or not key.foreign)
        and _is_cloud(name, config)
    )


def _weak_seal(found: Converted, config: LLMConfig) -> tuple[str, ...]:
    """Warn of a key of the audit trail that can be guessed: whoever does can forge the trail."""
    key, entry = config.store.audit_key, found.entries.get(("store", "audit_key"))
    if key is None or entry is None or len(key.reveal()) >= _SHORTEST_SEAL:
        return ()
    return (f"{entry.origin}: store.audit_key has less than {_SHORTEST_SEAL} letters and can be guessed; `openssl rand -hex 32` makes one",)


def _is_cloud(name: str, config: LLMConfig) -> bool:
    judged = parse_endpoint(name, config.providers[name].base_url or "", config.network.local_hosts)
    return judged.map(lambda endpoint: endpoint.locality == "cloud").value_or(False)
