"""Rows of a program are read once into a file, or it is said which one has no form."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.domain.errors import InvalidRequest, StorageFailed
from llm_manager.runs.spooling import table_of


def test_rows_are_read_once(tmp_path: Path) -> None:
    def rows() -> Iterator[Mapping[str, Any]]:
        yield {"n": 1}
        yield {"n": 2}

    table = table_of(rows(), tmp_path).unwrap()
    assert table.count == 2
    for _ in range(2):
        assert [row.unwrap() for row in table.rows()] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("rows", [7, [1], [{"n": object()}], [{"n": 1}, "x"]])
def test_what_is_no_row_is_refused(rows: object, tmp_path: Path) -> None:
    assert isinstance(table_of(rows, tmp_path).failure(), InvalidRequest)


def test_a_file_is_opened_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"n": 1}\n')
    assert isinstance(table_of(tmp_path / "in.jsonl", tmp_path), Success)


def test_a_folder_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    found = table_of([{"n": 1}], tmp_path / "none")
    assert isinstance(found, Failure)
    assert isinstance(found.failure(), StorageFailed)
