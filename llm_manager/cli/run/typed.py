"""From what was typed after `llm-manager run` to a job: every mistake is found here, before anything is paid."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from attrs import asdict, evolve, frozen
from returns.result import Failure, Success

from llm_manager.cli.files import bytes_of, prompt_text
from llm_manager.domain.errors import ConfigurationError, LLMError, StorageFailed
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences, Reasoning
from llm_manager.domain.runs import RunPlan
from llm_manager.outcomes import Settled
from llm_manager.policies.names import AUTO
from llm_manager.runs.columns import Columns, answer_column, columns_from_fields, columns_from_schema
from llm_manager.runs.jobs import Job, make_job
from llm_manager.runs.prompting import Prompt, read_prompt
from llm_manager.runs.reading import Delimiter, Form, form_of, open_table
from llm_manager.runs.rendering import Layout, make_layout


@frozen(kw_only=True)
class RunWords:
    """What was typed."""

    source: str
    prompt: str
    target: str = "-"
    system: str | None = None
    model: str | None = None
    provider: str | None = None
    fallback: bool = False
    timeout_seconds: float | None = None
    form: Form | None = None
    delimiter: Delimiter | None = None
    limit: int | None = None
    fields: tuple[str, ...] = ()
    schema: Path | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: Reasoning | None = None
    private: bool = False
    prefix: str = ""
    raw: bool = False
    literal: bool = False
    """Whether prompt and system prompt are what they say, though they begin with @, and ``columns`` a schema in the place of a file."""
    columns: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class Target:
    """Where the rows go: a file written whole at the end, or a stream (``path`` is None for standard output)."""

    path: Path | None
    whole: bool

    @property
    def name(self) -> str | None:
        """What its run is found by, by whoever goes on with it; None where nobody can."""
        return str(self.path) if self.whole and self.path is not None else None


@frozen(kw_only=True)
class Prepared:
    """A job that nothing is wrong with, as far as can be told without asking a model."""

    job: Job
    layout: Layout
    target: Target
    prompt: str = ""
    system: str | None = None
    """What was said of both, with its braces as they were typed."""


def prepare_run(words: RunWords, *, stdin: BinaryIO, scratch: Path) -> Settled[Prepared, LLMError]:
    """Read the prompt, the columns and all rows, and find where the output goes."""
    text = Success(words.prompt) if words.literal else prompt_text(words.prompt)
    if isinstance(text, Failure):
        return text
    columns = _columns(words)
    if isinstance(columns, Failure):
        return columns
    table = open_table(words.source, stdin=stdin, scratch=scratch, limit=words.limit, form=words.form, delimiter=words.delimiter)
    if isinstance(table, Failure):
        return table
    prompt = read_prompt(text.unwrap(), table.unwrap().columns)
    if isinstance(prompt, Failure):
        return prompt
    spoken = _spoken(words)
    if isinstance(spoken, Failure):
        return spoken
    system = _system(spoken.unwrap(), table.unwrap().columns)
    if isinstance(system, Failure):
        return system
    target = find_target(words.target, table.unwrap().path, form=words.form)
    if isinstance(target, Failure):
        return target
    told = system.unwrap()
    request = _request(words, None if told is None else told.text)
    job = make_job(table.unwrap(), prompt.unwrap(), request, columns.unwrap(), system=told)
    form = form_of(words.target) or words.form or table.unwrap().form
    layout = make_layout(job, form, prefix=words.prefix, raw=words.raw)
    if isinstance(layout, Failure):
        return layout
    return Success(
        Prepared(
            job=job,
            layout=layout.unwrap(),
            target=target.unwrap(),
            prompt=text.unwrap(),
            system=spoken.unwrap(),
        )
    )


def plan_of(words: RunWords, prepared: Prepared, **options: Any) -> RunPlan:
    """What a run is to do, as it is kept: files that were named are in it with what they held."""
    job, output = prepared.job, prepared.job.said.output
    said = evolve(
        words,
        prompt=prepared.prompt,
        system=prepared.system,
        source=words.source if words.source == "-" else str(Path(words.source).absolute()),
        target=prepared.target.name or words.target,
        schema=None,
        columns=output.schema if isinstance(output, JsonSchema) and words.schema is not None else words.columns,
        literal=True,
    )
    return RunPlan(
        target=prepared.target.name,
        source=said.source,
        settings=job.settings(),
        rows=job.table.count,
        options={"words": msgspec.to_builtins(asdict(said)), **options},
    )


def words_of(plan: RunPlan) -> RunWords | None:
    """What was typed for a run that is kept; None for one that no command line began."""
    said = plan.options.get("words")
    if not isinstance(said, Mapping):
        return None
    return RunWords(**{**said, "fields": tuple(said["fields"]), "stop": tuple(said["stop"])})


def find_target(place: str, source: Path, *, form: Form | None = None) -> Settled[Target, LLMError]:
    """Where the output goes."""
    if place == "-":
        return Success(Target(path=None, whole=False))
    path = Path(place)
    try:
        if path.is_dir():
            return _refused(f"{place} is a folder: name a file in it")
        if path.exists() and not path.is_file():
            return Success(Target(path=path, whole=False))
        target: Target = Target(path=path.resolve(), whole=True)
        if form_of(place) is None and form is None:
            return _refused(f"{place} is neither JSON Lines nor CSV by its name: end it in .jsonl or .csv, or say --format")
        if not path.absolute().parent.is_dir():
            return _refused(f"there is no folder {path.absolute().parent}: make it first")
        if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
            return Failure(
                StorageFailed(message=f"{place} may not be written: choose another output or change its permissions", reason="denied")
            )
        if target.path == source.resolve():
            return _refused(f"{place} is the input: choose another output")
    except (OSError, ValueError) as error:
        return Failure(StorageFailed(message=f"{place} cannot be written: {getattr(error, 'strerror', None) or error}", reason="denied"))
    return Success(target)


def _columns(words: RunWords) -> Settled[Columns, LLMError]:
    if words.fields and words.schema is not None:
        return Failure(ConfigurationError(message="give either --field or --schema: a schema names its columns itself"))
    if words.columns is not None:
        return columns_from_schema(msgspec.json.encode(words.columns), "the schema of the run")
    if words.schema is not None:
        text = bytes_of(words.schema)
        return text if isinstance(text, Failure) else columns_from_schema(text.unwrap(), str(words.schema))
    return columns_from_fields(words.fields) if words.fields else Success(answer_column())


def _spoken(words: RunWords) -> Settled[str | None, LLMError]:
    return Success(words.system) if words.literal or words.system is None else prompt_text(words.system)


def _system(text: str | None, columns: Sequence[str]) -> Settled[Prompt | None, LLMError]:
    return Success(None) if text is None else read_prompt(text, columns, name="system prompt", fixed=True)


def _request(words: RunWords, system: str | None) -> LLMRequest:
    named = words.model is not None or words.provider not in (None, AUTO)
    return LLMRequest(
        system=system,
        sensitivity="private" if words.private else None,
        timeout_ms=None if words.timeout_seconds is None else max(1, round(words.timeout_seconds * 1000)),
        preferences=Preferences(
            model=words.model,
            provider=words.provider,
            max_tokens=words.max_tokens,
            temperature=words.temperature,
            top_p=words.top_p,
            stop=words.stop,
            seed=words.seed,
            reasoning=words.reasoning,
            exact=named and not words.fallback,
        ),
    )


def _refused(message: str) -> Settled[Target, LLMError]:
    return Failure(ConfigurationError(message=message))
