"""The way from files and variables to one `LLMConfig`: gather, merge, convert, assemble; every fault at once."""

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import ConfigurationError, Fault, LLMError
from llm_manager.settings.assembling import Assembled, assemble
from llm_manager.settings.converting import convert, merged
from llm_manager.settings.entries import Found
from llm_manager.settings.environment import read_variables
from llm_manager.settings.files import read_files
from llm_manager.settings.places import Places, usual_places


@frozen(kw_only=True)
class Loaded:
    """The settings, where each value comes from (a dotted key; what is not listed is a default), and the files read."""

    config: LLMConfig
    origins: Mapping[str, str] = field(factory=dict)
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@frozen(kw_only=True)
class Checked:
    """What is wrong with the settings, what is worth a word, and who is configured, as far as can be told and where it was said."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    config: LLMConfig
    origins: Mapping[str, str] = field(factory=dict)


def read_config(path: Path | str | None, environ: Mapping[str, str], *, places: Places | None = None) -> Result[Loaded, LLMError]:
    """Read all settings: machine < user < project < ``path`` < ``.env`` < environment. Nothing is sent anywhere."""
    found, assembled, faults = _read(path, environ, places)
    if faults:
        return Failure(ConfigurationError(message=_summary(len(faults)), faults=faults))
    warnings = _warnings(found, assembled)
    return Success(
        Loaded(
            config=evolve(assembled.config, warnings=warnings),
            origins=assembled.origins,
            warnings=warnings,
            files=found.files,
        )
    )


def inspect_config(path: Path | str | None, environ: Mapping[str, str], *, places: Places | None = None) -> Checked:
    """Look at the settings, faulty or not."""
    found, assembled, faults = _read(path, environ, places)
    return Checked(faults=faults, warnings=_warnings(found, assembled), config=assembled.config, origins=assembled.origins)


def check_config(path: Path | str | None, environ: Mapping[str, str], *, places: Places | None = None) -> tuple[Fault, ...]:
    """List everything that is wrong with the settings; nothing when they can be used."""
    return inspect_config(path, environ, places=places).faults


def _warnings(found: Found, assembled: Assembled) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*found.warnings, *assembled.warnings)))


def _read(path: Path | str | None, environ: Mapping[str, str], places: Places | None) -> tuple[Found, Assembled, tuple[Fault, ...]]:
    where = usual_places(environ) if places is None else places
    found = Found.together((read_files(where, None if path is None else Path(path)), read_variables(environ, where.dotenv)))
    converted = convert(merged(found.entries))
    assembled = assemble(converted)
    faults = tuple(dict.fromkeys((*found.faults, *converted.faults, *assembled.faults)))
    warned = evolve(found, warnings=(*found.warnings, *converted.warnings))
    return warned, assembled, faults


def _summary(count: int) -> str:
    return "the settings have a fault" if count == 1 else f"the settings have {count} faults"
