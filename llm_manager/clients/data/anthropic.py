"""Anthropic's models: what each is, what it costs, and in which manner it takes what is asked of it.

Prices and windows are those of the named price data on the day given; a test compares them with the data installed. Longest
answers, manners and retirements are those of Anthropic's model pages and of its SDK, read in November 2026. A model named in
``tiers`` is asked unless settings say otherwise; the others are only known by name.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from attrs import frozen

from llm_manager.clients.data.shapes import ModelFacts, ProviderFacts, Rates
from llm_manager.domain.requests import Reasoning

AS_OF: Final = "2026-11-20"
PRICE_VERSION: Final = "genai-prices 0.2.3"

API_VERSION: Final = "2026-10-21"
"""The version of the API that is asked for unless settings name another: the one that the SDK sends."""
NO_SAMPLING_SINCE: Final = "2026-10-21"
"""From this version on, no model takes ``temperature`` or ``top_p``, not even at their usual values."""
MAX_TOKENS: Final = 4096
"""Room for the answer when nobody bounds it: the API wants a bound."""
ROOM_TO_THINK: Final[Mapping[Reasoning, int]] = MappingProxyType({"off": 0, "low": 2048, "medium": 8192, "high": 16_384})
"""Tokens for thinking, which count as part of the answer."""
LEAST_BUDGET: Final = 1024
BINDING_BETA: Final = "thinking-binding-controls-2026-08-01"
"""What a request must name to have thinking that no longer fits its conversation left out instead of refused."""


@frozen(kw_only=True)
class Manner:
    """How a generation of models takes what is asked of it.

    ``thinking`` is set by a budget of tokens, or by an effort (``adaptive``); ``off`` is how it is kept from thinking, and
    ``unbidden`` one that thinks unless it is. ``shown`` thinking must be asked for to be told. ``bound`` thinking is only
    taken back by the model that wrote it, in the conversation in which it did.
    """

    thinking: Literal["none", "budget", "adaptive"] = "none"
    off: Literal["omitted", "disabled", "between_tools", "never"] = "omitted"
    unbidden: bool = False
    shown: bool = False
    bound: bool = False
    sampling: Literal["never", "older_versions", "always"] = "never"
    temperature_beside_top_p: bool = False
    forced_tools: bool = True
    json_schema: bool = True


_THIRD = Manner(sampling="older_versions", temperature_beside_top_p=True, json_schema=False)
_FOURTH = Manner(thinking="budget", sampling="older_versions", temperature_beside_top_p=True, json_schema=False)
_FOUR_ONE = Manner(thinking="budget", sampling="older_versions", json_schema=False)
_FOUR_FIVE = Manner(thinking="budget", sampling="older_versions")
_FOUR_SIX = Manner(thinking="adaptive", sampling="older_versions")
_FOUR_SEVEN = Manner(thinking="adaptive", shown=True)
_FIFTH = Manner(thinking="adaptive", shown=True, unbidden=True, off="disabled")
_FABLE_FIVE = Manner(thinking="adaptive", shown=True, unbidden=True, off="never")
_NEWEST = Manner(thinking="adaptive", shown=True, unbidden=True, off="never", bound=True, forced_tools=False)
_HAIKU_FIVE_FIVE = Manner(thinking="adaptive", shown=True, unbidden=True, off="disabled", bound=True)
_SONNET_FIVE_FIVE = Manner(thinking="adaptive", shown=True, unbidden=True, off="between_tools", bound=True, forced_tools=False)
_NO_CLAUDE = Manner(sampling="always", temperature_beside_top_p=True, json_schema=False)

_MANNERS: Final[Mapping[str, Manner]] = MappingProxyType(
    {
        "claude-2": _THIRD,
        "claude-3-": _THIRD,
        "claude-3-7-": _FOURTH,
        "claude-sonnet-4": _FOURTH,
        "claude-opus-4": _FOURTH,
        "claude-opus-4-1": _FOUR_ONE,
        "claude-opus-4-5": _FOUR_FIVE,
        "claude-sonnet-4-5": _FOUR_FIVE,
        "claude-haiku-4-5": _FOUR_FIVE,
        "claude-opus-4-6": _FOUR_SIX,
        "claude-sonnet-4-6": _FOUR_SIX,
        "claude-opus-4-7": _FOUR_SEVEN,
        "claude-opus-4-8": _FOUR_SEVEN,
        "claude-opus-5": _FIFTH,
        "claude-sonnet-5": _FIFTH,
        "claude-fable-5": _FABLE_FIVE,
        "claude-mythos-5": _FABLE_FIVE,
        "claude-mythos-preview": _FABLE_FIVE,
        "claude-fable-5-1": _NEWEST,
        "claude-mythos-5-1": _NEWEST,
        "claude-fable-5-2": _NEWEST,
        "claude-mythos-5-2": _NEWEST,
        "claude-opus-5-5": _NEWEST,
        "claude-sonnet-5-5": _SONNET_FIVE_FIVE,
        "claude-haiku-5-5": _HAIKU_FIVE_FIVE,
        "claude-": _NEWEST,
    }
)
"""By the beginning of a model's name, the longest that fits; a Claude not known here is taken for one of the newest."""


@lru_cache(maxsize=1024)
def manner_of(model: str) -> Manner:
    """The manner of a model by its name; one that is no Claude stands behind a server that speaks Claude's dialect.

    >>> manner_of("claude-sonnet-4-20250514").thinking, manner_of("claude-sonnet-4-6").thinking, manner_of("qwen3").thinking
    ('budget', 'adaptive', 'none')
    """
    fitting = [beginning for beginning in _MANNERS if model.startswith(beginning)]
    return _MANNERS[max(fitting, key=len)] if fitting else _NO_CLAUDE


_OPUS: Final[Rates] = ("5", "25", "0.5", "6.25", "10")
_OLD_OPUS: Final[Rates] = ("15", "75", "1.5", "18.75", "30")
_SONNET: Final[Rates] = ("3", "15", "0.3", "3.75", "6")
_LONG = 1_000_000
_OLD = 200_000


def _model(
    name: str,
    rates: Rates | None,
    *,
    window: int = _LONG,
    output: int = 128_000,
    quality: float,
    seconds: float = 3.0,
    long: tuple[int, Rates] | None = None,
    documents: bool = True,
    retired: bool = False,
    replaced_by: str | None = None,
) -> ModelFacts:
    manner = manner_of(name)
    return ModelFacts(
        name=name,
        window=window,
        output=output,
        vision=True,
        documents=documents,
        reasoning=manner.thinking != "none",
        json_schema=manner.json_schema,
        quality=quality,
        latency_seconds=seconds,
        rates=rates,
        long=long,
        retired=retired,
        replaced_by=replaced_by,
    )


ANTHROPIC: Final = ProviderFacts(
    name="anthropic",
    base_url="https://api.anthropic.com",
    needs_key=True,
    tiers={"default": "claude-haiku-5-5", "best": "claude-sonnet-5-5", "reasoning": "claude-opus-5-5"},
    models=(
        _model(
            "claude-haiku-5-5",
            ("0.1", "0.5", "0.01", "0.125", "0.2"),
            long=(100_000, ("0.5", "2.5", "0.05", "0.625", "1")),
            quality=0.76,
            seconds=1.0,
        ),
        _model("claude-sonnet-5-5", ("2", "10", "0.1", "2.5", "4"), quality=0.89, seconds=2.0),
        _model("claude-opus-5-5", ("4", "20", "0.2", "5", "8"), quality=0.95),
        _model("claude-fable-5-2", ("8", "40", "0.2", "10", "16"), quality=0.98, seconds=6.0),
        _model("claude-mythos-5-2", ("8", "40", "0.2", "10", "16"), quality=0.98, seconds=6.0),
        _model("claude-fable-5-1", ("10", "50", "0.25", "12.5", "20"), quality=0.96, seconds=6.0, replaced_by="claude-fable-5-2"),
        _model("claude-mythos-5-1", None, quality=0.96, seconds=6.0, replaced_by="claude-mythos-5-2"),
        _model("claude-fable-5", ("10", "50", "1", "12.5", "20"), quality=0.95, seconds=6.0, replaced_by="claude-fable-5-2"),
        _model("claude-mythos-5", None, quality=0.95, seconds=6.0, replaced_by="claude-mythos-5-2"),
        _model("claude-opus-5", _OPUS, quality=0.93, replaced_by="claude-opus-5-5"),
        _model("claude-sonnet-5", ("2", "10", "0.2", "2.5", "4"), quality=0.86, seconds=2.0, replaced_by="claude-sonnet-5-5"),
        _model("claude-opus-4-8", _OPUS, quality=0.9, replaced_by="claude-opus-5-5"),
        _model("claude-opus-4-7", _OPUS, quality=0.89, replaced_by="claude-opus-5-5"),
        _model("claude-opus-4-6", _OPUS, quality=0.87, replaced_by="claude-opus-5-5"),
        _model("claude-sonnet-4-6", _SONNET, output=64_000, quality=0.84, seconds=2.0, replaced_by="claude-sonnet-5-5"),
        _model("claude-haiku-4-5", ("1", "5", "0.1", "1.25", "2"), window=_OLD, output=64_000, quality=0.7, seconds=1.0),
        _model("claude-haiku-4-5-20251001", ("1", "5", "0.1", "1.25", "2"), window=_OLD, output=64_000, quality=0.7, seconds=1.0),
        _model("claude-opus-4-5", _OPUS, window=_OLD, output=64_000, quality=0.85, replaced_by="claude-opus-5-5"),
        _model("claude-opus-4-5-20251101", _OPUS, window=_OLD, output=64_000, quality=0.85, replaced_by="claude-opus-5-5"),
        *(
            _model(
                name,
                _SONNET,
                long=(200_000, ("6", "22.5", "0.6", "7.5", "12")),
                window=_OLD,
                output=64_000,
                quality=0.81,
                seconds=2.0,
                replaced_by="claude-sonnet-5-5",
            )
            for name in ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929")
        ),
        *(
            _model(name, rates, window=_OLD, output=output, quality=quality, documents=documents, retired=True, replaced_by=successor)
            for name, rates, output, quality, documents, successor in (
                ("claude-mythos-preview", None, 128_000, 0.93, True, "claude-mythos-5-2"),
                ("claude-opus-4-1", _OLD_OPUS, 32_000, 0.82, True, "claude-opus-5-5"),
                ("claude-opus-4-1-20250805", _OLD_OPUS, 32_000, 0.82, True, "claude-opus-5-5"),
                ("claude-opus-4-0", _OLD_OPUS, 32_000, 0.8, True, "claude-opus-5-5"),
                ("claude-opus-4-20250514", _OLD_OPUS, 32_000, 0.8, True, "claude-opus-5-5"),
                ("claude-sonnet-4-0", _SONNET, 64_000, 0.77, True, "claude-sonnet-5-5"),
                ("claude-sonnet-4-20250514", _SONNET, 64_000, 0.77, True, "claude-sonnet-5-5"),
                ("claude-3-7-sonnet-latest", _SONNET, 64_000, 0.74, True, "claude-sonnet-5-5"),
                ("claude-3-7-sonnet-20250219", _SONNET, 64_000, 0.74, True, "claude-sonnet-5-5"),
                ("claude-3-5-sonnet-latest", _SONNET, 8192, 0.7, True, "claude-sonnet-5-5"),
                ("claude-3-5-sonnet-20241022", _SONNET, 8192, 0.7, True, "claude-sonnet-5-5"),
                ("claude-3-5-sonnet-20240620", _SONNET, 8192, 0.68, False, "claude-sonnet-5-5"),
                ("claude-3-5-haiku-latest", ("0.8", "4", "0.08", "1", "1.6"), 8192, 0.6, True, "claude-haiku-5-5"),
                ("claude-3-5-haiku-20241022", ("0.8", "4", "0.08", "1", "1.6"), 8192, 0.6, True, "claude-haiku-5-5"),
                ("claude-3-opus-latest", _OLD_OPUS, 4096, 0.65, False, "claude-opus-5-5"),
                ("claude-3-opus-20240229", _OLD_OPUS, 4096, 0.65, False, "claude-opus-5-5"),
                ("claude-3-sonnet-20240229", _SONNET, 4096, 0.55, False, "claude-sonnet-5-5"),
                ("claude-3-haiku-20240307", ("0.25", "1.25", "0.03", "0.3", "0.5"), 4096, 0.5, False, "claude-haiku-5-5"),
            )
        ),
    ),
    quality=0.85,
    latency_seconds=3.0,
    own_headers={"anthropic-version": API_VERSION},
)
