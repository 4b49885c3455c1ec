"""Any text as one that every database holds: PostgreSQL takes no NUL, and no database half of a surrogate pair."""

import re
from typing import Final

_UNWRITABLE: Final = re.compile("[\x00\\\\\ud800-\udfff]")
_SPELLED: Final = re.compile(r"\\u([0-9a-f]{4})")


def spelled(text: str) -> str:
    r"""The text, with what cannot be held written as an escape; two texts never come to the same.

    >>> spelled("a\x00b\\c")
    'a\\u0000b\\u005cc'
    """
    return _UNWRITABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if _UNWRITABLE.search(text) else text


def unspelled(text: str) -> str:
    """What was spelled."""
    return _SPELLED.sub(lambda found: chr(int(found[1], 16)), text) if "\\" in text else text
