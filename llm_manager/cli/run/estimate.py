"""What a run will take, by every row it would send, in words and as data; nothing is sent."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from attrs import evolve, frozen
from returns.result import Success

from llm_manager.cli.session import Session
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Cost, Priced
from llm_manager.domain.usage_log import UsageQuery
from llm_manager.effects import settle
from llm_manager.policies.estimating import Estimate, estimate
from llm_manager.policies.plurals import counted
from llm_manager.runs.jobs import Job, pinned
from llm_manager.runs.surveying import Survey, every_request

_PLACES: Final = 4


@frozen(kw_only=True)
class RunEstimate:
    """What a run takes of one model. Of its ``rows`` so many are ``to_ask``, ``unique`` of them different; ``cached`` of those are at hand.

    ``taken`` is what the others take, where one answer takes ``profile.latency_seconds``: the median of so many ``seen`` by the
    usage log, or a guess when it has seen none.
    """

    profile: ModelProfile
    rows: int
    to_ask: int
    unique: int
    cached: int
    taken: Estimate
    seen: int = 0


async def estimated(session: Session, job: Job, found: Survey, profile: ModelProfile, concurrency: int | None) -> RunEstimate:
    """What it takes to ask a model all that is to be asked: equal rows once, and nothing for answers that are remembered."""
    asked = pinned(job, profile)
    held = [await _held(session, request) for request in every_request(asked, found)] if session.config.cache.enabled else []
    settings = session.config.providers.get(profile.provider)
    seen, median = await _seen(session, profile)
    timed = profile if median is None else evolve(profile, latency_seconds=median)
    taken = estimate(
        (request for request, known in zip_longest(every_request(asked, found), held) if not known),
        timed,
        settings,
        concurrency=concurrency or session.config.performance.concurrency,
    )
    return RunEstimate(
        profile=timed,
        rows=found.tally.rows,
        to_ask=found.requests + sum(found.twins),
        unique=found.requests,
        cached=sum(held),
        taken=taken,
        seen=seen,
    )


async def _seen(session: Session, profile: ModelProfile) -> tuple[int, float | None]:
    """How many answers of the model are in the usage log, and what the median of them took; nothing where there is no log."""
    if session.store is None:
        return 0, None
    asked = UsageQuery(provider=profile.provider, model=profile.name, operation="chat")
    told = await settle(session.manager.usage_report(asked))
    median = told.unwrap().total.median_latency_ms if isinstance(told, Success) else None
    return (0, None) if median is None else (told.unwrap().total.successful, median / 1000.0)


async def _held(session: Session, request: LLMRequest) -> bool:
    known = await settle(session.manager.remembered(request))
    return isinstance(known, Success) and known.unwrap()


def estimate_lines(whole: RunEstimate) -> Iterator[str]:
    """The estimate for people."""
    profile, found = whole.profile, whole.taken
    yield f"{counted(whole.rows, 'row')}, {whole.to_ask} to ask, {whole.unique} of them different, {whole.cached} in the cache"
    yield (
        f"{profile.name} of {profile.provider}: about {found.prompt_tokens} tokens to read, "
        f"and {found.completion_tokens} to write{_longest(found)}"
    )
    yield f"cost: at least {_usd(found.least)}, about {_usd(found.expected)}, at most {_usd(found.most)}"
    whence = f"the median of {counted(whole.seen, 'answer')} in the usage log" if whole.seen else "a guess: the usage log knows none of it"
    yield f"time: {_time(found.seconds)}, if nothing fails and one answer takes {profile.latency_seconds:.3g} s ({whence})"


def estimate_document(whole: RunEstimate) -> dict[str, Any]:
    """The estimate as data; what is not known is null."""
    found = whole.taken
    return {
        "rows": whole.rows,
        "to_ask": whole.to_ask,
        "unique": whole.unique,
        "cached": whole.cached,
        "requests": found.requests,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "longest_completion_tokens": found.longest_completion_tokens,
        "least_usd": _plain(found.least),
        "expected_usd": _plain(found.expected),
        "most_usd": _plain(found.most),
        "seconds": None if found.seconds is None else round(found.seconds, 1),
        "seconds_an_answer": round(whole.profile.latency_seconds, 3),
        "answers_seen": whole.seen,
    }


def _longest(found: Estimate) -> str:
    longest = found.longest_completion_tokens
    return " if answers are of usual length" if longest is None else f", {longest} if each is as long as it may be"


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
