"""What Gemini's client costs by itself; each piece of its streams tells what was taken so far."""

import asyncio
import json

from tests.benchmarks.dialect import WORDS, Spoken, events_of, measure

_USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 40, "totalTokenCount": 52, "promptTokensDetails": [{"modality": "TEXT"}]}
_MODEL = "/models/gemini-3.8-flash"


def _reply(text: str, *, finish: str | None) -> dict[str, object]:
    ending = {} if finish is None else {"finishReason": finish}
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **ending}
    return {"candidates": [candidate], "usageMetadata": _USAGE, "modelVersion": "gemini-3.8-flash", "responseId": "kLcYabWvN9Cl1PIPlrzAyAg"}


GEMINI = Spoken(
    provider="gemini",
    base_path="/v1beta",
    path=f"{_MODEL}:generateContent",
    streamed_path=f"{_MODEL}:streamGenerateContent?alt=sse",
    whole=json.dumps(_reply(WORDS, finish="STOP")).encode(),
    events=events_of(_reply("Paris, the capital. ", finish=None), _reply("", finish="STOP")),
)

if __name__ == "__main__":
    asyncio.run(measure(GEMINI))
