"""What is written as CSV is read back, and no spreadsheet runs a cell."""

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.runs.cells import cell, cell_line, cell_rows


@pytest.mark.parametrize("text", ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\tx", "\rx", "=", "-", "+-1"])
def test_a_formula_is_quoted_unless_raw(text: str) -> None:
    assert cell(text) == "'" + text
    assert cell(text, raw=True) == text


@pytest.mark.parametrize("text", ["-1", "+1.5", "-.5", "-1e-9", "", "a=b", "1-2", "'=1"])
def test_numbers_and_other_text_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        (-2.5, "-2.5"),
        (Decimal("0.00000010"), "0.00000010"),
        (["=1"], '["=1"]'),
        ({"tag": "X", "message": 'a "b"'}, '{"tag":"X","message":"a \\"b\\""}'),
    ],
)
def test_values_that_are_no_text(value: object, written: str) -> None:
    assert cell(value) == written


@given(st.lists(st.text(), min_size=1, max_size=4).filter(any))
def test_a_raw_record_is_read_back_as_it_was(values: list[str]) -> None:
    assert [record for _, record in cell_rows(io.StringIO(cell_line(values, raw=True), newline=""))] == [values]


@given(st.text())
def test_no_cell_of_text_begins_a_formula(text: str) -> None:
    shown = cell(text)
    assert not shown.startswith(("=", "@", "\t", "\r"))
    assert not shown.startswith(("+", "-")) or shown[1:].replace(".", "").replace("e", "").replace("E", "").strip("+-0123456789") == ""


def test_a_long_number_that_is_none_takes_no_time() -> None:
    """Its digits are read once: twice ten thousand of them would take seconds otherwise."""
    assert cell("-" + "0" * 1_000_000 + "!") == "'-" + "0" * 1_000_000 + "!"
    assert cell("-" + "0" * 1_000_000) == "-" + "0" * 1_000_000
