"""What looks like personal data, by datafog's patterns: imported when the settings ask for it, and never on the network.

Its engine is called, not its outer functions, which tell of their use where a variable of the environment allows it.
"""

import hashlib
from typing import Final

from datafog.engine import scan

from llm_manager.domain.plans import PrivateRule
from llm_manager.policies.sensitivity import plain

KINDS: Final = {
    "EMAIL": "an e-mail address",
    "PHONE": "a telephone number",
    "SSN": "a social security number",
    "CREDIT_CARD": "a card number",
}
"""What points to a person. Dates, postal codes and addresses of machines alone do not: most prompts hold some."""

_MOST_REMEMBERED: Final = 4096


def personal_data() -> PrivateRule:
    """A rule that says which kind of personal data a text seems to hold; texts met before are not read again."""
    kinds = list(KINDS)
    found: dict[bytes, str | None] = {}

    def rule(text: str) -> str | None:
        if not text:
            return None
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in found:
            return found[digest]
        seen = text if text.isascii() else plain(text)
        told = scan(text=seen, engine="regex", entity_types=kinds).entities
        kind = next((KINDS[each.type] for each in told if each.type in KINDS), None)
        if len(found) >= _MOST_REMEMBERED:
            found.clear()
        found[digest] = None if kind is None else f"what looks like {kind} makes it private (datafog)"
        return found[digest]

    return rule
