"""Where settings files are looked for: machine, user, project, each over the one before."""

import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

_FORMS = ("toml", "yaml", "yml", "json")


@frozen(kw_only=True)
class Places:
    """Files that are read when they exist, the weakest first."""

    system: tuple[Path, ...] = ()
    user: tuple[Path, ...] = ()
    project: tuple[Path, ...] = ()
    dotenv: Path | None = None

    def files(self) -> tuple[Path, ...]:
        """Every settings file, the weakest first."""
        return (*self.system, *self.user, *self.project)


def usual_places(
    environ: Mapping[str, str], *, project: Path | None = None, system: Path = Path("/etc"), platform: str = sys.platform
) -> Places:
    """The places of this machine for the user whose environment this is; ``project`` is the folder worked in."""
    folder = Path() if project is None else project
    return Places(
        system=(system / "llm-os" / "llm-config.yaml", *_each(system / "llm-manager" / "config")),
        user=tuple(file for home in _user_folders(environ, platform) for file in _of_user(home)),
        project=(folder / "providers.json", *_each(folder / "llm-manager")),
        dotenv=folder / ".env",
    )


def _each(stem: Path) -> tuple[Path, ...]:
    return tuple(stem.parent / f"{stem.name}.{form}" for form in _FORMS)


def _of_user(home: Path) -> tuple[Path, ...]:
    return (home / "llm-os" / "llm.yaml", *_each(home / "llm-manager" / "config"))


def _user_folders(environ: Mapping[str, str], platform: str) -> tuple[Path, ...]:
    """The folders for settings by each system's custom, read from the environment given and not from the process's own."""
    home, xdg, roaming = environ.get("HOME") or environ.get("USERPROFILE"), environ.get("XDG_CONFIG_HOME"), environ.get("APPDATA")
    folders: list[Path] = []
    if xdg and Path(xdg).is_absolute():
        folders.append(Path(xdg))
    elif home:
        folders.append(Path(home) / ".config")
    if home and platform == "darwin":
        folders.append(Path(home) / "Library" / "Application Support")
    if roaming and platform == "win32":
        folders.append(Path(roaming))
    return tuple(folders)
