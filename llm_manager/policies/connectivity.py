"""Whether the world beyond this machine and its neighbours can be reached: a fold over what became of requests to endpoints elsewhere.

Offline is a guess, and it is never more than an order in which to ask: nobody is left out for it.
"""

from collections.abc import Collection, Iterable
from typing import Final, assert_never

from attrs import frozen

from llm_manager.domain.error_questions import origin_of
from llm_manager.domain.errors import (
    AllModelsFailed,
    CircuitOpen,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    RequestTimeout,
)
from llm_manager.domain.events import AttemptAnswered, AttemptFailed
from llm_manager.domain.models import Health

OFFLINE_SECONDS: Final = 30.0
"""For so long after the last failure providers elsewhere are taken as out of reach; then they are tried in their turn again."""

_ENOUGH = 2
"""So many endpoints out of reach are no chance; of a single one, so many failures."""


@frozen(kw_only=True)
class Connectivity:
    """What became of requests to endpoints elsewhere since one was last reached."""

    reached: bool = False
    unreached: frozenset[str] = frozenset()
    """The providers that could not be reached since."""
    failures: int = 0
    failed_at: float = 0.0


UNKNOWN: Final = Connectivity()
REACHED: Final = Connectivity(reached=True)


def after_event(seen: Connectivity, event: AttemptAnswered | AttemptFailed) -> Connectivity:
    """Take into account what became of a request to a provider elsewhere."""
    match event:
        case AttemptAnswered():
            return _reached(seen)
        case AttemptFailed(error=error) if was_unreachable(error):
            return _missed(seen, event.provider, event.at)
        case AttemptFailed(error=error):
            return _reached(seen) if _answered(error) else seen
        case _:
            assert_never(event)


def after_look(seen: Connectivity, healths: Iterable[Health], elsewhere: Collection[str], *, now: float) -> Connectivity:
    """Take into account how providers elsewhere were when all were asked: one that answered outweighs the others."""
    looked = [health for health in healths if health.provider in elsewhere]
    if any(health.healthy for health in looked):
        return _reached(seen)
    for health in looked:
        if health.error_tag in (NetworkError.tag, RequestTimeout.tag):
            seen = _missed(seen, health.provider, now, times=_ENOUGH)
    return seen


def online(seen: Connectivity, elsewhere: Collection[str], *, now: float) -> bool | None:
    """Say whether providers ``elsewhere`` can be reached; None when that is not known.

    They cannot when two of them, or the only one there is, were out of reach one after the other just now.
    """
    enough = len(seen.unreached) >= _ENOUGH or (len(elsewhere) == 1 and seen.failures >= _ENOUGH)
    if enough and now - seen.failed_at < OFFLINE_SECONDS:
        return False
    return True if seen.reached and not seen.unreached else None


def was_unreachable(error: LLMError) -> bool:
    """Say whether there was no way to the provider: no name, no route, no connection in time."""
    return (isinstance(error, NetworkError) and not error.sent) or (isinstance(error, RequestTimeout) and error.phase == "connect")


def is_away(error: LLMError) -> bool:
    """Say whether nobody who was asked could be reached, or was spared being asked for that."""
    if isinstance(error, AllModelsFailed):
        return bool(error.causes) and all(map(is_away, error.causes))
    if isinstance(error, ModelUnavailable):
        return error.reason == "not_running"
    return isinstance(error, CircuitOpen) or was_unreachable(error)


def _answered(error: LLMError) -> bool:
    """Say whether the provider itself said no; a page in its place may be any hotel's."""
    origin = origin_of(error)
    return origin is not None and origin.status is not None and not isinstance(error, MalformedResponse)


def _reached(seen: Connectivity) -> Connectivity:
    return seen if seen.reached and not seen.unreached else REACHED


def _missed(seen: Connectivity, provider: str, at: float, *, times: int = 1) -> Connectivity:
    return Connectivity(reached=seen.reached, unreached=seen.unreached | {provider}, failures=seen.failures + times, failed_at=at)
