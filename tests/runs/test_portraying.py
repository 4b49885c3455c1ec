"""A run as it is kept, told to a person and to a program: what is not known is called so, and what is stale is not told."""

import json
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.runs import RunCounts, RunPlan, RunRecord
from llm_manager.domain.standing import BreakerStanding, ScopeStanding, Standing
from llm_manager.runs.portraying import LIST_HEADINGS, left, list_row, portrait_document, portrait_lines, projected_usd, settled, watch_line

AT = 1_790_000_000.0
PLAN = RunPlan(target="/home/ann/answers.jsonl", source="/home/ann/reviews.csv", settings={}, rows=10_000, budget_usd=Decimal(5))
COUNTS = RunCounts(
    answered=4500,
    failed=12,
    calls=4520,
    cached=12,
    input_tokens=91_234,
    output_tokens=12_345,
    cost_usd=Decimal("1.234567"),
    errors={"RateLimitExceeded": 10, "ContentFiltered": 2},
)
RECORD = RunRecord(
    id="3f2a9c11d4e5",
    plan=PLAN,
    fingerprint="f",
    state="running",
    created_at=AT - 60,
    updated_at=AT,
    owner="process 7",
    model="gpt-4o-mini",
    counts=COUNTS,
)
OPEN = BreakerStanding(provider="openai", endpoint="https://a", phase="open", failures=5, probe_in_seconds=20.0)
LIMIT = ScopeStanding(provider="openai", endpoint="https://a", under_way=8, waiting=3, concurrency=64, requests=500, requests_left=400)
PULSE = RunPulse(at=AT, under_way=8, rows_per_second=3.2, seconds_left=1715.0, standing=Standing(breakers=(OPEN,), scopes=(LIMIT,)))


def told(record: RunRecord = RECORD, pulse: RunPulse | None = PULSE, now: float = AT + 1) -> list[str]:
    return list(portrait_lines(record, pulse, now))


def test_a_run_on_its_way_is_told_whole() -> None:
    assert told() == [
        "run 3f2a9c11: running, gpt-4o-mini",
        "begun 2026-09-21 14:12:20 UTC, last heard of 2026-09-21 14:13:20 UTC",
        "rows of /home/ann/reviews.csv, answers in /home/ann/answers.jsonl",
        "4500 of 10000 rows answered (12 from the cache), 12 failed, 5488 left",
        "8 calls under way, 3.2 rows/s, 28 min 35 s left",
        "91234 + 12345 tokens in 4520 calls",
        "1.234567 USD so far, about 2.736186 USD in all, budget 5 USD, 3.765433 left",
        "failed 10 x RateLimitExceeded",
        "failed 2 x ContentFiltered",
        "limits of openai: 8 under way of 64 at once, 3 waiting, 400 of 500 requests left this minute",
        "the breaker of openai (https://a) is open after 5 failures; it is tried again in 20 s",
        "openai is at its limit; 3 requests waiting",
    ]


def test_what_it_waits_for_is_told_in_place_of_an_end() -> None:
    waiting = evolve(PULSE, waiting="asked to slow down, 28 s")
    assert "8 calls under way, 3.2 rows/s, waiting: asked to slow down, 28 s" in told(pulse=waiting)
    line = watch_line(RECORD, waiting, AT)
    assert line.endswith("waiting: asked to slow down, 28 s")
    assert "left" not in line


def test_a_pulse_that_is_old_or_of_a_run_that_stands_still_is_not_told() -> None:
    for lines in (told(now=AT + 60), told(evolve(RECORD, state="interrupted")), told(pulse=None)):
        assert not any("under way" in line or "breaker" in line for line in lines)
    assert portrait_document(RECORD, PULSE, AT + 60)["now"] is None


def test_a_run_that_stopped_says_why_and_how_it_goes_on() -> None:
    lines = told(evolve(RECORD, state="paused", stopped="budget '--budget' is spent", counts=evolve(COUNTS, doubtful=2)))
    assert lines[-2:] == ["stopped: budget '--budget' is spent", "goes on with: llm-manager runs resume 3f2a9c11"]
    assert "2 calls may be charged a second time: llm-manager runs export 3f2a9c11 --possible-double-charges" in lines


@pytest.mark.parametrize(
    ("counts", "rows", "projected"),
    [
        (RunCounts(), 10, None),
        (RunCounts(answered=5, cost_usd=Decimal(1), unpriced=1), 10, None),
        (RunCounts(answered=4, failed=1, cost_usd=Decimal(1)), 10, Decimal("2.000000")),
        (RunCounts(answered=10, cost_usd=Decimal("1.5")), 10, Decimal("1.5")),
        (RunCounts(), 0, Decimal(0)),
    ],
)
def test_what_it_will_cost_is_told_only_where_it_can_be_known(counts: RunCounts, rows: int, projected: Decimal | None) -> None:
    record = evolve(RECORD, plan=evolve(PLAN, rows=rows), counts=counts)
    assert projected_usd(record, None) == projected
    assert portrait_document(record, None, AT)["projected_cost_usd"] == (None if projected is None else format(projected.normalize(), "f"))


def test_unknown_cost_is_called_so() -> None:
    lines = told(evolve(RECORD, counts=RunCounts(answered=1, calls=1, unpriced=1), plan=evolve(PLAN, budget_usd=None)))
    assert "0 USD so far, what it will cost is not known, 1 call of unknown cost" in lines


def test_a_document_holds_the_same_for_programs() -> None:
    document: dict[str, Any] = json.loads(json.dumps(portrait_document(RECORD, PULSE, AT)))
    assert (document["rows"], document["answered"], document["failed"], document["left"]) == (10_000, 4500, 12, 5488)
    assert (document["cost_usd"], document["budget_usd"]) == ("1.234567", "5")
    assert document["now"]["breakers"][0]["phase"] == "open"
    assert document["now"]["limits"][0]["concurrency"] == 64


def test_a_list_tells_each_run_on_one_line() -> None:
    row = list_row(RECORD, PULSE)
    assert len(row) == len(LIST_HEADINGS)
    assert row[:5] == ("3f2a9c11", "running", "4512/10000", "12", "1.234567")
    assert list_row(evolve(RECORD, plan=evolve(PLAN, target=None)), None)[-1] == "reviews.csv"


def test_watched_it_is_one_line() -> None:
    assert watch_line(RECORD, PULSE, AT) == (
        "4512 of 10000 rows, 12 failed, 8 under way, 3.2 rows/s, 1.234567 USD of about 2.736186, 28 min 35 s left"
    )
    assert watch_line(evolve(RECORD, state="finished"), PULSE, AT).startswith("finished, 10000 of 10000 rows, 12 failed, 1.23")


def test_equal_rows_are_all_counted_where_the_owner_said_so() -> None:
    """The store counts what was asked, and equal rows are asked once."""
    for state in ("running", "interrupted"):
        assert settled(evolve(RECORD, state=state), evolve(PULSE, rows_done=5000)) == 5000
        assert settled(evolve(RECORD, state=state), evolve(PULSE, rows_done=3)) == 4512
    assert left(evolve(RECORD, state="finished"), None) == 0
    line = "5000 of 10000 rows done, 5000 left; of those asked, equal ones once, 4500 answered (12 from the cache), 12 failed"
    assert line in told(pulse=evolve(PULSE, rows_done=5000))
    assert left(RECORD, evolve(PULSE, rows_done=10**9)) == 0


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.decimals(0, 1000, places=6), st.none() | st.floats(0, 1e9))
def test_any_run_can_be_told(rows: int, answered: int, failed: int, cost: Decimal, seconds: float | None) -> None:
    counts = RunCounts(answered=answered, failed=failed, cost_usd=cost)
    record = evolve(RECORD, plan=evolve(PLAN, rows=rows), counts=counts)
    pulse = RunPulse(at=AT, seconds_left=seconds)
    assert left(record, pulse) >= 0
    assert all(line and "\n" not in line for line in (*portrait_lines(record, pulse, AT), watch_line(record, pulse, AT)))
    json.dumps(portrait_document(record, pulse, AT))
