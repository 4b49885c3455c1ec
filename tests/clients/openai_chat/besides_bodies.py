"""Answers to all that is not chat, as providers shape them."""

import base64
import struct
from typing import Any

VECTORS = ((0.25, -0.5, 1.0), (0.0, 0.125, -2.0))


def packed(vector: tuple[float, ...]) -> str:
    """A vector as OpenAI packs it."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def embedded(*rows: Any, **more: Any) -> dict[str, Any]:
    """An answer with these vectors, in their order."""
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
    return {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": {"prompt_tokens": 8, "total_tokens": 8}, **more}


FLOATS = embedded(*map(list, VECTORS))
PACKED = embedded(*map(packed, VECTORS))

CATEGORIES = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
]
MODERATED = {
    "id": "modr-970d409ef3bef3b70c73d8232df86e7d",
    "model": "omni-moderation-latest",
    "results": [
        {
            "flagged": flagged,
            "categories": {name: flagged and name == "violence" for name in CATEGORIES},
            "category_scores": {name: 0.9 if flagged and name == "violence" else 0.001 for name in CATEGORIES},
            "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
        }
        for flagged in (True, False)
    ],
}

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg==")
DRAWN = {
    "created": 1713833628,
    "background": "opaque",
    "output_format": "webp",
    "quality": "high",
    "size": "1024x1024",
    "data": [{"b64_json": base64.b64encode(PIXEL).decode()}],
    "usage": {
        "input_tokens": 50,
        "input_tokens_details": {"text_tokens": 50, "image_tokens": 0},
        "output_tokens": 1056,
        "total_tokens": 1106,
    },
}
DALL_E = {
    "created": 1700000000,
    "data": [
        {"b64_json": base64.b64encode(PIXEL).decode(), "revised_prompt": "A tabby cat"},
        {"url": "https://images.example/a.png", "revised_prompt": "A black cat"},
    ],
}
CREDITS = {"data": {"total_credits": 100.5, "total_usage": 25.75}}
