"""`llm-manager run`: every row of a file asked, and the answers beside the rows. The words of the command; `job` does it."""

import sys
from pathlib import Path
from typing import Annotated

from attrs import evolve
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from llm_manager.cli.exits import FAILED
from llm_manager.cli.parsing import (
    Between,
    Config,
    Fallback,
    MaxTokens,
    Model,
    Private,
    Provider,
    Route,
    RunBudget,
    Seed,
    Stop,
    Temperature,
    Think,
    Timeout,
    TopP,
)
from llm_manager.cli.run.beginning import Manner, begin
from llm_manager.cli.run.typed import RunWords
from llm_manager.cli.session import standard_output
from llm_manager.runs.reading import Form


def run(
    source: Annotated[str, Parameter(help="Rows: a .jsonl or .csv file, or - for standard input.", allow_leading_hyphen=True)],
    /,
    *,
    prompt: Annotated[str, Parameter(help="What to ask, {column} where a value goes; @FILE reads it.", allow_leading_hyphen=True)],
    to: Annotated[
        str,
        Parameter(name=("--output", "-o"), help="A .jsonl or .csv file; - (so by default) is standard output.", allow_leading_hyphen=True),
    ] = "-",
    field: Annotated[
        tuple[str, ...], Parameter(name="--field", negative=(), help="A typed column: score=int|float|bool|str, or mood=happy,sad.")
    ] = (),
    schema: Annotated[Path | None, Parameter(help="Typed columns: a file with the JSON schema of an object.")] = None,
    system: Annotated[
        str | None, Parameter(help="What the model is told before the prompt; {column} and @FILE as there.", allow_leading_hyphen=True)
    ] = None,
    model: Model = None,
    provider: Provider = None,
    fallback: Fallback = False,
    strategy: Route = None,
    concurrency: Annotated[PositiveInt | None, Parameter(help="So many rows at once; what the model takes by default.")] = None,
    limit: Annotated[PositiveInt | None, Parameter(help="Only the first rows.")] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Show what would be sent, and send nothing.")] = False,
    estimate: Annotated[
        bool, Parameter(negative=(), help="Tell the tokens, the cost and the time it would take, and send nothing.")
    ] = False,
    overwrite: Annotated[bool, Parameter(negative=(), help="Replace the output of a run that asked otherwise.")] = False,
    fork: Annotated[
        bool, Parameter(negative=(), help="Ask otherwise than the run that wrote this output did; rows that both ask alike are kept.")
    ] = False,
    retry_failed: Annotated[bool, Parameter(negative=(), help="Ask the rows again that failed in an earlier run.")] = False,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    stop: Stop = (),
    seed: Seed = None,
    reasoning: Think = None,
    timeout: Timeout = None,
    budget: RunBudget = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Begin without asking, whatever it may cost.")] = False,
    when_online: Annotated[bool, Parameter(negative=(), help="Wait while the model cannot be reached, and go on when it can.")] = False,
    private: Private = False,
    prefix: Annotated[str, Parameter(help="Put this before the name of every new column.")] = "",
    raw: Annotated[bool, Parameter(negative=(), help="Leave CSV cells alone that a spreadsheet would take for formulas.")] = False,
    form: Annotated[
        Form | None, Parameter(name="--format", help="What rows are in where no name ends in .jsonl or .csv, as in pipes.")
    ] = None,
    delimiter: Between = None,
    json: Annotated[bool, Parameter(negative=(), help="Write the report as JSON; to standard error if the rows go out there.")] = False,
    config: Config = None,
) -> int:
    """Ask a model about every row of a file; run the same again to go on where it stopped."""
    output = standard_output(json=json)
    if to == "-" and sys.__stdout__ is None:  # so Python says that it was closed before we began
        output.note("error: standard output is closed: give -o FILE")
        return FAILED
    if json and to == "-":  # rows go out, and the report is the one line on standard error
        output = evolve(output, quiet=True)
    words = RunWords(
        source=source,
        prompt=prompt,
        target=to,
        system=system,
        model=model,
        provider=provider,
        fallback=fallback,
        timeout_seconds=timeout,
        form=form,
        delimiter=delimiter,
        limit=limit,
        fields=field,
        schema=schema,
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        stop=stop,
        seed=seed,
        reasoning=reasoning,
        private=private,
        prefix=prefix,
        raw=raw,
    )
    manner = Manner(
        config=config,
        strategy=strategy,
        concurrency=concurrency,
        retry_failed=retry_failed,
        overwrite=overwrite,
        fork=fork,
        budget_usd=budget,
        yes=yes,
        when_online=when_online,
        dry_run=dry_run,
        estimate=estimate,
    )
    return begin(output, words, manner)
