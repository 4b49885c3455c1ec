"""From what was typed after `llm-manager run` to a job: every mistake is found here, before anything is paid."""

from pathlib import Path
from typing import BinaryIO, Final

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError, StorageFailed
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.outcomes import Settled
from llm_manager.runs.columns import Columns, answer_column, columns_from_fields, columns_from_schema
from llm_manager.runs.prompting import read_prompt
from llm_manager.runs.reading import form_of, open_table
from llm_manager.runs.surveying import Job, make_job
from llm_manager.runs.writing import Layout, make_layout

LOG_ENDING: Final = ".runlog"


@frozen(kw_only=True)
class RunWords:
    """What was typed."""

    source: str
    prompt: str
    target: str = "-"
    system: str | None = None
    model: str | None = None
    provider: str | None = None
    limit: int | None = None
    fields: tuple[str, ...] = ()
    schema: Path | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    private: bool = False
    prefix: str = ""
    raw: bool = False


@frozen(kw_only=True)
class Target:
    """Where the rows go: a file written whole at the end, or a stream (``path`` is None for standard output)."""

    path: Path | None
    whole: bool

    @property
    def log(self) -> Path | None:
        """The run log beside the file."""
        return self.path.with_name(self.path.name + LOG_ENDING) if self.whole and self.path is not None else None


@frozen(kw_only=True)
class Prepared:
    """A job that nothing is wrong with, as far as can be told without asking a model."""

    job: Job
    layout: Layout
    target: Target


def prepare_run(words: RunWords, *, stdin: BinaryIO, scratch: Path) -> Settled[Prepared, LLMError]:
    """Read the prompt, the columns and all rows, and find where the output goes."""
    text = prompt_text(words.prompt)
    if isinstance(text, Failure):
        return text
    columns = _columns(words)
    if isinstance(columns, Failure):
        return columns
    table = open_table(words.source, stdin=stdin, scratch=scratch, limit=words.limit)
    if isinstance(table, Failure):
        return table
    prompt = read_prompt(text.unwrap(), table.unwrap().columns)
    if isinstance(prompt, Failure):
        return prompt
    target = find_target(words.target, table.unwrap().path)
    if isinstance(target, Failure):
        return target
    job = make_job(table.unwrap(), prompt.unwrap(), _request(words), columns.unwrap())
    form = form_of(words.target) or table.unwrap().form
    layout = make_layout(job, form, prefix=words.prefix, raw=words.raw)
    if isinstance(layout, Failure):
        return layout
    return Success(Prepared(job=job, layout=layout.unwrap(), target=target.unwrap()))


def prompt_text(prompt: str) -> Settled[str, LLMError]:
    """The prompt itself, or the text of the file after ``@`` without its last line end; ``@@`` begins one with an ``@``."""
    if not prompt.startswith("@"):
        return Success(prompt)
    if prompt.startswith("@@"):
        return Success(prompt[1:])
    text = _bytes_of(Path(prompt[1:]))
    if isinstance(text, Failure):
        return text
    try:
        return Success(text.unwrap().decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n"))
    except UnicodeDecodeError:
        return Failure(InvalidRequest(message=f"{prompt[1:]} is not UTF-8: save it as UTF-8"))


def find_target(place: str, source: Path) -> Settled[Target, LLMError]:
    """Where the output goes; a file that no run of ours wrote is never overwritten."""
    if place == "-":
        return Success(Target(path=None, whole=False))
    path = Path(place)
    try:
        if path.is_dir():
            return _refused(f"{place} is a folder: name a file in it")
        if path.exists() and not path.is_file():
            return Success(Target(path=path, whole=False))
        target: Target = Target(path=path.resolve(), whole=True)
        if form_of(place) is None:
            return _refused(f"{place} is neither JSON Lines nor CSV by its name: end it in .jsonl or .csv")
        if target.path == source.resolve():
            return _refused(f"{place} is the input: choose another output")
        if path.exists() and path.stat().st_size and target.log is not None and not target.log.exists():
            return _refused(f"{place} exists and no run wrote it: move it away or choose another output")
    except (OSError, ValueError) as error:
        return Failure(StorageFailed(message=f"{place} cannot be written: {getattr(error, 'strerror', None) or error}", reason="denied"))
    return Success(target)


def _columns(words: RunWords) -> Settled[Columns, LLMError]:
    if words.fields and words.schema is not None:
        return Failure(ConfigurationError(message="give either --field or --schema: a schema names its columns itself"))
    if words.schema is not None:
        text = _bytes_of(words.schema)
        return text if isinstance(text, Failure) else columns_from_schema(text.unwrap(), str(words.schema))
    return columns_from_fields(words.fields) if words.fields else Success(answer_column())


def _request(words: RunWords) -> LLMRequest:
    return LLMRequest(
        system=words.system,
        sensitivity="private" if words.private else None,
        preferences=Preferences(model=words.model, provider=words.provider, max_tokens=words.max_tokens, temperature=words.temperature),
    )


def _bytes_of(path: Path) -> Settled[bytes, LLMError]:
    try:
        return Success(path.read_bytes())
    except FileNotFoundError:
        return Failure(StorageFailed(message=f"there is no file {path}: check the path", reason="missing"))
    except (OSError, ValueError) as error:
        return Failure(StorageFailed(message=f"{path} cannot be read: {getattr(error, 'strerror', None) or error}", reason="denied"))


def _refused(message: str) -> Settled[Target, LLMError]:
    return Failure(ConfigurationError(message=message))
