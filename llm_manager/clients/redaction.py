"""A provider's own words, made safe to keep: no key of ours, nothing shaped like one, none of the prompt, and not long."""

import re
from collections.abc import Iterable

from llm_manager.clients.echoes import without_echoes
from llm_manager.clients.key_traces import without_traces

LONGEST = 2048
"""How many characters are kept."""

_SCANNED = 16_384
_LONGEST_SECRET = 4096
_HIDDEN = "[redacted]"
_SHAPES = re.compile(
    r"(?i:\bbearer[ \t]{1,4})[A-Za-z0-9+/=._~*-]{1,512}"
    r"|(?i:\bbasic[ \t]{1,4})[A-Za-z0-9+/=]{16,512}"
    r"|\b(?:sk|gsk|hf|xai|r8|tgp|csk|nvapi|pplx|gh[opsur]|github_pat|glpat|jina|fw|xox[abp])[-_][A-Za-z0-9*_.-]{6,512}"
    r"|\b(?:sess|pa|rk|pk)[-_][A-Za-z0-9*_-]{20,512}"
    r"|\bAIza[A-Za-z0-9*_-]{6,512}"
    r"|\b(?:AQ\.|ya29\.)[A-Za-z0-9*_.-]{16,512}"
    r"|\bA[KS]IA[A-Z0-9]{12,32}"
    r"|\beyJ[A-Za-z0-9_-]{8,512}\.[A-Za-z0-9_-]{1,512}(?:\.[A-Za-z0-9_-]{0,512})?"
    r"|(?i:\b(?:x-goog-api-key|x-api-key|api-key|api_key|apikey|access_token)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?)[^\s\"'&,;]{1,512}"
)


def redacted(text: str, *, secrets: Iterable[str] = (), prompts: Iterable[str] = ()) -> str:
    """Hide ``secrets``, whatever has a key's shape, and echoes of ``prompts``, even of parts; keep at most 2048 characters.

    >>> redacted("Incorrect API key provided: sk-proj-abcdef123456.")
    'Incorrect API key provided: [redacted]'
    """
    text = text[: _SCANNED + _LONGEST_SECRET]
    known = tuple(secrets)
    text = _without(text, known)[:_SCANNED]
    read = without_echoes(text, prompts)
    text = read if read is text else _without(read, known)
    text = _SHAPES.sub(_HIDDEN, text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = without_traces(text, secret, _HIDDEN)
    return text
