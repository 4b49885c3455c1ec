"""Decision notes: numbered without a gap, in one form, a page each."""

import re

import pytest

from tests.documents import ROOT

NOTES = sorted((ROOT / "notes" / "decisions").glob("*.md"))


def test_numbers_have_no_gap() -> None:
    """And each note has a number of its own."""
    assert [int(note.name.partition("-")[0]) for note in NOTES] == list(range(1, len(NOTES) + 1))


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.stem)
def test_a_note_says_why(note: object) -> None:
    """Context, what was considered, what was decided, what follows; on one page."""
    text = (ROOT / "notes" / "decisions" / str(note)).read_text(encoding="utf-8")
    assert text.startswith(f"# {str(note).rpartition('/')[2].partition('-')[0]}. ")
    assert re.findall(r"^\*\*(Context|Considered|Decision|Consequences)", text, re.MULTILINE) in (
        ["Context", "Considered", "Decision", "Consequences"],
        ["Context", "Considered", "Consequences"],
    )
    assert len(text.split()) < 700
