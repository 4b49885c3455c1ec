"""What Ollama's client costs by itself; its streams are lines of JSON."""

import asyncio
import json

from tests.benchmarks.dialect import WORDS, Spoken, events_of, measure

_ENDED = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 5191566416,
    "load_duration": 2154458,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 383809000,
    "eval_count": 298,
    "eval_duration": 4799921000,
}


def _line(text: str, **more: object) -> dict[str, object]:
    head = {"model": "llama3.2:3b", "created_at": "2026-11-20T08:52:19.385406455-07:00"}
    return {**head, "message": {"role": "assistant", "content": text}, **(more or {"done": False})}


OLLAMA = Spoken(
    provider="ollama",
    base_path="",
    path="/api/chat",
    streamed_path="/api/chat",
    whole=json.dumps(_line(WORDS, **_ENDED, details={"family": "llama"})).encode(),  # of the model too, asked for once a minute
    events=events_of(_line(" Paris"), _line("", **_ENDED), framing=b"%b\n"),
    kind="application/x-ndjson",
)

if __name__ == "__main__":
    asyncio.run(measure(OLLAMA))
