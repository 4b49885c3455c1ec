"""Rows with vectors: in order, each text paid once, a text at fault fails its own row, one run keeps one model."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure

from llm_manager.cells import Cell
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError, ContextTooLarge, InvalidRequest, LLMError
from llm_manager.runs.embedding_rows import ROWS_AT_ONCE, EmbeddingJob, embed_rows, make_embedding_job
from llm_manager.runs.reading import open_table
from llm_manager.runs.tallies import Tally
from llm_manager.testing import Scripted, run_virtual, scripted, scripted_manager, vector_of

GONE = AuthenticationFailed(model="m", message="no")
BAD = InvalidRequest(message="bad text")


def job_of(folder: Path, rows: list[dict[str, Any]], request: EmbedRequest | None = None) -> EmbeddingJob:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = open_table(str(path), stdin=io.BytesIO(), scratch=folder).unwrap()
    return make_embedding_job(table, "text", request or EmbedRequest(())).unwrap()


def embedder(*meets: LLMError | None, per_call: int = 100) -> Scripted:
    return scripted(provider="one", locality="cloud", able=("embed",), meets=meets, texts_per_call=per_call)


def done(job: EmbeddingJob, model: Scripted) -> tuple[list[dict[str, Any]], Tally, LLMError | None]:
    lines: list[str] = []
    tally = Cell(Tally(rows=job.table.count))

    async def work() -> LLMError | None:
        return await embed_rows(job, scripted_manager(model).embed, lines.append, tally)

    stopped = run_virtual(work())
    return [json.loads(line) for line in lines], tally.read(), stopped


def test_each_row_goes_out_with_its_vector(tmp_path: Path) -> None:
    rows = [{"id": number, "text": f"text {number % 3}"} for number in range(1200)]
    model = embedder()
    written, tally, stopped = done(job_of(tmp_path, rows), model)
    assert stopped is None
    assert [(row["id"], row["vector"]) for row in written] == [
        (row["id"], list(vector_of(str(row["text"]), model="scripted-1-embedding"))) for row in rows
    ]
    assert {row["model"] for row in written} == {"scripted-1-embedding"}
    assert (tally.answered, tally.failed, tally.calls, tally.input_tokens) == (1200, 0, 1, 6)
    assert tally.cost_usd > 0


def test_what_is_no_text_is_written_as_json_and_what_is_none_fails_its_row(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": 7}, {"text": None}, {"text": " "}, {"id": 1}, {"text": ["a"]}]
    written, tally, _ = done(job_of(tmp_path, rows), model := embedder())
    assert [row["vector"] is None for row in written] == [False, True, True, True, False]
    assert written[1]["error"]["tag"] == "InvalidRequest"
    assert [asked.texts for asked in model.besides if isinstance(asked, EmbedRequest)] == [("7", '["a"]')]
    assert (tally.answered, tally.failed) == (2, 3)


@given(st.sets(st.integers(0, 19)), st.integers(1, 7))
@settings(max_examples=25, deadline=None)
def test_texts_at_fault_are_found_and_fail_alone(tmp_path_factory: pytest.TempPathFactory, faulty: set[int], per_call: int) -> None:
    rows = [{"text": f"text {number}"} for number in range(20)]
    job = job_of(tmp_path_factory.mktemp("rows"), rows)
    plain = scripted_manager(embedder(per_call=per_call))
    wrong = {f"text {number}" for number in faulty}
    asked = 0

    def embed(request: EmbedRequest) -> FutureResult[Embeddings, LLMError]:
        nonlocal asked
        asked += 1
        if wrong & set(request.texts):
            return FutureResult.from_failure(ContextTooLarge(model="m") if len(request.texts) == 1 else BAD)
        return plain.embed(request)

    lines: list[str] = []
    tally = Cell(Tally(rows=20))

    async def work() -> LLMError | None:
        return await embed_rows(job, embed, lines.append, tally)

    stopped = run_virtual(work())
    if len(faulty) == 20:
        assert isinstance(stopped, ContextTooLarge)
        return
    assert stopped is None
    told = [json.loads(line) for line in lines]
    assert {number for number, row in enumerate(told) if row["vector"] is None} == faulty
    assert all(row["error"]["tag"] == "ContextTooLarge" for row in told if row["vector"] is None)
    assert asked <= 1 + 2 * 5 * len(faulty)


def test_a_request_that_nobody_takes_ends_the_run(tmp_path: Path) -> None:
    rows = [{"text": f"text {number}"} for number in range(600)]
    written, tally, stopped = done(job_of(tmp_path, rows), embedder(*[BAD] * 10_000))
    assert (written, tally.done, stopped) == ([], 0, BAD)


def test_what_no_row_is_at_fault_for_ends_the_run_and_keeps_what_was_written(tmp_path: Path) -> None:
    rows = [{"text": f"text {number}"} for number in range(1000)]
    written, tally, stopped = done(job_of(tmp_path, rows), embedder(None, GONE, per_call=512))
    assert (len(written), tally.answered, tally.left, stopped) == (512, 512, 488, GONE)


def test_one_run_keeps_one_model(tmp_path: Path) -> None:
    rows = [{"text": f"text {number}"} for number in range(1000)]
    model = embedder(per_call=512)
    done(job_of(tmp_path, rows), model)
    asked = [(each.model, each.provider) for each in model.besides if isinstance(each, EmbedRequest)]
    assert asked == [("scripted-1-embedding", "one")] * 2


def test_memory_holds_one_piece(tmp_path: Path) -> None:
    rows = [{"text": f"text {number}"} for number in range(3 * ROWS_AT_ONCE)]
    job = job_of(tmp_path, rows)
    most = 0
    written: list[str] = []
    model = embedder()

    def write(line: str) -> None:
        nonlocal most
        asked = sum(len(each.texts) for each in model.besides if isinstance(each, EmbedRequest))
        most = max(most, asked - len(written))
        written.append(line)

    async def work() -> None:
        assert await embed_rows(job, scripted_manager(model).embed, write, Cell(Tally(rows=len(rows)))) is None

    run_virtual(work())
    assert most <= ROWS_AT_ONCE


def test_a_file_that_changed_under_the_run_ends_it(tmp_path: Path) -> None:
    job = job_of(tmp_path, [{"text": "a"}, {"text": "b"}])
    (tmp_path / "rows.jsonl").write_text("not JSON\nat all\n")
    written, _, stopped = done(job, embedder())
    assert written == []
    assert isinstance(stopped, InvalidRequest)


@pytest.mark.parametrize(("row", "told"), [({"txt": "a"}, "did you mean {txt}?"), ({"text": "a", "vector": 1}, "'vector'")])
def test_columns_are_looked_at_before_anything_is_paid(tmp_path: Path, row: dict[str, Any], told: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    table = open_table(str(path), stdin=io.BytesIO(), scratch=tmp_path).unwrap()
    refused = make_embedding_job(table, "text", EmbedRequest(()))
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, ConfigurationError)
    assert told in error.message


def test_what_is_said_beside_the_vectors_is_counted(tmp_path: Path) -> None:
    job = job_of(tmp_path, [{"text": "a"}])

    def embed(request: EmbedRequest) -> FutureResult[Embeddings, LLMError]:
        vectors = tuple((1.0,) for _ in request.texts)
        return FutureResult.from_value(Embeddings(vectors=vectors, model="m", provider="p", notices=("cut",)))

    tally = Cell(Tally(rows=1))

    async def work() -> None:
        await embed_rows(evolve(job), embed, lambda _: None, tally)

    run_virtual(work())
    assert (tally.read().notices, tally.read().unpriced, tally.read().answered_by) == ({"cut": 1}, 1, {"m": 1})
