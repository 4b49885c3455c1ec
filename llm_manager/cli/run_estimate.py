"""`llm-manager run --estimate`: what the run will take, by every row it would send; nothing is sent."""

from collections.abc import Iterator
from typing import Any, Final

from llm_manager.cli.session import Session
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Cost, Priced
from llm_manager.policies.estimating import Estimate, estimate

_PLACES: Final = 4


def estimated(session: Session, profile: ModelProfile, requests: Iterator[LLMRequest], concurrency: int | None) -> Estimate:
    """What it takes to ask a model all of them."""
    at_once = concurrency or session.config.performance.concurrency
    return estimate(requests, profile, session.config.providers.get(profile.provider), concurrency=at_once)


def estimate_lines(profile: ModelProfile, found: Estimate) -> Iterator[str]:
    """The estimate for people."""
    yield (
        f"{profile.name} of {profile.provider}: about {found.prompt_tokens} tokens to read, "
        f"and {found.completion_tokens} to write if answers are of usual length"
    )
    yield f"cost: at least {_usd(found.least)}, about {_usd(found.expected)}, at most {_usd(found.most)}"
    yield f"time: {_time(found.seconds)}, if nothing fails and one answer takes {profile.latency_seconds:g} s"


def estimate_document(found: Estimate) -> dict[str, Any]:
    """The estimate as data; what is not known is null."""
    return {
        "requests": found.requests,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "least_usd": _plain(found.least),
        "expected_usd": _plain(found.expected),
        "most_usd": _plain(found.most),
        "seconds": None if found.seconds is None else round(found.seconds, 1),
    }


def _plain(cost: Cost) -> str | None:
    return format(cost.usd, "f") if isinstance(cost, Priced) else None


def _usd(cost: Cost) -> str:
    if isinstance(cost, Priced):
        return f"{round(cost.usd, _PLACES):f} USD" if cost.usd else "0 USD"
    return f"unknown ({cost.reason})"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "never: a request is more than tokens_per_minute allows"
    if seconds < 90.0:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60.0:.0f} min" if seconds < 5400.0 else f"about {seconds / 3600.0:.1f} h"
