"""Searching in what was said: which words are looked for, in which text, and what is shown of it."""

import re
from collections.abc import Iterable
from typing import Final

from llm_manager.domain.conversations import Turn

MOST_WORDS: Final = 16
LONGEST_WORD: Final = 200
_BEFORE: Final = 30
_EXCERPT: Final = 120
_SPACE: Final = re.compile(r"\s+")
_UNWRITABLE: Final = re.compile("[\x00\ud800-\udfff]")


def folded(text: str) -> str:
    """A text as it is compared: in one case, and without what no database holds.

    >>> folded("Straße\\x00!")
    'strasse !'
    """
    return _UNWRITABLE.sub(" ", text).casefold()


def words_of(search: str) -> tuple[str, ...]:
    """The words that are looked for, each once: the first 16, of each the first 200 characters.

    >>> words_of("  Two  words, two ")
    ('two', 'words,')
    """
    return tuple(dict.fromkeys(word[:LONGEST_WORD] for word in folded(search).split()))[:MOST_WORDS]


def spoken_in(turn: Turn) -> str:
    """All text of a turn but what the system was told, with the names and arguments of tools that were called."""
    said: list[str] = []
    for message in turn.messages:
        if message.role != "system":
            said += [message.text, *(f"{call.name} {call.arguments}" for call in message.tool_calls)]
    return "\n".join(filter(None, said))


def holds(text: str, words: Iterable[str]) -> bool:
    """Say whether every word occurs in a folded text."""
    return all(word in text for word in words)


def excerpt(text: str, words: Iterable[str]) -> str:
    """One line around the first place where a word occurs.

    >>> excerpt("The capital of France is Paris.", ("paris",))
    'The capital of France is Paris.'
    """
    line = _SPACE.sub(" ", text).strip()
    low = line.lower()
    places = [place for place in map(low.find, words) if place >= 0]
    start = max(0, min(places, default=0) - _BEFORE)
    start = 0 if start <= 1 else start
    shown = line[start : start + _EXCERPT]
    return ("…" if start else "") + shown + ("…" if start + _EXCERPT < len(line) else "")
