"""Files of rows, jobs over them, and models that are functions of the prompt."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Usage
from llm_manager.runs.columns import Columns, answer_column
from llm_manager.runs.jobs import Job, make_job
from llm_manager.runs.prompting import read_prompt
from llm_manager.runs.reading import Table, open_table
from llm_manager.services.manager import Before, GenerateAll

Answer = Callable[[str], Result[LLMResponse, LLMError]]


class Opening(Protocol):
    def __call__(self, rows: Sequence[Mapping[str, Any]], *, name: str = "rows.jsonl", limit: int | None = None) -> Table: ...


class Jobbing(Protocol):
    def __call__(
        self, rows: Sequence[Mapping[str, Any]], prompt: str = "Say {text}", columns: Columns | None = None, request: LLMRequest = ...
    ) -> Job: ...


class Modelling(Protocol):
    def __call__(self, answer: Answer = ..., *, asked: list[str] | None = None, reverse: bool = False) -> GenerateAll: ...


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    """Write rows to a JSON Lines file and open it."""
    count = 0

    def opened(rows: Sequence[Mapping[str, Any]], *, name: str = "rows.jsonl", limit: int | None = None) -> Table:
        nonlocal count
        count += 1
        folder = tmp_path / f"input{count}"
        folder.mkdir()
        path = folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return open_table(str(path), stdin=io.BytesIO(), scratch=folder, limit=limit).unwrap()

    return opened


@pytest.fixture
def jobbing(opening: Opening) -> Jobbing:
    """Make a job over rows."""

    def made(
        rows: Sequence[Mapping[str, Any]],
        prompt: str = "Say {text}",
        columns: Columns | None = None,
        request: LLMRequest = LLMRequest(),  # noqa: B008 - frozen
    ) -> Job:
        table = opening(rows)
        return make_job(table, read_prompt(prompt, table.columns).unwrap(), request, columns or answer_column())

    return made


def shouted(prompt: str) -> Result[LLMResponse, LLMError]:
    """The prompt in capitals."""
    return Success(
        LLMResponse(content=prompt.upper(), model="m", provider="p", usage=Usage(input_tokens=3, output_tokens=2), latency_seconds=0.5)
    )


@pytest.fixture
def modelling() -> Modelling:
    """Make a `generate_all` of a function: two rows under way at once, answered in turn or the later first."""

    def made(answer: Answer = shouted, *, asked: list[str] | None = None, reverse: bool = False) -> GenerateAll:
        async def generate_all(
            requests: Iterable[LLMRequest], *, concurrency: int | None = None, in_order: bool = False, before: Before | None = None
        ) -> AsyncGenerator[tuple[int, Result[LLMResponse, LLMError]], None]:
            under_way: list[tuple[int, str]] = []

            def batch() -> list[tuple[int, str]]:
                return under_way[::-1] if reverse else list(under_way)

            for number, request in enumerate(requests):
                prompt = request.prompt or ""
                if asked is not None:
                    asked.append(prompt)
                under_way.append((number, prompt))
                if len(under_way) == (concurrency or 2):
                    for ready, text in batch():
                        await asyncio.sleep(0)
                        yield ready, answer(text)
                    under_way.clear()
            for ready, text in batch():
                yield ready, answer(text)

        return generate_all

    return made


def failing(error: LLMError) -> Answer:
    """A model that never answers."""
    return lambda _: Failure(error)
