"""Reading settings files: bounded, whole, and with a word about who else can read a key in them."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import Fault
from llm_manager.outcomes import sealed
from llm_manager.policies.names import canonical_provider
from llm_manager.settings.entries import Found
from llm_manager.settings.formats import parse
from llm_manager.settings.kinds import Problem
from llm_manager.settings.places import Places
from llm_manager.settings.tables import read_table

_LARGEST = 256 * 1024


@frozen(kw_only=True)
class Text:
    """The text of a file, and whether others than its owner may read it."""

    text: str
    open_to_others: bool


def read_text(path: Path, *, required: bool = False) -> Result[Text | None, Problem]:
    """Read a small file whole; None when there is none. Only a file that is asked for may be a pipe or a device."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _unreadable(error) if required and error.errno != errno.ENOENT else Success(None)
    except ValueError:
        return Failure(Problem(problem="is no path that this system knows")) if required else Success(None)
    if stat.S_ISDIR(mode) or not (required or stat.S_ISREG(mode)):
        return Failure(Problem(problem="is a folder, not a file")) if required else Success(None)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        return _unreadable(error)
    if len(data) > _LARGEST:
        return Failure(Problem(problem=f"is larger than {_LARGEST // 1024} KiB, which no settings file is"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Failure(Problem(problem="is not UTF-8 text"))
    return Success(Text(text=text, open_to_others=os.name != "nt" and bool(stat.S_IMODE(mode) & 0o077)))


def _unreadable(error: OSError) -> Result[Text | None, Problem]:
    return Failure(Problem(problem=f"cannot be read ({os.strerror(error.errno or errno.EIO)})", fix="check its permissions"))


def read_files(places: Places, explicit: Path | None) -> Found:
    """Read every settings file there is, the weakest first; only the one asked for must exist."""
    found = [_read(path, foreign=path in places.project) for path in places.files() if path != explicit]
    if explicit is not None:
        found.append(_read(explicit, required=True))
    together = Found.together(found)
    return evolve(together, warnings=(*together.warnings, *_twins([path for path in places.files() if str(path) in together.files])))


def _twins(read: list[Path]) -> Iterator[str]:
    """Say which wins of files in one place that differ in their form only."""
    for _, group in groupby(read, key=lambda path: path.with_suffix("")):
        *others, last = map(str, group)
        if others:
            yield f"{', '.join(others)} and {last} are read together; where they differ, {last} wins"


def _read(path: Path, *, required: bool = False, foreign: bool = False) -> Found:
    source = str(path)
    outcome = sealed(read_text(path, required=required))
    if isinstance(outcome, Failure):
        return _faulty(source, outcome.failure())
    content = outcome.unwrap()
    if content is None:
        return _faulty(source, Problem(problem="does not exist", fix="check the path")) if required else Found()
    parsed = sealed(parse(content.text, path.suffix))
    if isinstance(parsed, Failure):
        return _faulty(source, parsed.failure())
    table = parsed.unwrap()
    if foreign and path.name == "providers.json" and not _ours(table):
        return Found(warnings=(f"{source} names no provider and is left alone: it seems to belong to another program",))
    found = read_table(table, source=source, foreign=foreign)
    return evolve(found, files=(source,), warnings=(*found.warnings, *exposed(found, content)))


def exposed(found: Found, content: Text) -> tuple[str, ...]:
    """Warn of keys in a file that others may read."""
    if not content.open_to_others:
        return ()
    return tuple(
        f"{entry.source} holds a secret ({entry.written}) and others may read the file; run: chmod 600 {entry.source}"
        for entry in found.entries
        if entry.kind.secret
    )[:1]


def _ours(table: Mapping[str, object]) -> bool:
    return any(canonical_provider(str(name)) is not None for name in (*table, *_inner(table)))


def _inner(table: Mapping[str, object]) -> tuple[object, ...]:
    inner = table.get("providers")
    return tuple(inner) if isinstance(inner, Mapping) else ()


def _faulty(source: str, wrong: Problem) -> Found:
    return Found(faults=(Fault(source=source, key="", problem=wrong.problem, fix=wrong.fix),))
