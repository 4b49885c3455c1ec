"""Texts as vectors: each distinct one paid once and remembered, and a search for the text that is nearest to a question.

No embedding model is built in, so `scripted` stands for one: its vectors are read off a digest of the text and mean
nothing, which is why the search asks with the words of a text itself. Name a real one and nothing else changes:
``EmbedRequest(texts, model="text-embedding-3-small")``, or ``provider="ollama"``.
"""

import asyncio
from collections.abc import Sequence
from math import sqrt

from llm_manager import EmbedRequest, LLMConfig, PolicyBlocked, RoutingPolicy, Vector, settle
from llm_manager.testing import scripted, scripted_manager

TEXTS = ("Rome is in Italy.", "Paris is in France.", "Rome is in Italy.", "Lima is in Peru.")


def likeness(one: Vector, other: Vector) -> float:
    """The cosine of the angle between two vectors: 1 for the same direction."""
    return dot(one, other) / sqrt(dot(one, one) * dot(other, other))


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """The sum of the products."""
    return sum(left * right for left, right in zip(one, other, strict=True))


async def main() -> None:
    """Embed, search, ask again for nothing, and see a private text stay where it is."""
    cloud = scripted(provider="openai", locality="cloud", able=("embed",), texts_per_call=2)
    async with scripted_manager(cloud) as manager:
        known = (await settle(manager.embed(EmbedRequest(TEXTS)))).unwrap()
        print(len(known.vectors), "vectors of", len(known.vectors[0]), "numbers in", len(known.attempts), "requests")
        # -> 4 vectors of 8 numbers in 2 requests

        asked = (await settle(manager.embed(EmbedRequest("Lima is in Peru.")))).unwrap()
        nearest = max(range(len(TEXTS)), key=lambda place: likeness(asked.vectors[0], known.vectors[place]))
        print(TEXTS[nearest], "| remembered:", asked.remembered)
        # -> Lima is in Peru. | remembered: 1

        blocked = (await settle(manager.embed(EmbedRequest("The patient sleeps.")))).failure()
        print(isinstance(blocked, PolicyBlocked), "| requests so far:", len(cloud.besides))
        # -> True | requests so far: 2

    local = scripted(provider="ollama", able=("embed",))
    config = LLMConfig(routing=RoutingPolicy(airgap=True))
    async with scripted_manager(local, cloud, config=config) as manager:
        here = (await settle(manager.embed(EmbedRequest("The patient sleeps.")))).unwrap()
        print("under airgap:", here.provider)
        # -> under airgap: ollama


asyncio.run(main())
