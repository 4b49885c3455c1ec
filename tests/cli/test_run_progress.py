"""The live line keeps to its width, and says first what is asked first."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.cli.run_progress import short_words
from llm_manager.policies.printing import printable
from llm_manager.runs.tallies import Tally

_TALLY = Tally(
    rows=1_000_000,
    answered=450_123,
    failures={"RateLimitExceeded": 12},
    cached=3,
    calls=450_135,
    input_tokens=91_234_567,
    output_tokens=12_345_678,
    cost_usd=Decimal("12.345678"),
)


def test_at_80_columns_it_says_how_far_at_what_cost_and_how_long_still() -> None:
    line = short_words(_TALLY, 4000.0, 67)
    assert line == "450135 of 1000000 rows, 12.345678 USD, 1 h 21 min left, 12 failed"
    assert short_words(_TALLY, 4000.0, 200).endswith("12 failed, 112.5 rows/s, 3 cached, 91234567 + 12345678 tokens")


@given(st.integers(60, 200), st.integers(0, 10_000), st.integers(0, 99))
def test_what_is_less_wanted_is_left_out_before_anything_is_clipped(width: int, answered: int, in_vain: int) -> None:
    assert len(short_words(Tally(rows=10_000, answered=answered, in_vain=in_vain), 60.0, width)) <= width


@pytest.mark.parametrize(("width", "longest"), [("80", "claude-sonnet-4-20250514"), ("100", "meta-llama/Llama-3.3-70B-Instruct")])
def test_names_in_tables_do_not_break(scene: Any, monkeypatch: pytest.MonkeyPatch, width: str, longest: str) -> None:
    names = (longest, "gpt-4o-mini")
    monkeypatch.setenv("COLUMNS", width)
    at = scene(terminal=True)
    rows = [("openrouter", name, "cloud", "large", "131072", "0.12 / 0.30", "tools, images, JSON schema, thinking") for name in names]
    at.session.output.table(("provider", "model", "where", "tier", "window", "$ per million in / out", "can"), rows)
    shown = at.out.getvalue()
    assert all(name in shown for name in names)
    assert all(len(line) <= int(width) for line in printable(shown).splitlines())
    assert "thinking" in shown


def test_a_name_too_long_for_the_terminal_is_folded_and_not_lost(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    at = scene(terminal=True)
    at.session.output.table(("model", "state"), [("x" * 60, "up")])
    assert at.out.getvalue().count("x") == 60
