"""What is left to do: one look over all rows before anything is sent, in one byte a row."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from itertools import islice

from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.outcomes import Settled
from llm_manager.runs.columns import Columns
from llm_manager.runs.keys import keying
from llm_manager.runs.offsets import Offsets
from llm_manager.runs.prompting import Prompt, fill
from llm_manager.runs.reading import Row, Table
from llm_manager.runs.tallies import Tally, with_failed
from llm_manager.services.run_log import RunLog


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
class Job:
    """What is asked of every row, and what is made of the answers. ``request`` is each row's but for the prompt."""

    table: Table
    prompt: Prompt
    request: LLMRequest
    columns: Columns
    key: Callable[[str], str] = field(repr=False)


def make_job(table: Table, prompt: Prompt, request: LLMRequest, columns: Columns) -> Job:
    """Put a job together: the answers are asked for in the columns' form, and rows are known by their content from here on."""
    asked = evolve(request, output=columns.output)
    return Job(table=table, prompt=prompt, request=asked, columns=columns, key=keying(asked))


@frozen(kw_only=True)
class Survey:
    """The standing of each row, how many twins follow a row, and the count to start from."""

    standings: bytearray = field(repr=False)
    twins: Mapping[int, int]
    tally: Tally
    requests: int


def survey(job: Job, log: RunLog, *, retry_failed: bool = False) -> Settled[Survey, LLMError]:
    """Find the rows to ask: not those answered before, not those that failed before unless told, equal ones once."""
    standings = bytearray()
    first_asked = Offsets()
    twins: dict[int, int] = {}
    counts = dict.fromkeys(Standing, 0)
    tally = Tally(rows=job.table.count)
    for ordinal, outcome in enumerate(job.table.rows()):
        if isinstance(outcome, Failure):
            return outcome
        filled = fill(job.prompt, outcome.unwrap())
        if isinstance(filled, Failure):
            standing = Standing.BROKEN
            tally = with_failed(tally, filled.failure())
        else:
            key = job.key(filled.unwrap())
            standing = _standing(key, log, first_asked, retry_failed=retry_failed)
            if standing is Standing.TWIN and (first := first_asked.get(key)) is not None:
                twins[first] = twins.get(first, 0) + 1
            if standing is Standing.TO_ASK:
                first_asked.put(key, ordinal)
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
        )
    )


def prompts_to_ask(job: Job, found: Survey, count: int) -> tuple[str, ...]:
    """The first prompts that would be sent."""

    def each() -> "list[str]":
        asked = (outcome for outcome, standing in zip(job.table.rows(), found.standings, strict=False) if standing == Standing.TO_ASK)
        return [fill(job.prompt, row).value_or("") for row in map(_row, islice(asked, count))]

    return tuple(each())


def _row(outcome: Settled[Row, LLMError]) -> Row:
    empty: Row = {}
    return outcome.value_or(empty)


def _standing(key: str, log: RunLog, first_asked: Offsets, *, retry_failed: bool) -> Standing:
    if first_asked.get(key) is not None:
        return Standing.TWIN
    known = log.claim(key)
    if known is None or (known.failed and retry_failed):
        return Standing.TO_ASK
    return Standing.FAILED if known.failed else Standing.ANSWERED
