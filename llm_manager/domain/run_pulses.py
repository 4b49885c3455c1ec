"""How a run is doing just now, as its owner tells it every second or so to whoever watches from elsewhere."""

from attrs import field, frozen

from llm_manager.domain.standing import Standing


@frozen(kw_only=True)
class RunPulse:
    """The last that the owner of a run said of it; ``at`` is in seconds since 1970. ``waiting`` is what holds requests back, in words."""

    at: float
    rows_done: int = 0
    """Rows of the input that need nothing more; equal rows are all counted, which the store counts once."""
    under_way: int = 0
    rows_per_second: float | None = None
    seconds_left: float | None = None
    waiting: str | None = None
    standing: Standing = field(factory=Standing)
    """Breakers, limits and budgets of the owner's manager."""
