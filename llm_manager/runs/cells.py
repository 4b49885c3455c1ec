"""CSV cells: reading them with every fault named, and writing them so that no spreadsheet runs one."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
LONGEST_CELL: Final = 32 * 1024 * 1024


def cell_rows(lines: Iterable[str], delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its last line; blank lines are no records. Raises `csv.Error` on bad quoting."""
    csv.field_size_limit(max(LONGEST_CELL, csv.field_size_limit()))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    for record in reader:
        if record:
            yield reader.line_num, record


def cell_line(values: Sequence[Any], *, raw: bool = False) -> str:
    """Values as one record, ended by a line feed. The writer is told of both line ends, or it would not quote a lone CR."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([cell(value, raw=raw) for value in values])
    return written.getvalue().removesuffix("\r\n") + "\n"


def cell(value: Any, *, raw: bool = False) -> str:
    """A value as one cell: nothing for null, JSON for what is nested, and text that a spreadsheet will not run.

    >>> cell("=1+1"), cell("-12.5"), cell({"a": 1}), cell(None), cell(True)
    ("'=1+1", '-12.5', '{"a":1}', '', 'true')
    """
    match value:
        case None:
            return ""
        case str():
            return value if raw or _harmless(value) else f"'{value}"
        case Decimal():
            return format(value, "f")
        case bool() | Mapping() | list() | tuple():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def quoted_cells(values: Iterable[Any]) -> int:
    """How many of the values get a quote before them.

    >>> quoted_cells(["=1+1", "-12.5", "-x", None])
    2
    """
    return sum(isinstance(value, str) and not _harmless(value) for value in values)


def _harmless(text: str) -> bool:
    return not text.startswith(_FORMULA_STARTS) or _NUMBER.fullmatch(text) is not None
