"""In which order models are shown, and what one costs as a single number."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, TypeAlias, assert_never

from llm_manager.domain.models import KnownPrice, ModelProfile, Price

ModelOrder: TypeAlias = Literal["price", "window", "name"]
"""The cheapest first, the largest window first, or by name; what is not known comes last."""

_UNKNOWN = Decimal("Infinity")


def blended_price(price: Price) -> Decimal | None:
    """US dollars per million tokens at three read to one written; None when the price is not known.

    >>> from llm_manager.domain.models import FREE, UnknownPrice
    >>> blended_price(FREE), blended_price(UnknownPrice())
    (Decimal('0'), None)
    """
    return (price.input_usd * 3 + price.output_usd) / 4 if isinstance(price, KnownPrice) else None


def in_order(profiles: Iterable[ModelProfile], by: ModelOrder) -> tuple[ModelProfile, ...]:
    """Models sorted; equal ones by name and provider."""

    def place(profile: ModelProfile) -> tuple[Any, ...]:
        match by:
            case "price":
                blended = blended_price(profile.price)
                mark: Any = _UNKNOWN if blended is None else blended
            case "window":
                mark = -(profile.context_window or 0)
            case "name":
                mark = profile.name.lower()
            case _:
                assert_never(by)
        return mark, profile.name, profile.provider

    return tuple(sorted(profiles, key=place))


def costing_at_most(profiles: Iterable[ModelProfile], usd: Decimal) -> tuple[ModelProfile, ...]:
    """Models whose blended price is known and no higher."""
    return tuple(profile for profile in profiles if (blended := blended_price(profile.price)) is not None and blended <= usd)
