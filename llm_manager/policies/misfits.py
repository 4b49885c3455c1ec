"""Where and why an answer does not fit its class, in words that repeat nothing of the answer."""

import re

_ENUM = re.compile(r"(Invalid enum value) .*", re.DOTALL)
_LONGEST = 200


def read_misfit(told: str) -> tuple[str, str]:
    """Split what the reader of JSON says into path (``$`` is the whole) and message; a value it quotes is left out.

    >>> read_misfit("Invalid enum value 'my secret' - at `$.kind`")
    ('$.kind', 'Invalid enum value')
    >>> read_misfit("Object missing required field `age`")
    ('$', 'Object missing required field `age`')
    """
    message, _, path = told.rpartition(" - at `") if " - at `" in told else (told, "", "")
    return path.rstrip("`") or "$", _ENUM.sub(r"\1", message)[:_LONGEST]
