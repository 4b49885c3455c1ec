"""The settings of one provider, as a file would hold them under its name."""

from collections.abc import Mapping

from attrs import frozen
from returns.result import Failure

from llm_manager.domain.configuration import EmbeddedSettings, LLMConfig, ProviderSettings
from llm_manager.domain.errors import ConfigurationError, Fault
from llm_manager.outcomes import sealed
from llm_manager.policies.addresses import parse_endpoint
from llm_manager.settings.assembling import assemble, provider_settings
from llm_manager.settings.converting import convert, merged
from llm_manager.settings.tables import read_table


@frozen(kw_only=True)
class OneProvider:
    """What could be read, and everything that is wrong with the rest."""

    settings: ProviderSettings
    embedded: EmbeddedSettings
    faults: tuple[Fault, ...] = ()


def read_provider(name: str, table: Mapping[str, object]) -> OneProvider:
    """Read the settings of the provider of this canonical name; no fault repeats a value."""
    found = read_table({"providers": {name: dict(table)}}, source=name)
    converted = convert(merged(found.entries))
    settings = provider_settings(converted, name)
    faults = [*found.faults, *converted.faults]
    if settings.base_url is not None:
        judged = sealed(parse_endpoint(name, settings.base_url, LLMConfig().network.local_hosts))
        if isinstance(judged, Failure) and isinstance(error := judged.failure(), ConfigurationError):
            faults.extend(error.faults)
    embedded = assemble(converted).config.embedded
    shown = tuple(Fault(source=name, key=_short(each.key, name), problem=each.problem, fix=each.fix) for each in faults)
    return OneProvider(settings=settings, embedded=embedded, faults=shown)


def _short(key: str, name: str) -> str:
    return key.removeprefix(f"providers.{name}.")
