"""Where the command line keeps what outlives it, when the settings do not say."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import Fault, LLMError
from llm_manager.outcomes import Settled
from llm_manager.settings import Checked

_APPLICATION: Final = "llm-manager"
_FILE: Final = "store.db"


def keeping(config: LLMConfig, environ: Mapping[str, str]) -> LLMConfig:
    """The settings, with a store in the user's state folder unless they name one."""
    if config.store.url is not None:
        return config
    return evolve(config, store=evolve(config.store, url=str(state_folder(environ) / _FILE)))


def store_warnings(config: LLMConfig, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is amiss with the file that the store is in, once it is there."""
    from llm_manager.stores.sql.files import driver_warnings, file_warnings
    from llm_manager.stores.sql.places import InFile, read_place

    url = keeping(config, environ).store.url
    place = None if url is None else read_place(url).value_or(None)
    if not isinstance(place, InFile) or not place.path.exists():
        return ()
    return (*file_warnings(place.path), *driver_warnings())


def store_faults(checked: Checked, environ: Mapping[str, str]) -> tuple[Fault, ...]:
    """Why nothing could be kept in the store. Nothing is made by looking, and one that is not there yet has no fault."""
    from llm_manager.stores.sql.connecting import look_at

    url = keeping(checked.config, environ).store.url
    looked: Settled[None, LLMError] = Success(None) if url is None else look_at(url)
    if not isinstance(looked, Failure):
        return ()
    problem = describe(looked.failure()).removeprefix("store.url: ")
    return (Fault(source=checked.origins.get("store.url", "default"), key="store.url", problem=problem),)


def state_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The folder by each system's custom, read from the environment given as far as that says it."""
    named, home = environ.get("XDG_STATE_HOME"), environ.get("HOME")
    if named and Path(named).is_absolute():
        return Path(named) / _APPLICATION
    if home and platform == "darwin":
        return Path(home) / "Library" / "Application Support" / _APPLICATION
    if home and platform != "win32":
        return Path(home) / ".local" / "state" / _APPLICATION
    from platformdirs import user_state_path

    return user_state_path(_APPLICATION, appauthor=False)
