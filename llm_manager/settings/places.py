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


def usual_places(environ: Mapping[str, str], *, project: Path | None = None, system: Path = Path("/etc")) -> Places:
    """The places of this machine for the user whose environment this is; ``project`` is the folder worked in."""
    folder = Path() if project is None else project
    return Places(
        system=(system / "llm-os" / "llm-config.yaml", *_each(system / "llm-manager" / "config")),
        user=tuple(file for home in _user_folders(environ) for file in _of_user(home)),
        project=(folder / "providers.json", *_each(folder / "llm-manager")),
        dotenv=folder / ".env",
    )


def _each(stem: Path) -> tuple[Path, ...]:
    return tuple(stem.parent / f"{stem.name}.{form}" for form in _FORMS)


def _of_user(home: Path) -> tuple[Path, ...]:
    return (home / "llm-os" / "llm.yaml", *_each(home / "llm-manager" / "config"))


def _user_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders for settings by each system's custom, read from the environment given and not from the process's own."""
    named = (environ.get("XDG_CONFIG_HOME", ""), environ.get("APPDATA", "") if sys.platform == "win32" else "")
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    folders = [Path(home) / ".config"] if home else []
    if home and sys.platform == "darwin":
        folders.append(Path(home) / "Library" / "Application Support")
    if Path(named[0]).is_absolute():
        folders = [*(folder for folder in folders if folder.name != ".config"), Path(named[0])]
    if named[1]:
        folders.append(Path(named[1]))
    return tuple(folders)
