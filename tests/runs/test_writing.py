"""The output is whole or not there, keeps the input's columns, and overwrites none of them."""

import csv
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, InvalidRequest, StorageFailed
from llm_manager.domain.runs import RunRow
from llm_manager.runs.columns import columns_from_fields
from llm_manager.runs.outcomes import ABOUT
from llm_manager.runs.rendering import Rendering, make_layout, output_lines
from llm_manager.runs.writing import write_whole
from tests.runs.logs import Kept, memory_log


def test_csv_has_the_inputs_columns_then_ours(jobbing: Any) -> None:
    job = jobbing([{"text": "a", "n": -1}, {"text": "=b", "deep": {"k": [1]}}, {"text": "c"}])
    kept = Kept()
    log = memory_log(kept=kept)
    kept.add(
        RunRow(key=job.key("Say a"), output={"answer": "=1+1", "error": None, "model": "m", "cost_usd": "0.00000001", "cached": False})
    )
    kept.add(RunRow(key=job.key("Say =b"), output={"answer": None, "error": {"tag": "X", "message": "y"}}))
    layout = make_layout(job, "csv", prefix="llm_").unwrap()
    rows = list(csv.DictReader(io.StringIO("".join(line.unwrap() for line in output_lines(job, layout, log.rows)))))
    assert list(rows[0]) == ["text", "n", "deep", "llm_answer", *(f"llm_{name}" for name in ABOUT)]
    assert [rows[0][name] for name in ("text", "n", "deep", "llm_answer", "llm_error", "llm_cost_usd", "llm_cached")] == [
        "a",
        "-1",
        "",
        "'=1+1",
        "",
        "0.00000001",
        "false",
    ]
    assert [rows[1][name] for name in ("text", "deep", "llm_answer", "llm_error")] == ["'=b", '{"k":[1]}', "", '{"tag":"X","message":"y"}']
    assert len(rows) == 2
    raw = make_layout(job, "csv", raw=True).unwrap()
    assert "".join(line.unwrap() for line in output_lines(job, raw, log.rows)).count("'") == 0


def test_a_column_of_the_input_is_never_overwritten(jobbing: Any) -> None:
    job = jobbing([{"text": "a", "model": "mine"}])
    error = make_layout(job, "jsonl").failure()
    assert isinstance(error, ConfigurationError)
    assert "already has a column 'model'" in describe(error)
    assert "--prefix llm_" in describe(error)
    layout = make_layout(job, "jsonl", prefix="llm_").unwrap()
    kept = Kept()
    log = memory_log(kept=kept)
    kept.add(RunRow(key=job.key("Say a"), output={"answer": "x", "model": "m"}))
    (line,) = output_lines(job, layout, log.rows)
    row = json.loads(line.unwrap())
    assert (row["model"], row["llm_model"], row["llm_answer"], row["llm_error"]) == ("mine", "m", "x", None)


def test_a_field_may_not_have_the_name_of_a_column_that_is_always_there(jobbing: Any) -> None:
    job = jobbing([{"text": "a"}], columns=columns_from_fields(["error=str"]).unwrap())
    assert "may not be called 'error'" in describe(make_layout(job, "jsonl", prefix="x").failure())


def test_a_file_that_changed_leaves_the_old_output_in_place(jobbing: Any, tmp_path: Path) -> None:
    job, log = jobbing([{"text": "a"}, {"text": "b"}]), memory_log()
    layout = make_layout(job, "jsonl").unwrap()
    target = tmp_path / "out.jsonl"
    target.write_text("old\n")
    job.table.path.write_text("no\n")
    outcome = write_whole(target, output_lines(job, layout, log.rows))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), InvalidRequest)
    assert target.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.jsonl"]


def test_a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        new, old = tmp_path / "new.jsonl", tmp_path / "old.jsonl"
        old.write_text("x")
        old.chmod(0o640)
        assert write_whole(new, [Success("é\n")]) == Success(None) == write_whole(old, [Success("y\n")])
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert (new.read_bytes(), old.read_text()) == ("é\n".encode(), "y\n")


def test_an_interrupted_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def lines() -> Any:
        yield Success("x\n")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "out.jsonl", lines())
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_value(tmp_path: Path) -> None:
    error = write_whole(tmp_path / "no" / "out.jsonl", [Success("x\n")]).failure()
    assert isinstance(error, StorageFailed)
    assert "kept with the run" in describe(error)


def test_ready_rows_come_up_to_the_first_that_is_not_and_each_once(jobbing: Any) -> None:
    job, kept = jobbing([{"text": "a"}, {"no": 1}, {"text": "=b"}, {"text": "c"}]), Kept()
    log = memory_log(kept=kept)
    rendering = Rendering(job, make_layout(job, "csv").unwrap(), log.rows)

    def texts(lines: Any) -> list[str]:
        return [line.unwrap().split(",")[0] for line in lines]

    assert texts(rendering.ready()) == []
    kept.add(RunRow(key=job.key("Say c"), output={"answer": "x"}))
    assert texts(rendering.ready()) == []
    kept.add(RunRow(key=job.key("Say a"), output={"answer": "x"}))
    assert texts(rendering.ready()) == ["text", "a", ""]
    assert texts(rendering.ready()) == []
    kept.add(RunRow(key=job.key("Say =b"), output={"answer": "-x"}))
    assert texts(rendering.ready()) == ["'=b", "c"]
    assert (texts(rendering.rest()), rendering.quoted) == ([], 2)


def test_what_goes_wrong_with_the_rows_is_told_in_the_end(jobbing: Any) -> None:
    job, log = jobbing([{"text": "a"}]), memory_log()
    rendering = Rendering(job, make_layout(job, "jsonl").unwrap(), log.rows)
    job.table.path.write_text("no\n")
    assert list(rendering.ready()) == []
    (line,) = rendering.rest()
    assert isinstance(line, Failure)
