"""Whether a text says by itself that it must stay local.

A keyword rule only ever adds the label: it is a safety net, not a detector, and words that are spaced out, encoded or
written in look-alike letters pass it. An explicit label always wins over it.
"""

import re
from typing import Final, TypeAlias
from unicodedata import normalize

from llm_manager.domain.messages import TextPart
from llm_manager.domain.requests import LLMRequest

PrivateWord: TypeAlias = str
UNLABELLED: Final = "unlabelled: public, since no keyword adds the label; rely on labels alone"
"""Why an unlabelled text is public: that no keyword was found promises nothing."""

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]+")
_PIECE = 64
_PHI = re.compile(r"(?<![^\W_])PHI(?![^\W_])")
_OTHERS = re.compile(r"(?<![^\W_])(?:patient|hipaa)(?![^\W_])")


def plain(text: str) -> str:
    """Give the text in compatibility form (NFKC) and without invisible characters.

    It is normalised in short pieces: the time of one call grows with the square of a run of combining marks.
    """
    seen = _INVISIBLE.sub("", text)
    return "".join(normalize("NFKC", seen[at : at + _PIECE]) for at in range(0, len(seen), _PIECE))


def private_word(text: str) -> PrivateWord | None:
    """Give the whole word that makes a text private, if there is one: patient, hipaa, or PHI in capitals.

    >>> private_word("Patient: John"), private_word("an impatient man with phi-3")
    ('patient', None)
    """
    if not text.isascii():
        text = plain(text)
    if "PHI" in text and _PHI.search(text):
        return "PHI"
    lowered = text.lower()
    if "patient" in lowered or "hipaa" in lowered:
        found = _OTHERS.search(lowered)
        return found[0] if found else None
    return None


def private_word_of(request: LLMRequest) -> PrivateWord | None:
    """Look for such a word in all that is sent: every message, the system prompt, calls of tools."""
    if request.prompt and (found := private_word(request.prompt)):
        return found
    if request.system and (found := private_word(request.system)):
        return found
    for message in request.messages:
        for part in message.content:
            if isinstance(part, TextPart) and (found := private_word(part.text)):
                return found
        for call in message.tool_calls:
            if found := private_word(call.arguments):
                return found
    return None
