"""Prices of models by name, from the price data installed; loaded at the first question, never at import.

What the data does not hold is `UnknownPrice`: a call never fails for lack of a price, and nothing unknown costs zero.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from llm_manager.clients.data.shapes import Rates
from llm_manager.domain.models import KnownPrice, Price, PriceTier, UnknownPrice
from llm_manager.policies.model_kinds import kind_of_model

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

_Amounts: TypeAlias = tuple[Decimal, Decimal, Decimal | None, Decimal | None, Decimal | None]
_UNKNOWN: Final = UnknownPrice()
_BUCKETS: Final = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")


def price_of(base_url: str, model: str, *, wall: float) -> Price:
    """The price of a model at the endpoint of this address; ``wall`` is today, in seconds since 1970."""
    from genai_prices import __version__, data_snapshot

    try:
        _, info = data_snapshot.get_snapshot().find_provider_model(model, None, None, base_url)
        prices = info.get_prices(datetime.fromtimestamp(wall, UTC))
    except (LookupError, ValueError, OverflowError, OSError):
        return _UNKNOWN
    return _from_data(prices, f"genai-prices {__version__}", writes=kind_of_model(model) != "embedding")


def known_price(rates: Rates | None, long: tuple[int, Rates] | None, *, version: str) -> Price:
    """A price from a row of data."""
    if rates is None:
        return _UNKNOWN
    return _known(_amounts(rates), [] if long is None else [(long[0], _amounts(long[1]))], version)


def _from_data(prices: "ModelPrice", version: str, *, writes: bool) -> Price:
    from genai_prices.types import TieredPrices

    values = [getattr(prices, bucket, None) for bucket in _BUCKETS]
    starts = sorted({tier.start for value in values if isinstance(value, TieredPrices) for tier in value.tiers})
    rates = [[_at(value, start) if isinstance(value, TieredPrices) else value for value in values] for start in (-1, *starts)]
    base = _amounts_or_none(rates[0], writes=writes)
    tiers = [_amounts_or_none(at, writes=writes) for at in rates[1:]]
    if base is None or None in tiers:
        return _UNKNOWN
    return _known(base, [(start, at) for start, at in zip(starts, tiers, strict=True) if at is not None], version)


def _at(prices: "TieredPrices", start: int) -> Decimal:
    reached = prices.base
    for tier in prices.tiers:
        if tier.start <= start:
            reached = tier.price
    return reached


def _amounts_or_none(values: "list[Decimal | None]", *, writes: bool) -> _Amounts | None:
    """What is told of each bucket; a model that writes nothing has no price for it."""
    paid, written, read, stored, kept = values
    if written is None and not writes:
        written = Decimal(0)
    return None if paid is None or written is None else (paid, written, read, stored, kept)


def _known(base: _Amounts, tiers: list[tuple[int, _Amounts]], version: str) -> KnownPrice:
    return KnownPrice(
        input_usd=base[0],
        output_usd=base[1],
        cache_read_usd=base[2],
        cache_write_usd=base[3],
        cache_write_long_usd=base[4],
        version=version,
        tiers=tuple(
            PriceTier(
                above_tokens=above,
                input_usd=at[0],
                output_usd=at[1],
                cache_read_usd=at[2],
                cache_write_usd=at[3],
                cache_write_long_usd=at[4],
            )
            for above, at in tiers
        ),
    )


def _amounts(rates: Rates) -> _Amounts:
    read, write = rates[2], rates[3]
    return (
        Decimal(rates[0]),
        Decimal(rates[1]),
        None if read is None else Decimal(read),
        None if write is None else Decimal(write),
        None if len(rates) == 4 else Decimal(rates[4]),
    )
