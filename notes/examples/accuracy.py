"""How many answers agree with their labels: python notes/examples/accuracy.py answers.jsonl [column] [label]."""

import json
import sys
from collections import Counter
from pathlib import Path


def main(path: str, column: str = "sentiment", label: str = "label") -> None:
    """Print the share of right answers, beside what always giving the commonest label would get."""
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    right = sum(row.get(column) == row[label] for row in rows)
    commonest = max(Counter(row[label] for row in rows).values())
    failed = sum(row["error"] is not None for row in rows)
    sys.stdout.write(
        f"{right} of {len(rows)} right ({100 * right / len(rows):.0f} %), {failed} failed; the commonest label alone: {commonest}\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
