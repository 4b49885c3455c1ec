"""Rows out of a file: JSON Lines or CSV, checked whole before anything is paid, then read again as they are needed.

A malformed line is a malformed file: it is named and nothing is sent. What is piped in is kept in a scratch file first,
since a run reads its rows more than once.
"""

import csv
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import msgspec
from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.policies.plurals import counted
from llm_manager.runs.cells import LONGEST_CELL, cell_rows

Row: TypeAlias = Mapping[str, Any]
Form: TypeAlias = Literal["jsonl", "csv"]
Delimiter: TypeAlias = Literal[",", ";", "|", "tab"]
"""What stands between the cells of CSV."""

_FORMS: Final[Mapping[str, Form]] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
_BOM: Final = b"\xef\xbb\xbf"
_ANY_ROW: Final = msgspec.json.Decoder(dict[str, Any])


@frozen(kw_only=True)
class Table:
    """Rows of a regular file that was read through once and found good; ``columns`` are in order of first appearance."""

    name: str
    path: Path
    form: Form
    columns: tuple[str, ...]
    count: int
    delimiter: Delimiter | None = None

    def rows(self) -> Iterator[Settled[Row, LLMError]]:
        """Each row in order; a failure, when the file has changed since, is the last."""
        read = 0
        for outcome in islice(_rows(self.path, self.form, self.name, self.delimiter), self.count):
            read += 1
            yield outcome
            if isinstance(outcome, Failure):
                return
        if read < self.count:
            yield _faulty(self.name, f"has {counted(read, 'row')} now and had {self.count}: it changed meanwhile; run the same again")


def form_of(name: str) -> Form | None:
    """What a file's ending says it holds, when it says."""
    return _FORMS.get(Path(name).suffix.lower())


def open_table(
    place: str,
    *,
    stdin: BinaryIO,
    scratch: Path,
    limit: int | None = None,
    form: Form | None = None,
    delimiter: Delimiter | None = None,
) -> Settled[Table, LLMError]:
    """Check a file of rows, or its first ``limit`` rows; ``-`` is standard input, kept in the folder ``scratch``.

    ``form`` is what a place holds whose name does not say; without it what is piped in is looked at.
    Cells of CSV are told apart by commas unless ``delimiter`` says otherwise.
    """
    name = "standard input" if place == "-" else place
    if "\0" in place:
        return Failure(StorageFailed(message=f"{place!r} is no file name", reason="missing"))
    try:
        path = _regular(place, stdin, scratch)
        if isinstance(path, Failure):
            return path
        found = form_of(place) or form or _sniffed(path.unwrap(), place)
    except OSError as error:
        return _unreadable(name, error)
    if found is None:
        return Failure(
            ConfigurationError(message=f"{name} is neither JSON Lines nor CSV by its name: end it in .jsonl or .csv, or say --format")
        )
    return _checked(path.unwrap(), found, name, limit, delimiter)


def _regular(place: str, stdin: BinaryIO, scratch: Path) -> Settled[Path, LLMError]:
    path = Path(place)
    if place != "-" and path.is_dir():
        return Failure(ConfigurationError(message=f"{place} is a folder: name a .jsonl or .csv file in it"))
    if place != "-" and (path.is_file() or not path.exists()):
        return Success(path)
    kept = scratch / "input"
    with kept.open("xb") as copy:
        if place == "-":
            shutil.copyfileobj(stdin, copy)
        else:
            with path.open("rb") as piped:
                shutil.copyfileobj(piped, copy)
    return Success(kept)


def _sniffed(path: Path, place: str) -> Form | None:
    """What is piped in has no name: an object at its start means JSON Lines, anything else a header of CSV."""
    if place != "-" and Path(place).is_file():
        return None
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(_BOM).lstrip()
    return "jsonl" if not start or start.startswith((b"{", b"[")) else "csv"


def _checked(path: Path, form: Form, name: str, limit: int | None, delimiter: Delimiter | None) -> Settled[Table, LLMError]:
    columns: dict[str, None] = {}
    count = 0
    with closing(_rows(path, form, name, delimiter)) as rows:
        for outcome in islice(rows, limit):
            if isinstance(outcome, Failure):
                return outcome
            count += 1
            row = outcome.unwrap()
            if row.keys() - columns.keys():
                columns.update(dict.fromkeys(row))
    if not count:
        return Failure(InvalidRequest(message=f"{name} has no rows: give it at least one"))
    return Success(Table(name=name, path=path, form=form, columns=tuple(columns), count=count, delimiter=delimiter))


def _rows(path: Path, form: Form, name: str, delimiter: Delimiter | None) -> Generator[Settled[Row, LLMError], None, None]:
    try:
        with path.open("rb") as file:
            start = file.read(3)
            if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
                yield _faulty(name, "is UTF-16: save it as UTF-8")
                return
            if start != _BOM:
                file.seek(0)
            yield from _json_rows(file, name) if form == "jsonl" else _csv_rows(file, name, delimiter)
    except OSError as error:
        yield _unreadable(name, error)


def _json_rows(file: BinaryIO, name: str) -> Iterator[Settled[Row, LLMError]]:
    number = 0
    while line := file.readline(LONGEST_CELL + 1):
        number += 1
        where = f"{name}, line {number}"
        if len(line) > LONGEST_CELL:
            yield _faulty(where, f"is longer than {LONGEST_CELL >> 20} MB: split it")
            return
        if line.isspace():
            continue
        try:
            yield Success(_ANY_ROW.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield _faulty(where, _json_fault(line, error))
            return


def _json_fault(line: bytes, error: Exception) -> str:
    match error:
        case UnicodeDecodeError():
            return "is not UTF-8: save the file as UTF-8"
        case RecursionError():
            return "is nested too deeply"
        case msgspec.ValidationError() if line.lstrip().startswith(b"["):
            return "is a JSON array: JSON Lines wants one object a line (jq -c '.[]' turns one into the other)"
        case msgspec.ValidationError() if "out of range" not in str(error):
            return 'is JSON but no object: each line must be one, such as {"text": "..."}'
        case _ if line.strip() in (b"{", b"["):
            return "begins JSON that goes on over several lines: write each object on one line (jq -c does)"
        case _:
            return f"is not JSON ({str(error)[:200]}): correct or remove it"


def _csv_rows(file: BinaryIO, name: str, delimiter: Delimiter | None) -> Iterator[Settled[Row, LLMError]]:
    header: list[str] = []
    line = 1
    try:
        for line, record in cell_rows(_decoded(file), "\t" if delimiter == "tab" else delimiter or ","):
            if not header:
                header = record
                if problem := _header_fault(header) or _looks_separated(header, delimiter):
                    yield _faulty(f"{name}, line {line}", problem)
                    return
            elif len(record) != len(header):
                yield _faulty(
                    f"{name}, line {line}",
                    f"has {counted(len(record), 'cell')} where the header has {len(header)}: quote cells that hold commas",
                )
                return
            else:
                yield Success(dict(zip(header, record, strict=True)))
    except _NotUtf8Error as error:
        yield _faulty(f"{name}, line {error.line}", "is not UTF-8: save the file as UTF-8")
    except csv.Error as error:
        yield _faulty(f"{name}, after line {line}", f"is not CSV ({error}): check the quotes")


def _header_fault(header: list[str]) -> str | None:
    if not all(header):
        return "has a column without a name: name every column in the header"
    twice = next((column for place, column in enumerate(header) if column in header[:place]), None)
    return None if twice is None else f"names the column {twice!r} twice: give each column its own name"


def _looks_separated(header: list[str], delimiter: Delimiter | None) -> str | None:
    """A single name with separators in it is a header that was read as one cell."""
    if delimiter is not None or len(header) > 1:
        return None
    said = next((said for mark, said in ((";", ";"), ("\t", "tab")) if mark in header[0]), None)
    if said is None:
        return None
    return f"has the one column {header[0]!r}: it looks separated by {said}, so say --delimiter '{said}', or ',' if it is one column"


class _NotUtf8Error(Exception):
    """A line whose bytes are no text."""

    def __init__(self, line: int) -> None:
        self.line = line


def _decoded(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_CELL + 1), b""), start=1):
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise _NotUtf8Error(number) from None


def _faulty(where: str, problem: str) -> Settled[Any, LLMError]:
    return Failure(InvalidRequest(message=f"{where} {problem}"))


def _unreadable(name: str, error: OSError) -> Settled[Any, LLMError]:
    match error:
        case FileNotFoundError():
            return Failure(StorageFailed(message=f"there is no file {name}: check the path", reason="missing"))
        case PermissionError():
            return Failure(StorageFailed(message=f"{name} may not be read: check its permissions", reason="denied"))
        case _:
            return Failure(StorageFailed(message=f"{name} cannot be read: {error.strerror or error}"))
