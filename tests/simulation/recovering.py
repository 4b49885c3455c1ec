"""Whether work goes on as before when what disturbed it is over, or whether it keeps itself down."""

from collections.abc import Iterator, Sequence

LEAST_GOODPUT = 0.95
MOST_LOAD = 1.2
_SPAN = 10.0
"""Goodput is what was answered in spans of so many seconds."""


def recovered(at: float, asked: Sequence[float], ended: Sequence[tuple[float, float, bool]], sent: int) -> Iterator[str]:
    """What is not as it should be: of what is asked in any span from ``at`` on, as good as all is answered well."""
    load = sent / max(1, len(asked))
    if load > MOST_LOAD:
        yield f"{sent} requests were sent for {len(asked)} that were asked: a load factor of {load:.2f}"
    last = max(asked, default=0.0)
    begins = at
    while begins + _SPAN <= last:
        offered = sum(1 for moment in asked if begins <= moment < begins + _SPAN)
        good = sum(1 for born, _, well in ended if well and begins <= born < begins + _SPAN)
        if good < LEAST_GOODPUT * offered:
            yield f"{good} of {offered} requests were answered from {begins:.0f} s to {begins + _SPAN:.0f} s, after it was over"
        begins += _SPAN
    if begins == at:
        yield f"nothing was asked after {at:.0f} s: ask for more requests"
