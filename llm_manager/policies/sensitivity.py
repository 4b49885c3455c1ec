"""Whether a text says by itself that it must stay local.

A keyword rule only ever adds the label: it is a safety net, not a detector, and words that are spaced out, encoded or
written in look-alike letters pass it. An explicit label always wins over it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias
from unicodedata import normalize

from llm_manager.domain.messages import DocumentData, TextPart
from llm_manager.domain.plans import PrivateRule
from llm_manager.domain.requests import LLMRequest, Sensitivity

PrivateWord: TypeAlias = str
UNLABELLED: Final = "unlabelled: public, since no keyword adds the label; rely on labels alone"
"""Why an unlabelled text is public: that no keyword was found promises nothing."""

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]+")
_PIECE = 64
_EAST_ASIAN: Final = "\u2e80"
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


def keyword_rule(keywords: Sequence[str]) -> PrivateRule | None:
    """A rule for words and phrases of one's own, whole and in any case; it tells which of them it was by its place alone.

    >>> keyword_rule(["Project Heron"])("about  project\\nheron")
    'keyword 1 of privacy.keywords makes it private'
    """
    known = [(place, " ".join(plain(word).casefold().split())) for place, word in enumerate(keywords, 1)]
    words = [(place, word, _whole(word)) for place, word in known if word]
    if not words:
        return None

    def rule(text: str) -> str | None:
        said = " ".join((text if text.isascii() else plain(text)).casefold().split())
        for place, word, whole in words:
            if word in said and whole.search(said):
                return f"keyword {place} of privacy.keywords makes it private"
        return None

    return rule


def _whole(word: str) -> "re.Pattern[str]":
    """The word between what is no letter; scripts that put no spaces between words have no such bounds."""
    before = r"(?<![^\W_])" if word[0] < _EAST_ASIAN else ""
    after = r"(?![^\W_])" if word[-1] < _EAST_ASIAN else ""
    return re.compile(before + re.escape(word) + after)


def sensitivity_of(
    label: Sensitivity | None, texts: Iterable[str], default: Sensitivity = "public", rule: PrivateRule | None = None
) -> tuple[Sensitivity, str]:
    """Whether texts must stay local, and which rule said so: the label, the default, a word of ours, then the rule of one's own."""
    if label is not None:
        return "public" if label == "public" else "private", "sensitivity is labelled"
    if default != "public":
        return "private", "unlabelled requests are private here"
    for text in texts:
        if found := private_word(text):
            return "private", f"the word {found} makes it private"
        if rule is not None and (why := rule(text)):
            return "private", why
    return "public", UNLABELLED


def said_in(request: LLMRequest) -> Iterator[str]:
    """Every text that is sent: the prompt, the system prompt, messages, names of documents and those that are text, calls of tools."""
    if request.prompt:
        yield request.prompt
    if request.system:
        yield request.system
    for message in request.messages:
        for part in message.content:
            if isinstance(part, TextPart):
                yield part.text
            elif isinstance(part, DocumentData):
                yield part.name
                if part.media_type.startswith("text/"):
                    yield part.data.decode("utf-8", "replace")
        for call in message.tool_calls:
            yield call.arguments
