"""What may be asked of the usage log, and moments as people write them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.usage_log import UsageQuery
from llm_manager.policies.moments import moment_of
from llm_manager.policies.usage_queries import query_fault, usage_keys

WRONG: Any = "colour"


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        (UsageQuery(), None),
        (UsageQuery(by=("day", "model"), since=1.0, until=2.0, top=1, dearest=5), None),
        (UsageQuery(by=(WRONG,)), "by: usage is not grouped by 'colour'; did you mean"),
        (UsageQuery(by=("day", "day")), "by: a name is given twice"),
        (UsageQuery(top=0), "top: give a number from 1"),
        (UsageQuery(dearest=-1), "dearest: give a number from 0"),
        (UsageQuery(since=2.0, until=2.0), "since: it is not before until"),
    ],
)
def test_what_cannot_be_answered_is_told_by_its_field(query: UsageQuery, fault: str | None) -> None:
    """And what can be has no fault."""
    told = query_fault(query)
    assert told is None if fault is None else told is not None and told.startswith(fault)
    assert query_fault(evolve(query)) == told


def test_words_are_keys_or_told() -> None:
    """With the nearest that there are."""
    assert usage_keys(["feature", "month"]) == ("feature", "month")
    assert usage_keys(["modle"]) == "by: usage is not grouped by 'modle'; did you mean model?"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", 994_600.0),
        ("24 h", 913_600.0),
        ("7d", 395_200.0),
        (" 1w ", 395_200.0),
        ("1970-01-02", 86_400.0),
        ("1970-01-02T01:00", 90_000.0),
        ("1970-01-02 01:00:30", 90_030.0),
        ("1970-01-02T01:00Z", 90_000.0),
        ("1970-01-02T01:00+01:00", 86_400.0),
        ("soon", None),
        ("7", None),
        ("-7d", None),
        ("1970-13-02", None),
        ("1970-01-02T25:00", None),
        ("", None),
        ("9999999d", None),
    ],
)
def test_moments_are_read_as_people_write_them(text: str, moment: float | None) -> None:
    """By UTC where nothing else is said."""
    assert moment_of(text, 1_000_000.0) == moment


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    """Never an exception."""
    assert isinstance(moment_of(text, 0.0), float | None)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - of UTC, said below
def test_a_moment_that_is_written_is_read_back(moment: datetime) -> None:
    """To the second."""
    whole = moment.replace(microsecond=0)
    assert moment_of(whole.isoformat(), 0.0) == whole.replace(tzinfo=UTC).timestamp()
