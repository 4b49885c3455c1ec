"""Taking out of a text whatever a terminal would obey: escapes, control characters, bidirectional overrides.

A sequence may be split anywhere over chunks, so the position inside one is carried from chunk to chunk as a value.
"""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, assert_never

Inside: TypeAlias = Literal["text", "escape", "control", "string", "string_escape"]
"""Where a chunk ended: in plain text, after ESC, in a control sequence (CSI), in a string (OSC, DCS, ...), after ESC in one."""

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}]")
_STRINGS = "]PX^_"
_STRINGS_C1 = "\x9d\x90\x98\x9e\x9f"
_DULL: Mapping[Inside, re.Pattern[str]] = {
    "text": re.compile(f"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\x9c{_BIDI}]+"),
    "escape": re.compile("[ -/\x1b]+"),
    "control": re.compile("[ -?]+"),
    "string": re.compile("[^\x07\x18\x1a\x1b\x9c\n]+"),
    "string_escape": re.compile("(?!)"),
}
"""By where one is, what is not shown and leaves one there: passed over at once."""
_LINE_ENDS = re.compile("[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SEPARATORS = re.compile(r"[\t\n ]+")


def cleaned(inside: Inside, chunk: str) -> tuple[Inside, str]:
    """Take all that is not plain text out of a chunk; an unfinished sequence goes on in the next one.

    A sequence never outlasts its line, so that an unterminated one cannot swallow an answer.
    """
    if inside == "text" and _UNSAFE.search(chunk) is None:
        return inside, chunk
    kept: list[str] = []
    at = 0
    while at < len(chunk):
        if inside == "text":
            found = _UNSAFE.search(chunk, at)
            kept.append(chunk[at : None if found is None else found.start()])
            if found is None:
                break
            at = found.start()
        dull = _DULL[inside].match(chunk, at)
        if dull is not None:
            at = dull.end()
            continue
        inside, visible = _step(inside, chunk[at])
        if visible:
            kept.append(chunk[at])
        at += 1
    return inside, "".join(kept)


def printable(text: str) -> str:
    """Take all that is not plain text out of a whole text: whatever a terminal would obey rather than show.

    >>> printable("\\x1b[31mred\\x1b[0m and \\x1b]0;title\\x07quiet")
    'red and quiet'
    """
    return cleaned("text", text)[1]


def one_line(text: str) -> str:
    """A text as one clean line.

    >>> one_line("first\\r\\n  second")
    'first second'
    """
    return _SEPARATORS.sub(" ", printable(_LINE_ENDS.sub("\n", text))).strip()


def escaped(document: str) -> str:
    """Spell every unsafe character of a JSON document as its own escape, which loses nothing.

    >>> escaped('"\\x9b31m"')
    '"\\\\u009b31m"'
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", document)


def _step(inside: Inside, character: str) -> tuple[Inside, bool]:
    if character == "\n":
        return "text", True
    match inside:
        case "text":
            return _in_text(character)
        case "escape":
            return _after_escape(character)
        case "control":
            return _in_control(character)
        case "string":
            return _in_string(character)
        case "string_escape":
            return ("text", False) if character == "\\" else _after_escape(character)
        case _:
            assert_never(inside)


def _in_text(character: str) -> tuple[Inside, bool]:
    if character == "\x1b":
        return "escape", False
    if character == "\x9b":
        return "control", False
    if character in _STRINGS_C1:
        return "string", False
    return "text", _UNSAFE.match(character) is None


def _after_escape(character: str) -> tuple[Inside, bool]:
    if character == "[":
        return "control", False
    if character in _STRINGS:
        return "string", False
    if " " <= character <= "/":
        return "escape", False
    if "0" <= character <= "~":
        return "text", False
    return _in_text(character)


def _in_control(character: str) -> tuple[Inside, bool]:
    if " " <= character <= "?":
        return "control", False
    if "@" <= character <= "~":
        return "text", False
    return _in_text(character)


def _in_string(character: str) -> tuple[Inside, bool]:
    if character == "\x1b":
        return "string_escape", False
    if character in "\x07\x18\x1a\x9c":
        return "text", False
    return "string", False
