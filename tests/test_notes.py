"""The notes keep up with the code: every error has its entry, every requirement its line, every path exists."""

import re
from pathlib import Path
from typing import get_args

import pytest

from llm_manager.domain.errors import LLMError

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "notes" / "requirements.md"
NUMBERS = [
    *(f"S{source}.{n}" for source, last in enumerate((58, 34, 27, 32, 23)) for n in range(1, last + 1)),
    *(f"B{n}" for n in range(1, 13)),
]
TROUBLESHOOTING = ROOT / "notes" / "troubleshooting.md"


@pytest.mark.parametrize("tag", sorted(member.tag for member in get_args(LLMError)))
def test_every_error_has_one_entry_that_says_what_to_do(tag: str) -> None:
    entries = TROUBLESHOOTING.read_text("utf-8").split("\n### ")
    (entry,) = [entry for entry in entries if entry.splitlines()[0] == tag]
    assert "**Do**: " in entry


@pytest.mark.parametrize("note", ["troubleshooting.md", "requirements.md"])
def test_links_within_a_note_lead_somewhere(note: str) -> None:
    text = (ROOT / "notes" / note).read_text("utf-8")
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def requirements() -> list[list[str]]:
    lines = REQUIREMENTS.read_text("utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| [SB]\d", line)]


def test_every_requirement_has_one_line() -> None:
    assert [number for number, *_ in requirements()] == NUMBERS


def test_every_line_says_what_who_and_how_it_is_proved() -> None:
    assert all(len(cells) == 4 and all(cells) for cells in requirements())


def test_every_path_in_the_table_is_there() -> None:
    named = {path for _, _, *cells in requirements() for cell in cells for path in re.findall(r"`([^`]+)`", cell)}
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_every_decision_named_is_listed() -> None:
    text = REQUIREMENTS.read_text("utf-8")
    table, _, decisions = text.partition("## Decisions")
    told = {int(number) for number in re.findall(r"^(\d+)\. \*\*", decisions, re.M)}
    named = {int(number) for each in re.findall(r"\(decisions? ([^)]*)\)", table) for number in re.findall(r"\d+", each)}
    assert named <= told == set(range(1, 22))
