"""A whole run in one call: rows in, values of a class out. The same call goes on where it stopped, and pays for nothing twice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llm_manager import Attempt, Failure, blocking
from llm_manager.testing import scripted, scripted_manager


@dataclass
class Judged:
    """What is asked of each review."""

    mood: str
    score: int


def judging(attempt: Attempt) -> str:
    """A model."""
    good = "good" in str(attempt.request.prompt)
    return json.dumps({"mood": "happy" if good else "sad", "score": 5 if good else 1})


ROWS: list[Mapping[str, Any]] = [{"text": "good"}, {"text": "bad"}, {"text": "good"}]

with blocking(scripted_manager(scripted(judging))) as manager:  # yours is create_default_llm_manager(), with store.url set
    report = manager.run(ROWS, "How is this review? {text}", output=Judged).unwrap()
    for row in report.rows():
        if not isinstance(row, Failure):
            print(row.unwrap().row["text"], row.unwrap().value)
    # -> good Judged(mood='happy', score=5) # -> bad Judged(mood='sad', score=1) # -> good Judged(mood='happy', score=5)
    print(report.state, report.counts.calls, "calls")  # -> finished 2 calls
