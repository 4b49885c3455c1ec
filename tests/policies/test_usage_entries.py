"""What the usage log keeps of each event: no column is missing, none is beyond what a database takes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.errors import ModelUnavailable, StreamInterrupted
from llm_manager.domain.events import AttemptAnswered, AttemptFailed, AttemptLeft, AttemptStarted, CacheHit, Event, SimilarFound, UsageReset
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.usage import Most, Priced, Unpriced, Usage
from llm_manager.policies.usage_entries import LOGGED, entry_of, lost_entry, parts_of
from llm_manager.policies.usage_totals import moment
from llm_manager.stores.sql.tables.usage import USAGE
from llm_manager.testing import strategies

WALL = 1_800_000_000.0
COLUMNS = {column.key for column in USAGE.columns} - {"writer", "place"}


def answered(usd: str = "0.0000123456789", **fields: object) -> AttemptAnswered:
    """An answer."""
    return AttemptAnswered(
        at=1.0,
        call_id="c",
        number=2,
        provider="p",
        model="m",
        seconds=0.5,
        usage=Usage(input_tokens=3, output_tokens=2),
        cost=Priced(usd=Decimal(usd), price_version="v"),
        metadata=RequestMetadata(user="ann", run="r"),
        **fields,  # type: ignore[arg-type]  # fields of an event
    )


@given(strategies.events(), st.floats(min_value=0, max_value=4e9))
def test_every_event_that_is_kept_fills_every_column(event: Event, wall: float) -> None:
    """With values that each database takes."""
    entry = entry_of(event, wall)
    kept = type(event) in LOGGED and not (isinstance(event, SimilarFound) and not event.accepted)
    assert (entry is not None) == kept
    if entry is None:
        return
    assert set(entry) == COLUMNS
    for name, value in entry.items():
        if isinstance(value, int):
            assert (-(2**40) if name == "prefix_nanos" else 0) <= value < 2**62
        if isinstance(value, str):
            assert "\0" not in value and value.encode().decode() == value
            assert len(value) <= 500


def test_what_a_kept_prompt_saved_is_kept_too() -> None:
    """In billionths of a dollar, and less than nothing where keeping it cost more."""
    for usd, nanos in ((Decimal("0.009"), 9_000_000), (Decimal("-0.0025"), -2_500_000), (None, None), (Decimal("1e9"), 2**40)):
        entry = entry_of(answered(prefix_saved_usd=usd), WALL)
        assert entry is not None and entry["prefix_nanos"] == nanos


def test_money_is_kept_to_the_last_digit() -> None:
    """In whole micro-dollars and what is beyond them."""
    entry = entry_of(answered(), WALL)
    assert entry is not None
    assert (entry["cost_micros"], entry["cost_rest"], entry["price_version"]) == (12, 345_679, "v")
    assert parts_of(12, 345_679) == 12_345_679
    assert (entry["user"], entry["run"], entry["number"], entry["hour"]) == ("ann", "r", 2, 500_000)


def test_what_may_be_billed_is_told_with_its_most() -> None:
    """What cannot be is not."""
    most = Most(usd=Decimal("0.0000001"), tokens=9)
    cut = StreamInterrupted(model="m", message="cut", partial="")
    failed = AttemptFailed(at=1.0, call_id="c", number=1, provider="p", model="m", seconds=1.0, error=cut, most=most)
    left = AttemptLeft(at=1.0, call_id="c", number=1, provider="p", model="m", seconds=1.0, most=Most(usd=None, tokens=None))
    down = AttemptFailed(
        at=1.0, call_id="c", number=1, provider="p", model="m", seconds=1.0, error=ModelUnavailable(model="m", message="x", reason="server")
    )
    found = [entry_of(event, WALL) for event in (failed, left, down)]
    assert [(each["billable"], each["most_micros"], each["most_tokens"]) for each in found if each is not None] == [
        (True, 1, 9),
        (True, None, None),
        (False, None, None),
    ]


def test_counting_tokens_is_free() -> None:
    """Whatever its model costs."""
    entry = entry_of(answered(operation="count_tokens"), WALL)
    assert entry is not None and (entry["cost_micros"], entry["billable"]) == (0, False)


def test_an_answer_that_was_remembered_tells_what_it_saved() -> None:
    """Shared or from the cache, or to a similar prompt where that was accepted."""
    hit = CacheHit(at=1.0, call_id="c", provider="p", model="m", shared=True, saved=Priced(usd=Decimal("0.5"), price_version="v"))
    similar = SimilarFound(at=1.0, call_id="c", provider="p", model="m", score=0.9, accepted=True, saved=Unpriced(reason="x"))
    first, second = entry_of(hit, WALL), entry_of(similar, WALL)
    assert first is not None and second is not None
    assert (first["outcome"], first["cost_micros"], second["outcome"], second["cost_micros"]) == ("shared", 500_000, "similar", None)


def test_a_reset_and_a_loss_are_rows_too() -> None:
    """And a beginning is none."""
    reset = entry_of(UsageReset(at=1.0, period="month"), WALL)
    assert reset is not None and (reset["outcome"], reset["operation"], set(reset)) == ("reset", "month", COLUMNS)
    assert lost_entry(2**40, WALL)["number"] == 2**31 - 1
    assert entry_of(AttemptStarted(at=1.0, call_id="c", number=1, provider="p", model="m"), WALL) is None


@pytest.mark.parametrize(
    ("hour", "name"),
    [(0, "1970-01-01 00:00"), (500_000, "2027-01-15 08:00"), (10**9, "9999-12-31 00:00"), (-5, "1970-01-01 00:00")],
)
def test_an_hour_has_a_name_whatever_the_clock_says(hour: int, name: str) -> None:
    """Also one that is far ahead."""
    assert moment("hour", hour) == name
