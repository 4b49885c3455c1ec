"""One prompt a row: ``{name}`` is replaced where name is exactly a column, once; ``{{`` and the ``}}`` that closes it are one
brace each, and every other brace stays as it is, so that JSON may be pasted in.

What a cell holds is never looked at again, so braces in the data do nothing.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.names import nearest
from llm_manager.runs.reading import Row

_BRACE: Final = re.compile(r"[{}]")
_BRACED: Final = re.compile(r"\{([^{}]+)\}")
_OPENED: Final = re.compile(r"\{([^\W\d]\w*)[^{}]*(?:\{|\Z)")


@frozen(kw_only=True)
class Slot:
    """Where a column's value goes."""

    column: str


@frozen(kw_only=True)
class Prompt:
    """A prompt read once: words and slots in turn; ``text`` is what it says, with its slots in braces.

    One that a program makes has ``make`` in their place, and its name for a text.
    """

    pieces: tuple[str | Slot, ...]
    text: str
    make: Callable[[Row], str] | None = field(default=None, repr=False)

    @property
    def fixed(self) -> bool:
        """Say whether it is the same for every row."""
        return self.make is None and not any(isinstance(piece, Slot) for piece in self.pieces)


def made_prompt(make: Callable[[Row], str]) -> Prompt:
    """The prompts that a function makes of rows."""
    return Prompt(pieces=(), text=f"{make.__module__}.{getattr(make, '__qualname__', 'prompt')}", make=make)


def read_prompt(text: str, columns: Iterable[str], *, name: str = "prompt", fixed: bool = False) -> Settled[Prompt, LLMError]:
    """Find the slots; an identifier in braces that is no column is an error, and so is no slot at all unless it may be ``fixed``."""
    known = tuple(columns)
    pieces: list[str | Slot] = []
    doubled: list[bool] = []
    at = begun = 0
    while brace := _BRACE.search(text, at):
        at = brace.start()
        twice = text[at : at + 2] in ("{{", "}}")
        found = None if text.startswith("{{", at) else _BRACED.match(text, at)
        if found is not None:
            column = found.group(1)
            if column in known:
                pieces += [text[begun:at], Slot(column=column)]
                begun = found.end()
            elif column.isidentifier():
                return _refused(
                    f"the {name} names {{{column}}}, and there is no such column; {_instead(column, known)} "
                    f"({{{{{column}}}}} says it with its braces)"
                )
            at = found.end()
        elif text[at] == "{":
            opened = None if twice else _OPENED.match(text, at)
            if opened is not None and opened.group(1) in known:
                return _refused(f"the {name} opens {{{opened.group(1)} and does not close it: write {{{opened.group(1)}}}")
            doubled.append(twice)
            pieces += [text[begun : at + 1]] if twice else []
            at += 2 if twice else 1
            begun = at if twice else begun
        else:
            closes = bool(doubled) and doubled[-1] and twice
            if doubled and (closes or not doubled[-1]):
                doubled.pop()
            pieces += [text[begun : at + 1]] if closes else []
            at += 2 if closes else 1
            begun = at if closes else begun
    if not fixed and not any(isinstance(piece, Slot) for piece in pieces):
        example = f"{{{known[0]}}}" if known else "{column}"
        return _refused(
            f"the {name} names no column, so that every row would ask the same: write {example} where a value goes; {_listed(known)}"
        )
    pieces.append(text[begun:])
    said = "".join(piece if isinstance(piece, str) else f"{{{piece.column}}}" for piece in pieces)
    return Success(Prompt(pieces=tuple(pieces), text=said))


def fill(prompt: Prompt, row: Row) -> Settled[str, LLMError]:
    """The prompt of one row; text goes in as it is, other values as JSON. A row without a value is an error of that row."""
    if prompt.make is not None:
        return Success(prompt.make(row))
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


def _refused(message: str) -> Settled[Prompt, LLMError]:
    return Failure(ConfigurationError(message=message))


def _instead(name: str, known: tuple[str, ...]) -> str:
    near = nearest(name, known)
    return f"did you mean {{{near[0]}}}?" if near else _listed(known)


def _listed(known: tuple[str, ...]) -> str:
    return f"columns: {', '.join(known[:12])}" + (", ..." if len(known) > 12 else "")
