"""Fetching a model: what the server tells of it, line by line, added up over the model's layers."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.ollama import errors
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.local_models import PullProgress
from llm_manager.outcomes import Settled

_DONE: Final = "success"
_MOST: Final = 2**62
_MOST_LAYERS: Final = 10_000
_LONGEST: Final = 200

Told = Settled[PullProgress, LLMError]


@frozen(kw_only=True)
class Fetching:
    """How far it has come: bytes fetched and in all, by layer; ``over`` once it has ended, well or not."""

    model: str
    layers: Mapping[str, tuple[int, int]] = field(factory=dict)
    over: bool = False


def read_progress(fetching: Fetching, line: bytes, who: Who, *, wall: float) -> tuple[Fetching, Told | None]:
    """Read one line; None for one that tells nothing."""
    if fetching.over:
        return fetching, None
    try:
        told = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return evolve(fetching, over=True), Failure(endings.malformed("a line of the progress is not a JSON object", who, raw=line))
    if told.get("error") is not None:
        return evolve(fetching, over=True), Failure(errors.error_inside(told["error"], who, wall=wall))
    status = told.get("status")
    if not isinstance(status, str):
        return fetching, None
    layers = fetching.layers
    if isinstance(digest := told.get("digest"), str) and (digest in layers or len(layers) < _MOST_LAYERS):
        layers = {**layers, digest: _grown(layers.get(digest, (0, 0)), told)}
    done = status == _DONE
    fetching = evolve(fetching, layers=layers, over=done)
    return fetching, Success(
        PullProgress(
            model=fetching.model,
            status=who.safe(status[:_LONGEST]),
            completed_bytes=sum(completed for completed, _ in layers.values()),
            total_bytes=sum(total for _, total in layers.values()),
            done=done,
        )
    )


def ended_early(fetching: Fetching, who: Who) -> LLMError:
    """A fetching that just ends: nothing is lost, the server goes on from there when it is told to fetch again."""
    return endings.interrupted(f"the fetching of {fetching.model} ended before it was done; fetch it again to go on", who, partial="")


def _grown(before: tuple[int, int], told: Mapping[str, Any]) -> tuple[int, int]:
    """Neither number ever goes back, and no layer has more than all of it."""
    completed, total = (max(old, _count(told.get(name))) for old, name in zip(before, ("completed", "total"), strict=True))
    return (min(completed, total) if total else completed), total


def _count(told: object) -> int:
    return told if type(told) is int and 0 <= told <= _MOST else 0
