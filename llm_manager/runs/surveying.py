"""What is left to do: one look over all rows before anything is sent, in one byte a row."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from itertools import islice

from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.outcomes import Settled
from llm_manager.runs.jobs import Job
from llm_manager.runs.offsets import Offsets
from llm_manager.runs.tallies import Tally, with_failed
from llm_manager.services.run_log import RunLog, RunRow


class Standing(IntEnum):
    """How a row stands before the run."""

    TO_ASK = 0
    ANSWERED = 1
    FAILED = 2
    TWIN = 3
    """It asks what an earlier row of the same file asks."""
    BROKEN = 4
    """It has no prompt: a value is missing."""


@frozen(kw_only=True)
class Survey:
    """The standing of each row, how many twins follow a row, and the count to start from.

    ``strangers`` are rows in the log that no row of this job is: they were asked with other settings, or of other rows.
    ``known`` are the rows of this job that the log holds or that can never be asked.
    """

    standings: bytearray = field(repr=False)
    twins: Mapping[int, int]
    tally: Tally
    requests: int
    strangers: int = 0
    known: int = 0


def survey(job: Job, log: RunLog, *, retry_failed: bool = False) -> Settled[Survey, LLMError]:
    """Find the rows to ask: not those answered before, not those that failed before unless told, equal ones once."""
    standings = bytearray()
    first = Offsets()
    twins: dict[int, int] = {}
    counts = dict.fromkeys(Standing, 0)
    tally = Tally(rows=job.table.count)
    known = asked_again = 0
    for ordinal, outcome in enumerate(job.table.rows()):
        if isinstance(outcome, Failure):
            return outcome
        words = job.words(outcome.unwrap())
        if isinstance(words, Failure):
            standing = Standing.BROKEN
            tally = with_failed(tally, words.failure())
        else:
            key = job.key_of(words.unwrap())
            met = first.get(key)
            if met is None:
                first.put(key, ordinal)
                row = log.claim(key)
                known += row is not None
                standing = _standing(row, retry_failed=retry_failed)
                asked_again += row is not None and standing == Standing.TO_ASK
            elif standings[met] == Standing.TO_ASK:
                standing = Standing.TWIN
                twins[met] = twins.get(met, 0) + 1
                asked_again += retry_failed and log.claim(key) is not None
            else:
                standing = Standing(standings[met])
        standings.append(standing)
        counts[standing] += 1
    return Success(
        Survey(
            standings=standings,
            twins=twins,
            tally=Tally(
                rows=len(standings),
                earlier=counts[Standing.ANSWERED],
                failed_earlier=counts[Standing.FAILED],
                failures=tally.failures,
                examples=tally.examples,
            ),
            requests=counts[Standing.TO_ASK],
            strangers=max(0, log.count - known),
            known=asked_again + counts[Standing.ANSWERED] + counts[Standing.FAILED] + counts[Standing.BROKEN],
        )
    )


def requests_to_ask(job: Job, found: Survey, count: int) -> tuple[LLMRequest, ...]:
    """The first requests that would be sent."""
    return tuple(islice(every_request(job, found), count))


def every_request(job: Job, found: Survey) -> Iterator[LLMRequest]:
    """Every request that would be sent, one after the other."""
    for outcome, standing in zip(job.table.rows(), found.standings, strict=False):
        if standing != Standing.TO_ASK or isinstance(outcome, Failure):
            continue
        words = job.words(outcome.unwrap())
        if isinstance(words, Success):
            yield job.request_of(words.unwrap())


def _standing(known: RunRow | None, *, retry_failed: bool) -> Standing:
    if known is None or (known.failed and retry_failed):
        return Standing.TO_ASK
    return Standing.FAILED if known.failed else Standing.ANSWERED
