"""Every threat has its line, and every test that is named there is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTE = (ROOT / "notes" / "threats.md").read_text("utf-8")
LINES = [[cell.strip() for cell in line.strip("|").split("|")] for line in NOTE.splitlines() if re.match(r"\| \d", line)]
NAMED = sorted(set(re.findall(r"`(tests/[^`]+)`", NOTE)))


def test_every_threat_has_one_line_that_says_how_it_is_met_and_proved() -> None:
    assert [int(number) for number, *_ in LINES] == list(range(1, 27))
    assert all(len(cells) == 4 and all(cells) for cells in LINES)
    assert all("`tests/" in proved or proved == "not yet" for *_, proved in LINES)


@pytest.mark.parametrize("named", NAMED)
def test_what_proves_it_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    assert (ROOT / path).is_file()
    if name:
        assert re.search(rf"^(?:(?:async )?def |class )?{name}\b(?:\(| =|:)", (ROOT / path).read_text("utf-8"), re.M), name
