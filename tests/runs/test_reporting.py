"""The report says what became of every row and what it does not know; every error is asked whether it stops a run."""

from decimal import Decimal

import pytest
from hypothesis import given

from llm_manager.domain.errors import (
    AllModelsFailed,
    BudgetExceeded,
    CircuitOpen,
    ConfigurationError,
    ContentFiltered,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    PolicyBlocked,
    RequestTimeout,
)
from llm_manager.runs.reporting import OFFLINE, Report, report_document, report_lines
from llm_manager.runs.stopping import in_vain, stops
from llm_manager.runs.tallies import Tally, rows_per_second, seconds_left, with_failed
from llm_manager.testing.strategies import errors


def said(tally: Tally, *, again: bool = True, doubtful_before: int = 0) -> list[str]:
    return list(report_lines(Report(tally=tally, seconds=2.0, output="out.jsonl", again=again, doubtful_before=doubtful_before)))


def test_a_run_without_trouble_is_two_lines() -> None:
    assert said(Tally(rows=3, answered=3, cost_usd=Decimal("0.0010"), input_tokens=5, output_tokens=6)) == [
        "3 of 3 rows answered in 2.0 s: out.jsonl",
        "5 + 6 tokens, 0.0010 USD",
    ]


def test_every_kind_of_trouble_is_told_with_the_way_on() -> None:
    failures, examples = {"A": 1, "B": 2}, {"A": "why a", "B": "why b"}
    tally = Tally(rows=10, answered=2, earlier=1, failed_earlier=1, cached=1, failures=failures, examples=examples, unpriced=2, doubtful=1)
    assert said(tally, doubtful_before=1) == [
        "3 of 10 rows answered (1 earlier), 1 from the cache, 4 failed (1 earlier) in 2.0 s: out.jsonl",
        "0 + 0 tokens, 0 USD, 2 calls of unknown cost, 1 failed call maybe charged",
        "failed 2 x B, such as: why b",
        "failed 1 x A, such as: why a",
        "1 call of earlier processes brought no answer, maybe charged",
        "3 rows not asked yet; run the same again to go on",
        "run the same again with --retry-failed to ask the failed rows again; those answered are never asked again",
    ]
    assert said(tally, again=False)[-1] == "3 rows not asked yet; give -o FILE to be able to go on"


@pytest.mark.parametrize(("free", "line", "count"), [(False, "2 calls cut off, maybe charged", 2), (True, "2 calls cut off", 0)])
def test_what_was_cut_off_is_charged_by_nobody_where_it_is_free(free: bool, line: str, count: int) -> None:
    report = Report(tally=Tally(rows=9), seconds=2.0, output="o", cut=2, free=free)
    assert line in list(report_lines(report))
    assert report_document(report)["calls_cut_off_maybe_charged"] == count


def test_who_answered_is_told_unless_it_is_who_was_asked() -> None:
    def told(asked: str | None, **answered_by: int) -> list[str]:
        tally = Tally(rows=9, answered=9, answered_by=answered_by)
        return list(report_lines(Report(tally=tally, seconds=2.0, output="o", asked=asked)))[2:]

    assert told("small", small_2024=9) == [] == told(None, other=9)
    assert told("small", big=9) == ["answered by big 9"]
    assert told("small", small=4, big=5) == ["answered by big 5, small 4"]


def test_notices_quotes_and_giving_up_are_told() -> None:
    tally = Tally(rows=3, answered=1, in_vain=2, notices={"a toy": 1, "a new name": 2})
    lines = list(report_lines(Report(tally=tally, seconds=2.0, output="o", quoted=7)))
    assert lines[2:] == [
        "note: a toy (1 answer)",
        "note: a new name (2 answers)",
        "gave up: the last 2 rows asked got nowhere one after the other, and count as not asked",
        "7 cells quoted for spreadsheets, which would take them for formulas; --raw leaves them",
        "2 rows not asked yet; run the same again to go on",
    ]


def test_offline_is_told_with_the_way_on() -> None:
    report = Report(tally=Tally(rows=3, answered=1, in_vain=2), seconds=2.0, output="o", offline=True)
    assert list(report_lines(report))[-2:] == [OFFLINE, "2 rows not asked yet; run the same again to go on"]
    assert report_document(report)["offline"] is True


def test_where_nothing_was_written_no_file_is_named() -> None:
    report = Report(tally=Tally(rows=3, in_vain=2), seconds=2.0, output=None)
    assert next(report_lines(report)) == "0 of 3 rows answered in 2.0 s: nothing was written"
    assert report_document(report)["output"] is None


def test_a_cancelled_run_is_not_said_to_go_on() -> None:
    def told(tally: Tally) -> str:
        report = Report(tally=tally, seconds=2.0, output="o", cancelled=True, interrupted=True)
        assert report_document(report)["cancelled"] is True
        return list(report_lines(report))[-1]

    anew = "it was cancelled and does not go on: run the same again to begin anew"
    either = "it was cancelled and does not go on: add --fork to keep its rows, or run the same again to begin anew"
    assert told(Tally(rows=3)) == f"3 rows not asked; {anew}"
    assert told(Tally(rows=3, answered=1, failures={"A": 1}, examples={"A": "why"})) == f"1 row not asked; {either}"
    assert told(Tally(rows=3, answered=3)) == either


def test_as_plain_data_the_rows_add_up_and_money_is_text() -> None:
    tally = Tally(rows=10, answered=2, earlier=1, failed_earlier=1, failures={"A": 3}, examples={"A": "why"}, cost_usd=Decimal("1E-7"))
    stopped = ConfigurationError(message="no key")
    told = report_document(Report(tally=tally, seconds=1.23456, output="-", stopped=stopped, interrupted=True))
    assert sum(told[name] for name in ("answered", "answered_earlier", "failed", "failed_earlier", "not_asked")) == told["rows"]
    assert (told["cost_usd"], told["seconds"], told["stopped"]) == ("0.0000001", 1.235, {"tag": "ConfigurationError", "message": "no key"})
    assert report_document(Report(tally=tally, seconds=0, output="-"))["stopped"] is None


def test_speed_and_the_time_left_are_of_this_run() -> None:
    tally = Tally(rows=100, answered=8, failures={"A": 2}, earlier=50)
    assert rows_per_second(tally, 5.0) == 2.0
    assert seconds_left(tally, 5.0) == 20.0
    assert rows_per_second(tally, 0.0) is None
    assert seconds_left(Tally(rows=5, earlier=2), 5.0) is None


def test_the_first_message_of_a_kind_is_its_example() -> None:
    tally = with_failed(with_failed(Tally(rows=3), ContentFiltered(model="a")), ContentFiltered(model="b"), rows=2)
    assert dict(tally.failures) == {"ContentFiltered": 3}
    assert tally.examples["ContentFiltered"].startswith("a refused the content")


@pytest.mark.parametrize(
    ("error", "stopping", "nobody"),
    [
        (BudgetExceeded(budget="day"), True, False),
        (ConfigurationError(message="x"), True, False),
        (ModelUnavailable(model="m", message="x", reason="permanent"), True, False),
        (ModelUnavailable(model="m", message="x", reason="not_running"), False, True),
        (ModelUnavailable(model="m", message="x"), False, True),
        (NetworkError(model="m", message="x"), False, True),
        (NetworkError(model="m", message="x", sent=True), False, True),
        (CircuitOpen(model="m", endpoint="e"), False, True),
        (RequestTimeout(model="m", timeout_ms=1, phase="connect"), False, True),
        (RequestTimeout(model="m", timeout_ms=1), False, True),
        (PolicyBlocked(message="x"), False, False),
        (AllModelsFailed(causes=()), False, False),
        (AllModelsFailed(causes=(NetworkError(model="m", message="x"), CircuitOpen(model="m", endpoint="e"))), False, True),
        (AllModelsFailed(causes=(BudgetExceeded(budget="day"), NetworkError(model="m", message="x"))), True, False),
        (AllModelsFailed(causes=(ContentFiltered(model="m"), NetworkError(model="m", message="x"))), False, False),
        (MalformedResponse(model="m", message="x"), False, True),
    ],
)
def test_what_stops_a_run(error: LLMError, stopping: bool, nobody: bool) -> None:
    assert (stops(error), in_vain(error)) == (stopping, nobody)


@given(errors())
def test_both_questions_are_answered_for_every_error_and_never_both_yes(error: LLMError) -> None:
    assert not (stops(error) and in_vain(error))
