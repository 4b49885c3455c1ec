"""What Cohere's client costs by itself."""

import asyncio
import json

from tests.benchmarks.dialect import WORDS, Spoken, events_of, measure

_ENDED = {
    "finish_reason": "COMPLETE",
    "usage": {"billed_units": {"input_tokens": 12, "output_tokens": 40}, "tokens": {"input_tokens": 507, "output_tokens": 42}},
}

COHERE = Spoken(
    provider="cohere",
    base_path="/v2",
    path="/chat",
    streamed_path="/chat",
    whole=json.dumps({"id": "c-1", "message": {"role": "assistant", "content": [{"type": "text", "text": WORDS}]}, **_ENDED}).encode(),
    events=events_of(
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Paris, the capital. "}}}},
        {"type": "message-end", "delta": _ENDED},
    ),
)

if __name__ == "__main__":
    asyncio.run(measure(COHERE))
