"""The files of the models folder: which are there, and where the one is that a name means; none outside is ever used."""

import os
from pathlib import Path
from typing import Final

from returns.result import Failure, Success

from llm_manager.clients.llama_cpp_cli import errors
from llm_manager.clients.llama_cpp_cli.profile import ONLY_MODEL
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.names import nearest

_SUFFIX: Final = ".gguf"
_MOST: Final = 1000
_SHOWN: Final = 5
_GB: Final = 1e9


def stored(folder: Path) -> tuple[str, ...]:
    """The models inside the folder, as paths within it; of a model in several files the first, and no projectors of images."""
    found: list[str] = []
    for place, _, files in os.walk(folder):
        names = ((Path(place) / file).relative_to(folder).as_posix() for file in files if _is_model(file))
        found.extend(name for name in names if _inside(folder, name) is not None)
        if len(found) >= _MOST:
            break
    return tuple(sorted(found)[:_MOST])


def located(folder: Path, name: str, limit_gb: float | None, who: Who) -> Settled[Path, LLMError]:
    """The file that a model's name means; ``.gguf`` may be left out, links are followed and must stay inside."""
    if name == ONLY_MODEL:
        there = stored(folder)
        if len(there) != 1:
            return Failure(errors.no_single_model(str(folder), there[:_SHOWN], who))
        name = there[0]
    file = _inside(folder, name)
    if file is None:
        there = stored(folder)
        return Failure(errors.no_such_model(name, str(folder), nearest(name, there) or there[:_SHOWN], who))
    size = file.stat().st_size / _GB
    if limit_gb is not None and size > limit_gb:
        return Failure(errors.too_large(size, limit_gb, who))
    return Success(file)


def _inside(folder: Path, name: str) -> Path | None:
    named = name if name.lower().endswith(_SUFFIX) else name + _SUFFIX
    if ".." in Path(named).parts:
        return None
    try:
        root, file = folder.resolve(), (folder / named).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError, RuntimeError):  # no such folder, a NUL in the name, links in a circle
        return None


def _is_model(file: str) -> bool:
    name = file.lower()
    if not name.endswith(_SUFFIX) or name.startswith("mmproj"):
        return False
    return "-of-" not in name or "-00001-of-" in name
