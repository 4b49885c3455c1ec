"""A provider's own words, made safe to keep: no key of ours, nothing shaped like one, none of the prompt, and not long."""

import re
from collections.abc import Iterable

from llm_manager.clients.echoes import without_echoes

LONGEST = 2048
"""How many characters are kept."""

_SCANNED = 16_384
_SHORTEST_SECRET = 6
_LONGEST_SECRET = 4096
_HIDDEN = "[redacted]"
_SHAPES = re.compile(
    r"(?i:\bbearer[ \t]{1,4})[A-Za-z0-9+/=._~*-]{1,512}"
    r"|(?i:\bbasic[ \t]{1,4})[A-Za-z0-9+/=]{16,512}"
    r"|\b(?:sk|gsk|hf|xai|r8|tgp|csk|nvapi|pplx|ghp|gho)[-_][A-Za-z0-9*_.-]{6,512}"
    r"|\bAIza[A-Za-z0-9*_-]{6,512}"
    r"|\bAKIA[A-Z0-9]{12,32}"
    r"|\beyJ[A-Za-z0-9_-]{8,512}\.[A-Za-z0-9_-]{1,512}(?:\.[A-Za-z0-9_-]{0,512})?"
    r"|(?i:\b(?:x-goog-api-key|x-api-key|api-key|api_key|apikey|access_token)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?)[^\s\"'&,;]{1,512}"
)


def redacted(text: str, *, secrets: Iterable[str] = (), prompts: Iterable[str] = ()) -> str:
    """Hide ``secrets``, whatever has a key's shape, and echoes of ``prompts``, even of parts; keep at most 2048 characters.

    >>> redacted("Incorrect API key provided: sk-proj-abcdef123456.")
    'Incorrect API key provided: [redacted]'
    """
    text = text[: _SCANNED + _LONGEST_SECRET]
    for secret in secrets:
        for spelling in _spellings(secret):
            text = text.replace(spelling, _HIDDEN)
    text = text[:_SCANNED]
    text = without_echoes(text, prompts)
    text = _SHAPES.sub(_HIDDEN, text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _spellings(secret: str) -> tuple[str, ...]:
    """A key as it is, and as it looks in JSON and in a URL."""
    secret = secret.strip()
    if len(secret) < _SHORTEST_SECRET:
        return ()
    quoted = "".join(
        char if (char.isascii() and char.isalnum()) or char in "-._~" else "".join(f"%{b:02X}" for b in _bytes(char)) for char in secret
    )
    return tuple(dict.fromkeys((secret, _escaped(secret), quoted)))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _bytes(char: str) -> bytes:
    return char.encode("utf-8", "surrogatepass")
