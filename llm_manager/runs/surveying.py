"""What is left to do: one look over all rows before anything is sent, in one byte a row."""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import islice
from typing import Final, TypeAlias

from attrs import field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.runs import RowState, RunCounts
from llm_manager.outcomes import Settled, sealed
from llm_manager.runs.jobs import Job
from llm_manager.runs.offsets import Offsets
from llm_manager.runs.reading import Row
from llm_manager.runs.tallies import Tally, with_failed

Look: TypeAlias = Callable[[Sequence[str]], Result[Mapping[str, RowState], LLMError]]
"""The states of rows by their keys, several at once; those never asked are left out."""

_AT_ONCE: Final = 500


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

    ``known`` are the rows of this job that were asked before or can never be asked, ``found`` the requests among those that were kept.
    """

    standings: bytearray = field(repr=False)
    twins: Sequence[int] = field(repr=False)
    tally: Tally
    requests: int
    known: int = 0
    found: int = 0

    def strangers(self, counts: RunCounts) -> int:
        """How many kept answers no row of this job is: they were asked of other rows."""
        return max(0, counts.answered + counts.failed + counts.asked + counts.waiting - self.found)


def survey(job: Job, look: Look, *, retry_failed: bool = False) -> Settled[Survey, LLMError]:
    """Find the rows to ask: not those answered before, not those that failed before unless told, equal ones once."""
    surveying = _Surveying(job, look, retry_failed=retry_failed)
    rows = job.table.rows()
    while piece := tuple(islice(rows, _AT_ONCE)):
        problem = surveying.take(piece)
        if problem is not None:
            return Failure(problem)
    return Success(surveying.survey())


class _Surveying:
    """What was seen so far."""

    def __init__(self, job: Job, look: Look, *, retry_failed: bool) -> None:
        self._job = job
        self._look = look
        self._retry_failed = retry_failed
        self._standings = bytearray()
        self._first = Offsets(job.table.count)
        self._twins = array("I", bytes(4 * job.table.count))
        self._counts = dict.fromkeys(Standing, 0)
        self._broken = Tally(rows=job.table.count)
        self._found = 0
        self._asked_again = 0

    def take(self, rows: "Sequence[Settled[Row, LLMError]]") -> LLMError | None:
        """Look at some more rows; gives what is wrong with the file, or with the store."""
        keys: list[str | None] = []
        fresh: list[str] = []
        for ordinal, read in enumerate(rows, start=len(self._standings)):
            if isinstance(read, Failure):
                return read.failure()
            words = self._job.words(read.unwrap())
            key = None if isinstance(words, Failure) else self._job.key_of(words.unwrap())
            if isinstance(words, Failure):
                self._broken = with_failed(self._broken, words.failure())
            elif key is not None and self._first.get(key) is None:
                self._first.put(key, ordinal)
                fresh.append(key)
            keys.append(key)
        known: Mapping[str, RowState] = {}
        if fresh:
            looked = sealed(self._look(fresh))
            if isinstance(looked, Failure):
                return looked.failure()
            known = looked.unwrap()
        self._found += len(known)
        for key in keys:
            standing = Standing.BROKEN if key is None else self._standing(key, known)
            self._standings.append(standing)
            self._counts[standing] += 1
        return None

    def _standing(self, key: str, known: "Mapping[str, RowState]") -> Standing:
        here, first = len(self._standings), self._first.get(key)
        if first is not None and first < here:
            if self._standings[first] != Standing.TO_ASK:
                return Standing(self._standings[first])
            self._twins[first] += 1
            return Standing.TWIN
        standing = _standing(known.get(key), retry_failed=self._retry_failed)
        self._asked_again += standing == Standing.TO_ASK and key in known
        return standing

    def survey(self) -> Survey:
        """What is left to do."""
        counts = self._counts
        return Survey(
            standings=self._standings,
            twins=self._twins,
            tally=Tally(
                rows=len(self._standings),
                earlier=counts[Standing.ANSWERED],
                failed_earlier=counts[Standing.FAILED],
                failures=self._broken.failures,
                examples=self._broken.examples,
            ),
            requests=counts[Standing.TO_ASK],
            known=self._asked_again + counts[Standing.ANSWERED] + counts[Standing.FAILED] + counts[Standing.BROKEN],
            found=self._found,
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


def _standing(known: RowState | None, *, retry_failed: bool) -> Standing:
    if known == "answered":
        return Standing.ANSWERED
    return Standing.FAILED if known == "failed" and not retry_failed else Standing.TO_ASK
