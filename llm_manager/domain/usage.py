"""What an answer took: tokens in buckets that never overlap, and money that may be unknown."""

from decimal import Decimal
from typing import ClassVar, Literal, TypeAlias

from attrs import frozen


@frozen(kw_only=True)
class Usage:
    """Tokens by bucket; a token is in exactly one of them, so the buckets sum to the total.

    ``cache_write_long_tokens`` are kept for an hour, at another price than ``cache_write_tokens``, which are kept for minutes.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_long_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """All tokens read: fresh, from the provider's cache, and written to it."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.cache_write_long_tokens

    @property
    def completion_tokens(self) -> int:
        """All tokens written: shown and reasoned."""
        return self.output_tokens + self.reasoning_tokens

    @property
    def total_tokens(self) -> int:
        """The sum of all buckets."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cache_write_long_tokens=self.cache_write_long_tokens + other.cache_write_long_tokens,
        )


@frozen(kw_only=True)
class Priced:
    """A cost in US dollars, with the version of the price data that gave it."""

    tag: ClassVar[Literal["Priced"]] = "Priced"
    usd: Decimal
    price_version: str


@frozen(kw_only=True)
class Unpriced:
    """A cost that is not known, and why; it is never zero."""

    tag: ClassVar[Literal["Unpriced"]] = "Unpriced"
    reason: str


Cost: TypeAlias = Priced | Unpriced


@frozen(kw_only=True)
class Most:
    """The most that a request can have taken which may be billed, and of which nobody told what it took; None is not known."""

    usd: Decimal | None
    tokens: int | None


@frozen(kw_only=True)
class TokenCount:
    """How many tokens a request is; ``exact`` when the model's own counter said so, else an estimate."""

    tokens: int
    model: str
    provider: str
    exact: bool


@frozen(kw_only=True)
class Credits:
    """Money at a provider, in US dollars: what was bought, what is spent and what is left (None: not told)."""

    provider: str
    total_usd: Decimal | None = None
    used_usd: Decimal | None = None
    left_usd: Decimal | None = None
