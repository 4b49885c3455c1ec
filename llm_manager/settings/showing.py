"""Settings for people: each value, and where it comes from. Secrets are masked."""

from collections.abc import Iterator

import attrs
from attrs import frozen

from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.domain.secrets import Secret
from llm_manager.settings.loading import Loaded

DEFAULT = "default"
_MASKED = frozenset({"proxy", "url", "redis_url"})
_QUIET = frozenset({"api_keys", "key_rotation", "key_refresh_seconds"})
"""Of a provider these are told when they are set."""
_USUAL = {each.name: each.default for each in attrs.fields(ProviderSettings)}
_DERIVED = frozenset({"routing.use_toys", "routing.local_hosts", "routing.private_rule", "routing.ladders"})


@frozen(kw_only=True)
class Row:
    """One setting as `config show` prints it."""

    key: str
    value: str
    origin: str


def describe_config(loaded: Loaded) -> tuple[Row, ...]:
    """List every setting with its value and its origin; of a provider only what is set."""
    return tuple(Row(key=key, value=value, origin=loaded.origins.get(key, DEFAULT)) for key, value in _values(loaded.config))


def _values(config: LLMConfig) -> Iterator[tuple[str, str]]:
    for name, provider in config.providers.items():
        yield from _of_provider(f"providers.{name}", provider)
    for section in (
        "routing",
        "cache",
        "context",
        "performance",
        "display",
        "embedded",
        "network",
        "privacy",
        "breaker",
        "admission",
        "hedging",
        "store",
        "telemetry",
    ):
        for each, value in _fields(getattr(config, section)):
            if (key := f"{section}.{each}") not in _DERIVED:
                yield key, _shown(each, value)
    for task, rungs in config.routing.ladders:
        yield f"routing.ladders.{task}", " > ".join(rungs)
    for budget in config.budgets:
        told = ((name, value) for name, value in _fields(budget) if value is not None)
        yield from ((f"budgets.{budget.name}.{name}", _shown(name, value)) for name, value in told)
    for profile in config.profiles:
        yield from _of_profile(profile)


def _of_provider(prefix: str, settings: ProviderSettings) -> Iterator[tuple[str, str]]:
    for name, value in _fields(settings):
        if name == "models":
            yield from ((f"{prefix}.models.{tier}", model) for tier, model in settings.models.items() if tier != "default")
        elif name == "custom_headers":
            yield from ((f"{prefix}.custom_headers.{header}", "(set)") for header in settings.custom_headers)
        elif value is not None and not (name in _QUIET and value == _USUAL[name]):
            yield f"{prefix}.{name}", _shown(name, value)


def _of_profile(profile: ModelProfile) -> Iterator[tuple[str, str]]:
    prefix = f"profiles.{profile.provider}/{profile.name}"
    for name, value in _fields(profile):
        if name == "price" and isinstance(value, KnownPrice):
            priced = ((each, amount) for each, amount in _fields(value) if amount is not None and each.endswith("_usd"))
            yield from ((f"{prefix}.{each}", str(amount)) for each, amount in priced)
            yield f"{prefix}.price_version", value.version
        elif name != "said" and (profile.said is None or name in profile.said):
            yield f"{prefix}.{name}", _shown(name, value)


def _fields(record: attrs.AttrsInstance) -> Iterator[tuple[str, object]]:
    for each in attrs.fields(type(record)):
        yield each.name, getattr(record, each.name)


def _shown(name: str, value: object) -> str:
    if value is None:
        return "(not set)"
    if name in _MASKED:
        return "(set)"
    if isinstance(value, Secret):
        return f"(set, fingerprint {value.fingerprint})"
    if name == "api_keys" and isinstance(value, tuple):
        return f"(set, fingerprints {', '.join(each.fingerprint for each in value)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "(none)"
    return str(value)
