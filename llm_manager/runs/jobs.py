"""What a run asks of every row: the prompt, what is said before it, the rest of the request, and the row's key."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.outcomes import Settled
from llm_manager.runs.columns import Columns
from llm_manager.runs.keys import deciding, keying
from llm_manager.runs.prompting import Prompt, fill
from llm_manager.runs.reading import Row, Table


@frozen(kw_only=True)
class Words:
    """What one row says to the model; ``system`` is None when all rows are told the same before it."""

    prompt: str
    system: str | None = None


@frozen(kw_only=True)
class Job:
    """What is asked of every row, and what is made of the answers.

    ``request`` is each row's but for its words. Keys are made of ``said``, the request as the caller put it, so that
    which model a run settles on makes no row another row.
    """

    table: Table
    prompt: Prompt
    system: Prompt | None = None
    request: LLMRequest
    said: LLMRequest = field(repr=False)
    columns: Columns
    plain_key: Callable[[str], str] = field(repr=False)

    def settings(self) -> Mapping[str, Any]:
        """Everything that decides what is asked of equal rows, as plain data: two runs that share it are the same run."""
        plain: Mapping[str, Any] = msgspec.json.decode(msgspec.json.encode({"prompt": self.prompt.text, **deciding(self.said)}))
        return plain

    def words(self, row: Row) -> Settled[Words, LLMError]:
        """What this row says; a row without a value that is asked for is an error of that row."""
        prompt = fill(self.prompt, row)
        if isinstance(prompt, Failure):
            return prompt
        if self.system is None:
            return Success(Words(prompt=prompt.unwrap()))
        system = fill(self.system, row)
        return system if isinstance(system, Failure) else Success(Words(prompt=prompt.unwrap(), system=system.unwrap()))

    def key(self, prompt: str, system: str | None = None) -> str:
        """The key of a row that says this."""
        return self.plain_key(prompt) if system is None else keying(evolve(self.said, system=system))(prompt)

    def key_of(self, words: Words) -> str:
        """The key of a row by its words."""
        return self.key(words.prompt, words.system)

    def request_of(self, words: Words) -> LLMRequest:
        """The request of a row by its words."""
        if words.system is None:
            return evolve(self.request, prompt=words.prompt)
        return evolve(self.request, prompt=words.prompt, system=words.system)


def make_job(table: Table, prompt: Prompt, request: LLMRequest, columns: Columns, *, system: Prompt | None = None) -> Job:
    """Put a job together: the answers are asked for in the columns' form, and rows are known by their content from here on."""
    asked = evolve(request, output=columns.output)
    varying = None if system is None or system.fixed else system
    return Job(table=table, prompt=prompt, system=varying, request=asked, said=asked, columns=columns, plain_key=keying(asked))


def in_run(job: Job, run_id: str) -> Job:
    """The job with every request known as one of a run; what is asked stays what it was."""
    return evolve(job, request=evolve(job.request, metadata=evolve(job.request.metadata, run=run_id)))


def pinned(job: Job, model: ModelProfile) -> Job:
    """The job asked of one model; its keys stay what they were."""
    preferences = evolve(job.request.preferences, model=model.name, provider=model.provider)
    return evolve(job, request=evolve(job.request, preferences=preferences))
