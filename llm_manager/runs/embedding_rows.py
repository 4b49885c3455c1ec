"""Rows with the vector of one of their columns: asked in pieces and written in input order; memory holds one piece.

One run keeps one model. A text that no vector can be made of fails its own row; whatever else goes wrong ends the run.
A piece with such a text is asked again by halves: ``embed`` must remember a piece, or what was paid for is paid twice.
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeAlias

import msgspec
from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.domain.embeddings import Embeddings, EmbedRequest, Vector
from llm_manager.domain.errors import ConfigurationError, ContentFiltered, ContextTooLarge, InvalidRequest, LLMError
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.usage import Priced
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.runs.prompting import Prompt, fill, read_prompt
from llm_manager.runs.reading import Row, Table
from llm_manager.runs.tallies import Tally, with_failed
from llm_manager.runs.telling import described
from llm_manager.services.model_client import Embed

ADDED: Final = ("vector", "error", "model")
"""The columns of the output that are ours."""

ROWS_AT_ONCE: Final = 512
_PATIENCE: Final = 20
"""So many rows refused one after the other before any is answered are no matter of the rows."""

_ENCODER: Final = msgspec.json.Encoder()

Write: TypeAlias = Callable[[str], None]


@frozen(kw_only=True)
class EmbeddingJob:
    """Which column of which rows, and how it is asked; ``request`` holds all but the texts."""

    table: Table
    column: Prompt
    request: EmbedRequest


@frozen(kw_only=True)
class Taken:
    """What an earlier run left: so many rows, ``failed`` of them without a vector, in ``size`` bytes; whose the vectors are, how long."""

    rows: int = 0
    failed: int = 0
    size: int = 0
    model: str | None = None
    length: int | None = None


_NOTHING: Final = Taken()


def make_embedding_job(table: Table, column: str, request: EmbedRequest) -> Settled[EmbeddingJob, LLMError]:
    """Refuse a column that is not there, and rows that already have one of ours."""
    taken = [name for name in ADDED if name in table.columns]
    if taken:
        return Failure(ConfigurationError(message=f"{table.name} already has a column {taken[0]!r}: rename it"))
    read = read_prompt(f"{{{column}}}", table.columns, name="column")
    return read if isinstance(read, Failure) else Success(EmbeddingJob(table=table, column=read.unwrap(), request=request))


async def embed_rows(
    job: EmbeddingJob,
    embed: Embed,
    write: Write,
    tally: Cell[Tally],
    tell: Callable[[Tally], None] = lambda _: None,
    *,
    taken: Taken = _NOTHING,
) -> LLMError | None:
    """Ask every row after those ``taken`` over and write it down; gives what stopped the run early, or None."""
    asking = _Asking(embed, job.request, tally, taken)
    rows = islice(job.table.rows(), taken.rows, None)
    while piece := tuple(islice(rows, ROWS_AT_ONCE if asking.settled else 1)):
        error = await asking.write(piece, job.column, write)
        tell(tally.read())
        if error is not None:
            return error
    return None


def with_spending(tally: Tally, seen: Statistics) -> Tally:
    """Count all that was asked and paid, in pieces that failed too, of a manager that did nothing else."""
    asked = seen.models.values()
    return evolve(
        tally,
        calls=sum(each.attempts for each in asked),
        input_tokens=sum(each.usage.prompt_tokens for each in asked),
        cost_usd=sum((each.cost_usd for each in asked), Decimal(0)),
        unpriced=sum(each.unpriced for each in asked),
    )


@frozen
class _Unfit:
    """Why a row has no vector."""

    error: LLMError = field()


class _Asking:
    def __init__(self, embed: Embed, request: EmbedRequest, tally: Cell[Tally], taken: Taken) -> None:
        self._taken = taken
        self._embed = embed
        self._request = request
        self._tally = tally
        self._model: str | None = None
        self._pinned = False
        self._refused = 0

    @property
    def settled(self) -> bool:
        """Say whether it is known who answers: where vectors were taken over, one row must show that others fit them."""
        return self._model is not None or self._taken.model is None

    async def write(self, piece: tuple[Settled[Row, LLMError], ...], column: Prompt, write: Write) -> LLMError | None:
        """Ask for the vectors of some rows and write those down."""
        rows: list[Row] = []
        for read in piece:
            if isinstance(read, Failure):
                return read.failure()
            rows.append(read.unwrap())
        texts = [_text(column, row) for row in rows]
        found = await self._vectors(tuple(dict.fromkeys(text for text in texts if isinstance(text, str))))
        if isinstance(found, Failure):
            return found.failure()
        vectors = found.unwrap()
        for row, text in zip(rows, texts, strict=True):
            self._write(row, vectors[text] if isinstance(text, str) else text, write)
        return None

    def _write(self, row: Row, made: "Vector | _Unfit", write: Write) -> None:
        if isinstance(made, _Unfit):
            error = made.error
            told: dict[str, Any] = {"vector": None, "error": {"tag": error.tag, "message": described(error)}, "model": None}
            self._tally.swap(lambda tally: with_failed(tally, error))
        else:
            told = {"vector": made, "error": None, "model": self._model}
            self._tally.swap(_one_more)
        write(_ENCODER.encode({**row, **told}).decode() + "\n")

    async def _vectors(self, texts: tuple[str, ...]) -> "Settled[dict[str, Vector | _Unfit], LLMError]":
        """The vector of each text; a piece that is refused is asked by halves until the texts that are at fault stand alone."""
        found: dict[str, Vector | _Unfit] = {}
        waiting = [texts] if texts else []
        while waiting:
            asked = waiting.pop()
            outcome = await settle(self._embed(evolve(self._request, texts=asked)))
            if isinstance(outcome, Success):
                if (other := self._other(outcome.unwrap())) is not None:
                    return Failure(other)
                self._take(outcome.unwrap())
                found.update(zip(asked, outcome.unwrap().vectors, strict=True))
                continue
            error = outcome.failure()
            if not isinstance(error, InvalidRequest | ContextTooLarge | ContentFiltered):
                return outcome
            if len(asked) > 1:
                half = len(asked) // 2
                waiting += [asked[half:], asked[:half]]
                continue
            found[asked[0]] = _Unfit(error)
            self._refused += 1
            if self._model is None and self._refused >= _PATIENCE:
                return outcome
        return Success(found)

    def _other(self, answer: Embeddings) -> LLMError | None:
        """Why an answer may not stand beside what was taken over."""
        taken, length = self._taken, len(answer.vectors[0]) if answer.vectors else None
        if self.settled or (answer.model == taken.model and length in (None, taken.length)):
            return None
        return ConfigurationError(
            message=f"the earlier rows have vectors of {taken.model}, {taken.length} numbers long, and now {answer.model} gives "
            f"{length}: name the model and --dimensions of then, or move the earlier rows away to begin anew"
        )

    def _take(self, answer: Embeddings) -> None:
        """Count an answer, and stay with the model that gave it."""
        if self._model is None:
            self._model = answer.model
        if answer.attempts and not self._pinned:  # what is remembered tells who made it, which may be another name than it is asked by
            self._pinned = True
            self._request = evolve(self._request, provider=answer.provider, model=answer.attempts[-1].model)
        cost, usage = answer.cost, answer.usage

        def counted(tally: Tally) -> Tally:
            return evolve(
                tally,
                calls=tally.calls + len(answer.attempts),
                cached=tally.cached + answer.remembered,
                input_tokens=tally.input_tokens + (0 if usage is None else usage.prompt_tokens),
                cost_usd=tally.cost_usd + (cost.usd if isinstance(cost, Priced) else 0),
                unpriced=tally.unpriced + (not isinstance(cost, Priced)),
                notices={**tally.notices, **{notice: tally.notices.get(notice, 0) + 1 for notice in answer.notices}},
                answered_by={answer.model: tally.answered_by.get(answer.model, 0) + len(answer.vectors)},
            )

        self._tally.swap(counted)


def _text(column: Prompt, row: Row) -> "str | _Unfit":
    filled = fill(column, row)
    if isinstance(filled, Failure):
        return _Unfit(filled.failure())
    text = filled.unwrap()
    return text if text.strip() else _Unfit(InvalidRequest(message="an empty text has no vector"))


def _one_more(tally: Tally) -> Tally:
    return evolve(tally, answered=tally.answered + 1)
