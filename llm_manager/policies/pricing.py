"""What an answer costs: tokens by bucket times a price, in `Decimal`; what is not known stays unknown."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, TypeAlias

from llm_manager.domain.models import KnownPrice, ModelProfile, Price, PriceTier
from llm_manager.domain.usage import Cost, Priced, Unpriced, Usage
from llm_manager.policies.sizes import Size

_NO_USAGE = Unpriced(reason="the provider did not tell how many tokens were used")
_NO_PRICE = Unpriced(reason="the price of this model is not known")
_NO_BOUND = Unpriced(reason="nothing bounds how much this model may write; say it with max_tokens, or in the model's profile")
_NOTHING = Decimal(0)
NOTHING_PAID: Final = Priced(usd=_NOTHING, price_version="remembered")
"""What an answer costs that was paid for before."""
_TO_MILLIONTHS = -6

Pricing: TypeAlias = Callable[[Usage | None, Price], Cost]
"""What `price` does."""


def price(usage: Usage | None, price: Price) -> Cost:
    """Price an answer. Reasoning counts as output; cached tokens cost what input does unless they have their own price."""
    if not isinstance(price, KnownPrice):
        return _NO_PRICE
    if is_free(price):
        return Priced(usd=_NOTHING, price_version=price.version)
    if usage is None:
        return _NO_USAGE
    rates = _rates(price, usage.prompt_tokens)
    cache_read = rates.input_usd if rates.cache_read_usd is None else rates.cache_read_usd
    cache_write = rates.input_usd if rates.cache_write_usd is None else rates.cache_write_usd
    usd = rates.input_usd * usage.input_tokens + rates.output_usd * usage.completion_tokens
    if usage.cache_read_tokens:
        usd += cache_read * usage.cache_read_tokens
    if usage.cache_write_tokens:
        usd += cache_write * usage.cache_write_tokens
    if usage.cache_write_long_tokens:
        usd += (cache_write if rates.cache_write_long_usd is None else rates.cache_write_long_usd) * usage.cache_write_long_tokens
    return Priced(usd=usd.scaleb(_TO_MILLIONTHS), price_version=price.version)


def remembering_price() -> Pricing:
    """`price` for those who ask one after the other for the same answer: the last one is kept."""
    kept: tuple[Usage | None, Price | None, Cost] = (None, None, _NO_PRICE)

    def remembered(usage: Usage | None, rates: Price) -> Cost:
        nonlocal kept
        before, by, cost = kept
        if usage is None or before is not usage or by is not rates:
            cost = price(usage, rates)
            kept = (usage, rates, cost)
        return cost

    return remembered


def worst_case(size: Size, profile: ModelProfile) -> Cost:
    """The most that a request of this size can cost: every token at the dearest price that may apply to it."""
    return dearest(size.most_prompt_tokens, size.most_completion_tokens, profile.price)


def dearest(prompt_tokens: int, completion_tokens: int | None, price: Price) -> Cost:
    """The most that so many tokens can cost; a prompt may be shorter, and each of its tokens fresh, read from a cache or written to it."""
    if not isinstance(price, KnownPrice):
        return _NO_PRICE
    if is_free(price):
        return Priced(usd=_NOTHING, price_version=price.version)
    if completion_tokens is None:
        return _NO_BOUND
    usd = dearest_millionths(prompt_tokens, completion_tokens, price)
    return Priced(usd=usd.scaleb(_TO_MILLIONTHS), price_version=price.version)


def dearest_millionths(prompt_tokens: int, completion_tokens: int, price: KnownPrice) -> Decimal:
    """The most that so many tokens can cost, in millionths of a dollar."""
    read, written = _dearest_read(price), price.output_usd
    for tier in price.tiers:
        if tier.above_tokens < prompt_tokens:
            read, written = max(read, _dearest_read(tier)), max(written, tier.output_usd)
    return read * prompt_tokens + written * completion_tokens


def is_free(price: Price) -> bool:
    """Say whether it is known that nothing is charged for any token."""
    return isinstance(price, KnownPrice) and not (price.input_usd or price.output_usd or price.tiers)


def together(costs: Iterable[Cost]) -> Cost:
    """The sum of several costs, with every version of prices in it; unknown as soon as one is. Nothing costs nothing."""
    usd, versions = _NOTHING, dict[str, None]()
    for cost in costs:
        if not isinstance(cost, Priced):
            return cost
        usd += cost.usd
        versions[cost.price_version] = None
    return Priced(usd=usd, price_version=", ".join(versions) or NOTHING_PAID.price_version)


def _rates(price: KnownPrice, prompt_tokens: int) -> KnownPrice | PriceTier:
    """The rates of the longest tier that the prompt passes, for all of its tokens."""
    for tier in reversed(price.tiers):
        if prompt_tokens > tier.above_tokens:
            return tier
    return price


def _dearest_read(rates: KnownPrice | PriceTier) -> Decimal:
    """What a token of a prompt costs at most, whatever the provider's cache makes of it."""
    most = rates.input_usd
    for other in (rates.cache_read_usd, rates.cache_write_usd, rates.cache_write_long_usd):
        if other is not None and other > most:
            most = other
    return most
