"""The words of `llm-manager embed`; `embed` does it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveInt
from returns.result import Failure

from llm_manager.cli.embed import embed, rows_of, unfit_target
from llm_manager.cli.parsing import Between, Config, Model, Private, Provider, Timeout
from llm_manager.cli.session import open_session, standard_output
from llm_manager.domain.embeddings import EmbedRequest, Purpose
from llm_manager.runs.embedding_rows import ROWS_AT_ONCE, make_embedding_job
from llm_manager.runs.reading import Form


def run(
    source: Annotated[
        str, Parameter(help="A text, a .jsonl or .csv file of rows, or - for rows from standard input.", allow_leading_hyphen=True)
    ],
    /,
    *,
    column: Annotated[str, Parameter(help="The column that holds the texts of rows.")] = "text",
    to: Annotated[
        str, Parameter(name=("--output", "-o"), help="A .jsonl file; - (so by default) is standard output.", allow_leading_hyphen=True)
    ] = "-",
    model: Model = None,
    provider: Provider = None,
    dimensions: Annotated[PositiveInt | None, Parameter(help="The length of the vectors, for models that take it.")] = None,
    purpose: Annotated[Purpose | None, Parameter(help="What the texts are, for models that ask.")] = None,
    limit: Annotated[PositiveInt | None, Parameter(help="Only the first rows.")] = None,
    timeout: Timeout = None,
    private: Private = False,
    form: Annotated[Form | None, Parameter(name="--format", help="What rows are in where no name ends in .jsonl or .csv.")] = None,
    delimiter: Between = None,
    json: Annotated[bool, Parameter(negative=(), help="Write the report as JSON; to standard error if the rows go out there.")] = False,
    config: Config = None,
) -> int:
    """Turn texts into vectors: each row goes out with its vector, as one line of JSON."""
    output = standard_output(json=json)
    request = EmbedRequest(
        (),
        model=model,
        provider=provider,
        dimensions=dimensions,
        purpose=purpose,
        sensitivity="private" if private else None,
        timeout_ms=None if timeout is None else max(1, round(timeout * 1000)),
    )
    wrong = unfit_target(to)
    if wrong is not None:
        return output.failure(wrong)
    with TemporaryDirectory(prefix="llm-manager-") as scratch:
        table = rows_of(source, column, scratch=Path(scratch), limit=limit, form=form, delimiter=delimiter)
        if isinstance(table, Failure):
            return output.failure(table.failure())
        job = make_embedding_job(table.unwrap(), column, request)
        if isinstance(job, Failure):
            return output.failure(job.failure())
        opened = open_session(output, config=config, remember=ROWS_AT_ONCE)
        if isinstance(opened, Failure):
            return output.failure(opened.failure())
        return embed(opened.unwrap(), job.unwrap(), None if to == "-" else Path(to))
