"""The README's first command on the real model: every row answered, most of them rightly."""

import json
from pathlib import Path

import pytest

from tests.cli.program import run_apart

EXAMPLES = Path(__file__).resolve().parents[2] / "notes" / "examples"


@pytest.mark.embedded
def test_the_example_is_labelled_as_well_as_the_notes_say(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    words = ("--field", "sentiment=positive,negative", "--provider", "embedded", "--temperature", "0", "-o", str(out))
    told = run_apart(
        *("run", str(EXAMPLES / "reviews.jsonl"), "--prompt", f"@{EXAMPLES / 'prompt.txt'}", *words),
        home=tmp_path,
        environ={"LLM_MANAGER_EMBEDDED__MODEL_PATH": str(weights)},
    )
    assert told.returncode == 0, told.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 60
    assert sum(row["sentiment"] == row["label"] for row in rows) >= 48
