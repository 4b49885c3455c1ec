"""Settled rows survive any cut or garbling of the file; what is torn is never appended to; one process holds the log."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, JobLocked, StorageFailed
from llm_manager.runs.memory_log import memory_run_log, scratch_run_log
from llm_manager.runs.records import checksum
from llm_manager.runs.run_log import open_run_log, peek_run_log
from llm_manager.services.run_log import RunLog, RunRow

_ROWS = [RunRow(key=str(n), output={"answer": "é\n" * n, "error": None}, failed=n == 2) for n in range(4)]


@contextmanager
def held(path: Path) -> Iterator[RunLog]:
    log = open_run_log(path).unwrap()
    try:
        yield log
    finally:
        log.close()


def test_settled_rows_are_there_in_the_next_run(tmp_path: Path) -> None:
    with held(tmp_path / "log") as log:
        assert log.claim("1") is None
        assert log.settle(_ROWS) == Success(None)
        assert log.claim("1") == _ROWS[1]
    with held(tmp_path / "log") as log:
        assert [log.claim(row.key) for row in _ROWS] == _ROWS
        assert list(log.rows()) == _ROWS
        assert log.claim("other") is None


def test_a_row_settled_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    better = RunRow(key="2", output={"answer": "yes"})
    with held(tmp_path / "log") as log:
        log.settle(_ROWS)
        log.settle([better])
        assert log.claim("2") == better
        assert list(log.rows()) == [_ROWS[0], _ROWS[1], _ROWS[3], better]
    with held(tmp_path / "log") as log:
        assert log.claim("2") == better


def test_the_log_is_json_lines_and_its_owners_alone_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with held(tmp_path / "log") as log:
            log.settle(_ROWS)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    header, *lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert header["run_log"] == 1
    assert [line["key"] for line in lines] == ["0", "1", "2", "3"]
    (tmp_path / "log").chmod(0o644)
    with held(tmp_path / "log"):
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_cut_at_any_byte_a_prefix_of_the_rows_is_left_and_the_next_row_is_safe(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with held(path) as log:
        for row in _ROWS:
            log.settle([row])
    whole = path.read_bytes()
    added = RunRow(key="new", output={"answer": "kept"})
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with held(path) as log:
            left = list(log.rows())
            assert left == _ROWS[: len(left)]
            assert len(left) == max(0, whole[:cut].count(b"\n") - 1)
            log.settle([added])
        with held(path) as log:
            assert list(log.rows()) == [*left, added]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_garbled_anywhere_every_other_row_is_left(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "log"
    path.unlink(missing_ok=True)
    with held(path) as log:
        log.settle(_ROWS)
    whole = path.read_bytes()
    header = whole.index(b"\n") + 1
    place = data.draw(st.integers(header, len(whole) - 1))
    path.write_bytes(whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :])
    with held(path) as log:
        left = list(log.rows())
        assert [row for row in _ROWS if row in left] == left
        assert len(left) >= len(_ROWS) - 2
        log.settle([RunRow(key="new", output={})])
    with held(path) as log:
        assert list(log.rows()) == [*left, RunRow(key="new", output={})]


def test_a_damaged_record_in_the_middle_is_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with held(path) as log:
        log.settle(_ROWS)
    path.write_bytes(path.read_bytes().replace(b'"key":"1"', b'"key":"7"'))
    with held(path) as log:
        assert log.damaged == 1
        assert [row.key for row in log.rows()] == ["0", "2", "3"]


def test_a_record_of_another_kind_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with held(path):
        pass
    body = b'"key":1}'
    path.write_bytes(path.read_bytes() + b'{"sum":"' + checksum(body) + b'",' + body + b"\n")
    with held(path) as log:
        assert list(log.rows()) == []


def test_a_long_record_is_read_whole(tmp_path: Path) -> None:
    row = RunRow(key="k", output={"answer": "x" * 300_000})
    with held(tmp_path / "log") as log:
        log.settle([row, *_ROWS])
        assert log.claim("k") == row


def test_a_second_process_is_refused_and_told_who_works(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from llm_manager.runs.run_log import open_run_log;print(open_run_log(pathlib.Path(sys.argv[1])).failure())"
    )
    with held(tmp_path / "log"):
        told = subprocess.run([sys.executable, "-c", script, str(tmp_path / "log")], capture_output=True, text=True, check=True)
        assert f"process {os.getpid()}" in told.stdout
        again = open_run_log(tmp_path / "log").failure()
        assert isinstance(again, JobLocked)
        assert "another process is working on" in describe(again)
    with held(tmp_path / "log"):
        pass


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        ("no/log", "missing", "there is no folder"),
        ("link", "denied", "is a link"),
        ("other", "corrupt", "is no run log"),
        (".", "other", ":"),
    ],
)
def test_what_cannot_be_a_log_is_refused(tmp_path: Path, name: str, reason: str, said: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "other").write_text("something else\n")
    error = open_run_log(tmp_path / name).failure()
    assert isinstance(error, StorageFailed)
    assert error.reason == reason
    assert said in describe(error)
    assert (tmp_path / "other").read_text() == "something else\n"


def test_looking_changes_nothing_and_needs_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "log"
    missing = peek_run_log(path).unwrap()
    assert (missing.claim("0"), list(missing.rows()), path.exists()) == (None, [], False)
    with held(path) as log:
        log.settle(_ROWS)
        path.write_bytes(path.read_bytes() + b"torn")
        before = path.read_bytes()
        seen = peek_run_log(path).unwrap()
        assert seen.claim("3") == _ROWS[3]
        assert isinstance(seen.settle(_ROWS), Failure)
        seen.close()
        missing.close()
        assert path.read_bytes() == before
    path.write_text("something else\n")
    assert isinstance(peek_run_log(path).failure(), StorageFailed)
    assert isinstance(peek_run_log(tmp_path).failure(), StorageFailed)


def test_when_there_is_no_room_the_group_fails_whole_and_what_was_settled_stays(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with held(path) as log:
        log.settle(_ROWS)
        size = path.stat().st_size
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 500, before[1]))
        try:
            outcome = log.settle([RunRow(key=f"big{n}", output={"answer": "x" * 400}) for n in range(3)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert isinstance(outcome, Failure)
        assert outcome.failure() == StorageFailed(message=f"{path}: no room left; free some and run the same again", reason="full")
        assert path.stat().st_size == size
        log.settle([RunRow(key="later", output={})])
    with held(path) as log:
        assert [row.key for row in log.rows()] == ["0", "1", "2", "3", "later"]


def test_a_closed_log_fails_as_a_value_and_closes_once(tmp_path: Path) -> None:
    log = open_run_log(tmp_path / "log").unwrap()
    log.close()
    log.close()
    assert isinstance(log.settle(_ROWS), Failure)


@pytest.mark.parametrize("where", ["memory", "scratch"])
def test_a_log_that_nobody_comes_back_to_keeps_rows_as_long_as_it_is_open(tmp_path: Path, where: str) -> None:
    log = memory_run_log() if where == "memory" else scratch_run_log(tmp_path).unwrap()
    assert log.claim("0") is None
    log.settle(_ROWS)
    assert log.claim("0") == _ROWS[0]
    assert list(log.rows()) == _ROWS
    log.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abcde"), st.text(max_size=20), st.booleans()), max_size=3), max_size=6))
def test_the_log_holds_what_a_dictionary_would(tmp_path: Path, groups: list[list[tuple[str, str, bool]]]) -> None:
    path = tmp_path / "log"
    path.unlink(missing_ok=True)
    expected: dict[str, RunRow] = {}
    for group in groups:
        with held(path) as log:
            rows = [RunRow(key=key, output={"answer": text}, failed=failed) for key, text, failed in group]
            assert log.settle(rows) == Success(None)
            expected.update((row.key, row) for row in rows)
            assert {row.key: row for row in log.rows()} == expected
            assert {key: log.claim(key) for key in expected} == expected


def test_a_log_that_others_cut_short_under_a_run_ends_where_it_is_cut(tmp_path: Path) -> None:
    with held(tmp_path / "log") as log:
        log.settle(_ROWS)
        os.truncate(tmp_path / "log", (tmp_path / "log").stat().st_size // 2)
        assert len(list(log.rows())) < len(_ROWS)


def test_without_file_locks_a_run_is_kept_in_memory_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, which has no fcntl; a look at what is left to do is a look at an empty log."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    refused = open_run_log(tmp_path / "log")
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), ConfigurationError)
    assert "-o -" in describe(refused.failure())
    assert list(peek_run_log(tmp_path / "log").unwrap().rows()) == []
    scratch = scratch_run_log(tmp_path).unwrap()
    assert scratch.settle(_ROWS) == Success(None)
    assert list(scratch.rows()) == _ROWS
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_holds_nothing_can_be_forgotten_and_one_that_holds_a_row_cannot(tmp_path: Path) -> None:
    path = tmp_path / "log"
    empty = open_run_log(path).unwrap()
    empty.forget()
    empty.close()
    assert not path.exists()
    kept = open_run_log(path).unwrap()
    kept.settle([RunRow(key="k", output={})])
    kept.forget()
    kept.close()
    assert path.exists()
