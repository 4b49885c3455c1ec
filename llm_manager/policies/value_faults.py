"""What is wrong with one value by itself, whoever gave it: its type, its range, its choice. No value is repeated."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, TypeGuard

from llm_manager.policies.names import nearest

MOST_CHARACTERS: Final = 50_000_000
"""A text longer than this is no prompt."""
LARGEST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps."""


def choice_fault(value: object, allowed: Sequence[str], *, otherwise: str = "") -> str | None:
    """Say that a word is none of those allowed, and which one was probably meant; ``otherwise`` is what may be given instead.

    >>> choice_fault("privat", ("public", "private"))
    'it is none of public, private; did you mean private?'
    """
    if isinstance(value, str):
        if value in allowed:
            return None
        near = nearest(value, allowed)
        if near:
            return f"it is none of {', '.join(allowed)}; did you mean {near[0]}?"
    return f"it is none of {', '.join(allowed)}; give one of them as a text{otherwise}"


def whole_fault(value: object, least: int, remedy: str) -> str | None:
    """Say that it is no whole number, or out of range.

    >>> whole_fault("5", 1, "leave it out"), whole_fault(0, 1, "leave it out")
    ('it is of type str; give a whole number', 'it is less than 1; leave it out')
    """
    if not is_whole(value):
        return f"it is of type {kind(value)}; give a whole number"
    if value < least:
        return f"it is less than {least}; {remedy}"
    return f"it is more than {LARGEST}; {remedy}" if value > LARGEST else None


def number_fault(value: object, most: int) -> str | None:
    """Say that it is no number from 0 to ``most``."""
    if not is_number(value):
        return f"it is of type {kind(value)}; give a number from 0 to {most}"
    return None if 0 <= value <= most and isfinite(value) else f"it is not from 0 to {most}; give a number that is"


def text_fault(value: object) -> str | None:
    """Say that it is no text, or a longer one than anybody reads."""
    if not isinstance(value, str):
        return f"it is of type {kind(value)}; give a text"
    return f"it has more than {MOST_CHARACTERS} characters; send a part of it" if len(value) > MOST_CHARACTERS else None


def texts_fault(value: object) -> str | None:
    """Say that they are no texts with something in them."""
    if not isinstance(value, tuple | list) or not all(isinstance(each, str) and each for each in value):
        return "it holds an empty text, or is no tuple of texts; give a tuple of texts"
    return None


def is_whole(value: object) -> TypeGuard[int]:
    """Say whether it is a whole number; True is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Say whether it is a number; True is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_object(value: object) -> bool:
    """Say whether it can be written as a JSON object."""
    return isinstance(value, Mapping)


def kind(value: object) -> str:
    """What to call the type of a value.

    >>> kind("x"), kind(len), kind(str)
    ('str', 'function', 'class')
    """
    if isinstance(value, type):
        return "class"
    return "function" if callable(value) and hasattr(value, "__name__") else type(value).__name__
