"""One prompt a row: ``{name}`` is replaced where name is exactly a column, once; every other brace stays as it is.

What a cell holds is never looked at again, so braces in the data do nothing.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.names import nearest
from llm_manager.runs.reading import Row

_BRACED: Final = re.compile(r"\{([^{}]+)\}")


@frozen(kw_only=True)
class Slot:
    """Where a column's value goes."""

    column: str


@frozen(kw_only=True)
class Prompt:
    """A prompt read once: words and slots in turn."""

    pieces: tuple[str | Slot, ...]
    text: str

    @property
    def fixed(self) -> bool:
        """Say whether it is the same for every row."""
        return not any(isinstance(piece, Slot) for piece in self.pieces)


def read_prompt(text: str, columns: Iterable[str], *, name: str = "prompt", fixed: bool = False) -> Settled[Prompt, LLMError]:
    """Find the slots; an identifier in braces that is no column is an error, and so is no slot at all unless it may be ``fixed``."""
    known = tuple(columns)
    pieces: list[str | Slot] = []
    end = 0
    for found in _BRACED.finditer(text):
        column = found.group(1)
        if column in known:
            pieces += [text[end : found.start()], Slot(column=column)]
            end = found.end()
        elif column.isidentifier():
            return Failure(
                ConfigurationError(message=f"the {name} names {{{column}}}, and there is no such column; {_instead(column, known)}")
            )
    if not pieces and not fixed:
        example = f"{{{known[0]}}}" if known else "{column}"
        return Failure(
            ConfigurationError(
                message=f"the {name} names no column, so that every row would ask the same: write {example} where a value goes; "
                f"{_listed(known)}"
            )
        )
    return Success(Prompt(pieces=(*pieces, text[end:]), text=text))


def fill(prompt: Prompt, row: Row) -> Settled[str, LLMError]:
    """The prompt of one row; text goes in as it is, other values as JSON. A row without a value is an error of that row."""
    filled: list[str] = []
    for piece in prompt.pieces:
        if isinstance(piece, str):
            filled.append(piece)
            continue
        value = row.get(piece.column)
        if value is None:
            return Failure(InvalidRequest(message=f'the row has no {piece.column!r}: give it a value ("" for none)'))
        filled.append(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    return Success("".join(filled))


def _instead(name: str, known: tuple[str, ...]) -> str:
    near = nearest(name, known)
    return f"did you mean {{{near[0]}}}?" if near else _listed(known)


def _listed(known: tuple[str, ...]) -> str:
    return f"columns: {', '.join(known[:12])}" + (", ..." if len(known) > 12 else "")
