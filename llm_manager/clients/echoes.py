"""Finding what a provider repeats of a prompt: whole or in part, as it is or as JSON spells it."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

SHORTEST_ECHO: Final = 16
"""A prompt of fewer characters, or a part of one, may be anybody's words, and stays."""

_STEP: Final = 4
_ECHO: Final = "[prompt]"
_ESCAPE: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_MEANT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def without_echoes(text: str, prompts: Iterable[str]) -> str:
    """Put ``[prompt]`` in the place of every run of 19 characters or more that a prompt has too.

    At most three characters of a run's ends stay, none when it is a whole prompt. The time it takes is in proportion to
    the text and to the prompts. In a text with echoes JSON's escapes are read, those of JSON within JSON too; a text
    without stays as it is.
    """
    known = [prompt for prompt in prompts if len(prompt) >= SHORTEST_ECHO]
    if not known:
        return text
    plain = _spellings(text)[-1]
    hidden = plain
    for spelling in dict.fromkeys(spelling for prompt in known for spelling in _spellings(prompt)):
        hidden = _without(hidden, spelling)
    return text if hidden == plain else hidden


def _spellings(text: str) -> tuple[str, str, str]:
    """A text as it is, read as JSON's, and read so twice."""
    once = _unescaped(text)
    return text, once, _unescaped(once)


def _without(text: str, prompt: str) -> str:
    last = len(prompt) - SHORTEST_ECHO
    if last < 0:
        return text
    pieces = [text[at : at + SHORTEST_ECHO] for at in range(len(text) - SHORTEST_ECHO + 1)]
    repeated = set(pieces).intersection(prompt[at : at + SHORTEST_ECHO] for at in (*range(0, last, _STEP), last))
    if not repeated:
        return text
    spans: list[tuple[int, int]] = []
    for at, piece in enumerate(pieces):
        if piece in repeated:
            begun = spans.pop()[0] if spans and spans[-1][1] >= at else at
            spans.append((begun, at + SHORTEST_ECHO))
    edges = [(0, 0), *spans, (len(text), len(text))]
    return _ECHO.join(text[left[1] : right[0]] for left, right in pairwise(edges))


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    read = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _MEANT.get(found[2], found[2]), text)
    return read.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
