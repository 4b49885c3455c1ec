"""What a provider tells of its limits beside an answer."""

from attrs import frozen


@frozen(kw_only=True)
class RateLimits:
    """How much may be asked and what of it is left; None is not told.

    ``..._reset_seconds`` is when everything is there again, counted from the answer. Tokens are those of prompts and answers together,
    or of prompts alone where a provider counts them apart.
    """

    requests: int | None = None
    requests_left: int | None = None
    requests_reset_seconds: float | None = None
    tokens: int | None = None
    tokens_left: int | None = None
    tokens_reset_seconds: float | None = None
