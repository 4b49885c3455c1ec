"""Models like to wrap what they were asked for in a fenced block of Markdown."""

_TICK = "`"
_LEAST_TICKS = 3
_WORD = "json"


def unfenced(text: str) -> str:
    """Take away one fence that wraps the whole text; any other text stays as it is.

    >>> unfenced('```json\\n{"a": 1}\\n```')
    '{"a": 1}'
    >>> unfenced('Here it is: ```{"a": 1}```')
    'Here it is: ```{"a": 1}```'
    """
    whole = text.strip()
    ticks = len(whole) - len(whole.lstrip(_TICK))
    fence = _TICK * ticks
    if ticks < _LEAST_TICKS or len(whole) < 2 * ticks or not whole.endswith(fence):
        return text
    first, line_end, rest = whole[ticks:-ticks].partition("\n")
    if not line_end:
        return first.strip().removeprefix(_WORD).strip()
    if not _is_word(first.strip()) or any(line.lstrip().startswith(fence) for line in rest.split("\n")):
        return text
    return rest.strip()


def _is_word(said: str) -> bool:
    return not said or said.isalnum()
