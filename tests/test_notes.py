"""The notes keep up with the code: every error has its entry, every requirement its line, every path exists."""

import re
from pathlib import Path
from typing import get_args

import pytest

from llm_manager.domain.errors import LLMError

ROOT = Path(__file__).resolve().parent.parent
TROUBLESHOOTING = ROOT / "notes" / "troubleshooting.md"


@pytest.mark.parametrize("tag", sorted(member.tag for member in get_args(LLMError)))
def test_every_error_has_one_entry_that_says_what_to_do(tag: str) -> None:
    entries = TROUBLESHOOTING.read_text("utf-8").split("\n### ")
    (entry,) = [entry for entry in entries if entry.splitlines()[0] == tag]
    assert "**Do**: " in entry


@pytest.mark.parametrize("note", ["troubleshooting.md"])
def test_links_within_a_note_lead_somewhere(note: str) -> None:
    text = (ROOT / "notes" / note).read_text("utf-8")
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
