"""The live line keeps to its width, and says first what is asked first."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_manager.cli.run.progress import progress_words, short_words, showing
from llm_manager.cli.waits import telling_waits
from llm_manager.domain.events import MovedOn, Paused
from llm_manager.domain.standing import BreakerStanding, ScopeStanding, Standing
from llm_manager.policies.printing import printable
from llm_manager.policies.standing_words import waiting_words
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


def test_while_nothing_comes_it_says_what_it_waits_for_and_promises_no_end() -> None:
    told = short_words(_TALLY, 4000.0, 200, "127.0.0.1:9105 is down, tried again soon")
    assert "waiting: 127.0.0.1:9105 is down, tried again soon" in told
    assert "left" not in told
    assert "rows/s" not in told
    assert progress_words(_TALLY, 4000.0, "asked to slow down, 28 s").endswith("waiting: asked to slow down, 28 s")


def test_a_line_is_told_as_the_waiting_begins(scene: Any) -> None:
    at, now, tally = scene(), [0.0], Tally(rows=10, answered=1)
    with showing(at.session.output, tally, lambda: now[0], lambda: "asked to slow down, 28 s") as progress:
        for seconds in (1.0, 4.0, 5.0, 6.0):
            now[0] = seconds
            progress.tell(tally)
    assert at.err.getvalue().count("waiting: asked to slow down, 28 s") == 1


def test_what_holds_requests_back_is_named() -> None:
    down = BreakerStanding(provider="openai", endpoint="http://127.0.0.1:9105/v1", phase="open", probe_in_seconds=1.0)
    paused = ScopeStanding(provider="openai", endpoint="e", paused_seconds=28.2)
    assert waiting_words(Standing(breakers=(down,), scopes=(paused,))) == "127.0.0.1:9105 is down, tried again soon"
    assert waiting_words(Standing(breakers=(evolve(down, probe_in_seconds=90.0),))) == "127.0.0.1:9105 is down, tried again in 90 s"
    assert waiting_words(Standing(breakers=(evolve(down, phase="closed"),), scopes=(paused,))) == "asked to slow down, 28 s"
    assert waiting_words(Standing()) is None


def test_a_long_wait_is_told_once_as_it_begins() -> None:
    told: list[str] = []
    heed = telling_waits(told.append, lambda: 100.0)
    moved = MovedOn(at=0.0, call_id="c", from_model="a", to_model="a", after_seconds=30.5, error_tag="RateLimitExceeded")
    paused = Paused(at=0.0, provider="p", endpoint="e", key_fingerprint=None, seconds=30.0)
    for event in (replace(moved, after_seconds=2.0), paused, moved, paused):
        heed(event)
    heed(replace(moved, after_seconds=60.0))
    assert told == ["waiting: asked to wait 30 s", "waiting: a failed (RateLimitExceeded), asked again in 60 s"]


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


def test_a_table_of_more_columns_than_fit_is_written_row_below_row(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    at = scene(terminal=True)
    headings = ("run", "state", "rows", "failed", "usd", "heard of (UTC)", "output")
    row = ("3f2a9c11", "interrupted", "12/400", "", "0.0123", "2026-11-20 16:40", "an\x1b[31m.jsonl")
    at.session.output.table(headings, [row, row])
    lines = at.out.getvalue().splitlines()
    assert lines[:3] == ["3f2a9c11", "  state           interrupted", "  rows            12/400"]
    assert lines.count("3f2a9c11") == 2
    assert not any("failed" in line or "\x1b" in line or len(line) > 40 for line in lines)
