"""Texts and numbers as the page shows them; whatever a name holds, it stays a text."""

from decimal import Decimal
from html import escape
from typing import Final

from llm_manager.policies.printing import one_line

_LONGEST: Final = 48
_STEPS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SECOND_MS: Final = 1000.0
_LEAST_LONG: Final = 999.5
"""What is not less than this has more than three digits before its point, rounded."""
NOBODY: Final = "(none)"


def safe(text: str) -> str:
    """A text for any place in the page: as one line, without control characters, escaped.

    >>> safe('</title><script>"x"')
    '&lt;/title&gt;&lt;script&gt;&quot;x&quot;'
    """
    return escape(one_line(text).encode("utf-8", "replace").decode(), quote=True)


def short(name: str | None) -> str:
    """A name that fits, not yet `safe`."""
    told = NOBODY if name is None or not (line := one_line(name)) else line
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"


def usd(amount: Decimal | float) -> str:
    """Money with as many digits as say something.

    >>> usd(Decimal("0")), usd(Decimal("0.0000123")), usd(Decimal("1234.567"))
    ('0', '0.0000123', '1,234.57')
    """
    number = float(amount)
    if not number:
        return "0"
    if abs(number) >= 1:
        return f"{number:,.2f}"
    text = f"{Decimal(f'{number:.3g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd_mark(number: float) -> str:
    """Money at an axis, where marks are round.

    >>> usd_mark(0.5), usd_mark(1.0), usd_mark(2500.0), usd_mark(0.00002)
    ('0.5', '1', '2.5k', '0.00002')
    """
    return count(number) if number >= 1 else usd(number)


def count(number: float) -> str:
    """A count in few digits.

    >>> count(0), count(950), count(1200), count(3_450_000), count(999_960)
    ('0', '950', '1.2k', '3.45M', '1M')
    """
    for least, letter in _STEPS:
        if abs(number) * 1000 >= least * _LEAST_LONG:
            return f"{_digits(number / least)}{letter}"
    return _digits(number)


def latency(milliseconds: float | None) -> str:
    """A latency with its unit.

    >>> latency(None), latency(0), latency(0.42), latency(250), latency(999.7), latency(2500), latency(1_234_567)
    ('–', '0', '0.42 ms', '250 ms', '1 s', '2.5 s', '1235 s')
    """
    if milliseconds is None:
        return "–"
    if not milliseconds:
        return "0"
    return f"{_digits(milliseconds)} ms" if milliseconds < _LEAST_LONG else f"{_digits(milliseconds / _SECOND_MS)} s"


def _digits(number: float) -> str:
    """Three digits that say something, or all before the point; never with an exponent because of its size."""
    return f"{number:.3g}" if abs(number) < _LEAST_LONG else f"{number:.0f}"
