"""The example that is shipped is sound: its rows, its prompt, its labels, and the script that measures."""

import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from llm_manager.runs.prompting import fill, read_prompt
from llm_manager.runs.reading import open_table

EXAMPLES = Path(__file__).resolve().parents[2] / "notes" / "examples"


def test_the_rows_are_balanced_and_the_prompt_shows_no_label(tmp_path: Path) -> None:
    table = open_table(str(EXAMPLES / "reviews.jsonl"), stdin=io.BytesIO(), scratch=tmp_path).unwrap()
    rows = [row.unwrap() for row in table.rows()]
    prompt = read_prompt((EXAMPLES / "prompt.txt").read_text().removesuffix("\n"), table.columns).unwrap()
    prompts = [fill(prompt, row).unwrap() for row in rows]
    assert Counter(row["label"] for row in rows) == {"positive": 30, "negative": 30}
    assert len(set(prompts)) == 60
    assert len({prompt.count("positive") for prompt in prompts}) == 1


def test_accuracy_is_the_share_of_right_rows(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (EXAMPLES / "reviews.jsonl").read_text().splitlines()]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({**row, "sentiment": "positive", "error": None}) + "\n" for row in rows))
    told = subprocess.run([sys.executable, str(EXAMPLES / "accuracy.py"), str(answers)], capture_output=True, text=True, check=True)
    assert told.stdout == "30 of 60 right (50 %), 0 failed; the commonest label alone: 30\n"
