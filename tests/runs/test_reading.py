"""Rows are read as they are, and every fault of a file is named before anything is paid."""

import io
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.runs.cells import LONGEST_CELL
from llm_manager.runs.reading import Table, open_table


def opened(path: Path | str, *, piped: bytes = b"", limit: int | None = None, scratch: Path | None = None) -> Settled[Table, LLMError]:
    return open_table(str(path), stdin=io.BytesIO(piped), scratch=scratch or Path(path).parent, limit=limit)


def file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def rows(table: Table) -> list[object]:
    return [row.unwrap() for row in table.rows()]


def test_json_lines_keep_types_order_and_the_columns_of_every_row(tmp_path: Path) -> None:
    table = opened(
        file(tmp_path, "a.jsonl", b'{"text":"x","n":1}\n\n{"n":123456789012345678901,"deep":[1,{"a":null}]}\r\n{"b":true}')
    ).unwrap()
    assert table.columns == ("text", "n", "deep", "b")
    assert table.count == 3
    assert rows(table) == [{"text": "x", "n": 1}, {"n": 123456789012345678901, "deep": [1, {"a": None}]}, {"b": True}]


def test_csv_keeps_text_as_text_with_quotes_commas_and_line_ends(tmp_path: Path) -> None:
    table = opened(file(tmp_path, "a.csv", b'id,text\r\n1,"a, ""b""\nc"\r\n\r\n02,\r\n')).unwrap()
    assert table.columns == ("id", "text")
    assert rows(table) == [{"id": "1", "text": 'a, "b"\nc'}, {"id": "02", "text": ""}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "A.JSONL"])
def test_a_byte_order_mark_is_no_part_of_the_data(tmp_path: Path, name: str) -> None:
    assert rows(opened(file(tmp_path, name, b'\xef\xbb\xbf{"text":"x"}\n')).unwrap()) == [{"text": "x"}]
    assert opened(file(tmp_path, "b.csv", b"\xef\xbb\xbftext\nx\n")).unwrap().columns == ("text",)


def test_a_cell_may_be_longer_than_the_parsers_own_limit(tmp_path: Path) -> None:
    assert opened(file(tmp_path, "a.csv", b"text\n" + b"x" * 200_000 + b"\n")).unwrap().count == 1


def test_only_the_first_rows_are_looked_at_when_only_they_are_wanted(tmp_path: Path) -> None:
    table = opened(file(tmp_path, "a.jsonl", b'{"a":1}\n{"a":2}\nnot json\n'), limit=2).unwrap()
    assert (table.count, rows(table)) == (2, [{"a": 1}, {"a": 2}])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no rows"),
        (b" \n\n", "has no rows"),
        (b'{"a":1}\nnope\n{"a":2}\n', "line 2 is not JSON"),
        (b'{"a":1}\n{"a":\n', "line 2 is not JSON"),
        (b'{\n "a": 1\n}\n', "line 1 begins JSON that goes on over several lines"),
        (b'[{"a":1},{"a":2}]\n', "line 1 is a JSON array"),
        (b'{"a":1}\n"text"\n', "line 2 is JSON but no object"),
        (b'{"a":NaN}\n', "line 1 is not JSON"),
        (b'{"a":1e999}\n', "line 1 is not JSON (Number out of range"),
        (b'{"a":"\xff"}\n', "line 1 is not UTF-8"),
        (b'{"a":' + b"[" * 100_000 + b"\n", "line 1 is nested too deeply"),
        (b'\xff\xfe{\x00"\x00', "is UTF-16"),
        (b'{"a":"' + b"x" * LONGEST_CELL + b'"}\n', "line 1 is longer than 32 MB"),
    ],
)
def test_each_fault_of_json_lines_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    outcome = opened(file(tmp_path, "a.jsonl", content))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), InvalidRequest)
    assert said in describe(outcome.failure())
    assert "a.jsonl" in describe(outcome.failure())
    every = Table(name="a.jsonl", path=tmp_path / "a.jsonl", form="jsonl", columns=(), count=99)
    assert not any(isinstance(row, Failure) for row in list(every.rows())[:-1])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no rows"),
        (b"a,b\n", "has no rows"),
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 cells where the header has 2"),
        (b"a,b\n1\n", "line 2 has 1 cell where"),
        (b"a,\n1,2\n", "line 1 has a column without a name"),
        (b"a,b,a\n1,2,3\n", "line 1 names the column 'a' twice"),
        (b'a,b\n1,"2\n', "is not CSV"),
        (b'a,b\n1,"2"3\n', "is not CSV"),
        (b"a,b\n1,2\n3,\xff\n", "line 3 is not UTF-8"),
        (b"a\rb\r", "is not CSV"),
        (b"\xfe\xff\x00a", "is UTF-16"),
    ],
)
def test_each_fault_of_csv_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    outcome = opened(file(tmp_path, "a.csv", content))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), InvalidRequest)
    assert said in describe(outcome.failure())
    every = Table(name="a.csv", path=tmp_path / "a.csv", form="csv", columns=(), count=99)
    assert not any(isinstance(row, Failure) for row in list(every.rows())[:-1])


@pytest.mark.parametrize(
    ("place", "kind", "said"),
    [
        ("missing.jsonl", StorageFailed, "there is no file"),
        ("missing.txt", StorageFailed, "there is no file"),
        ("folder.jsonl", ConfigurationError, "is a folder"),
        ("known.txt", ConfigurationError, "end it in .jsonl or .csv"),
        ("nul\0.jsonl", StorageFailed, "is no file name"),
        ("locked.jsonl", StorageFailed, "may not be read"),
    ],
)
def test_each_place_without_rows_is_named(tmp_path: Path, place: str, kind: type, said: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    file(tmp_path, "known.txt", b'{"a":1}\n')
    file(tmp_path, "locked.jsonl", b'{"a":1}\n').chmod(0)
    if place == "locked.jsonl" and os.access(tmp_path / place, os.R_OK):
        pytest.skip("this user may read everything")
    outcome = opened(tmp_path / place)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), kind)
    assert said in describe(outcome.failure())


@pytest.mark.parametrize(
    ("piped", "form", "columns"),
    [(b' {"a":1}\n', "jsonl", ("a",)), (b'\xef\xbb\xbf{"a":1}\n', "jsonl", ("a",)), (b"a,b\n1,2\n", "csv", ("a", "b"))],
)
def test_standard_input_is_known_by_its_beginning_and_read_more_than_once(
    tmp_path: Path, piped: bytes, form: str, columns: tuple[str]
) -> None:
    table = opened("-", piped=piped, scratch=tmp_path).unwrap()
    assert (table.name, table.form, table.columns) == ("standard input", form, columns)
    assert rows(table) == rows(table)


def test_empty_standard_input_is_an_error(tmp_path: Path) -> None:
    assert "standard input has no rows" in describe(opened("-", scratch=tmp_path).failure())


def test_a_named_pipe_is_read_once_and_kept(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a\nx\n",))
    writer.start()
    table = opened(pipe).unwrap()
    writer.join()
    assert (rows(table), rows(table)) == ([{"a": "x"}], [{"a": "x"}])


def test_a_file_that_breaks_after_it_was_checked_ends_its_rows_with_the_fault(tmp_path: Path) -> None:
    path = file(tmp_path, "a.jsonl", b'{"a":1}\n{"a":2}\n')
    table = opened(path).unwrap()
    path.write_bytes(b'{"a":1}\nno')
    first, second = table.rows()
    assert first.unwrap() == {"a": 1}
    assert isinstance(second, Failure)
    path.unlink()
    assert isinstance(next(table.rows()), Failure)


@given(st.binary(max_size=60), st.sampled_from([".jsonl", ".csv"]))
def test_any_bytes_are_rows_or_one_typed_error(tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str) -> None:
    path = file(tmp_path_factory.getbasetemp(), f"any{ending}", content)
    outcome = opened(path)
    assert isinstance(outcome, Failure) or outcome.unwrap().count == len(rows(outcome.unwrap()))


@given(st.lists(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text()), min_size=1, max_size=5))
def test_json_objects_written_one_a_line_are_the_rows(tmp_path_factory: pytest.TempPathFactory, data: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in data)
    path = file(tmp_path_factory.getbasetemp(), "round.jsonl", text.encode())
    assert rows(opened(path).unwrap()) == data


def test_a_file_that_lost_rows_since_it_was_looked_at_says_so(tmp_path: Path) -> None:
    table = opened(file(tmp_path, "a.csv", b"a\n1\n2\n")).unwrap()
    file(tmp_path, "a.csv", b"a\n1\n")
    *rows, last = table.rows()
    assert [row.unwrap() for row in rows] == [{"a": "1"}]
    assert describe(last.failure()).startswith(f"{tmp_path / 'a.csv'} has 1 row now and had 2")
