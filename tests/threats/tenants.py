"""Two tenants who ask the same of one cache, interleaved, and a count of the times that one got what is the other's."""

import asyncio
from random import Random
from typing import Final

from llm_manager.domain.caching import Forgetting, Provenance, Remembered
from llm_manager.domain.models import Endpoint
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.policies.cache_key import answer_key
from llm_manager.services.cache import Cache

ENDPOINT: Final = Endpoint(provider="p", base_url="https://p", locality="cloud")
TENANTS: Final = ("one", "two")
_QUESTIONS: Final = 40
_WORKERS: Final = 8


class Crossings:
    """What was done, what was got, and how often it was somebody else's."""

    def __init__(self) -> None:
        self.done = self.got = self.crossed = 0


def key_of(tenant: str, question: int) -> str:
    """The key of a question: whoever asks it sends the same bytes."""
    return answer_key(WireRequest(path="/chat", body=b"question %d" % question), ENDPOINT, "m", tenant)


async def interleaved(cache: Cache[LLMResponse], operations: int, seed: int) -> Crossings:
    """Let both get, put and now and then forget what is their own, several at a time."""
    seen, random = Crossings(), Random(seed)

    async def work() -> None:
        while seen.done < operations:
            seen.done += 1
            tenant, question, choice = random.choice(TENANTS), random.randrange(_QUESTIONS), random.random()
            key = key_of(tenant, question)
            if choice < 0.6:
                found = (await cache.get(key)).unwrap()
                if found is not None:
                    seen.got += 1
                    seen.crossed += found.value.content != f"{tenant} {question}" or found.provenance.tenant != tenant
            elif choice < 0.999:
                value = LLMResponse(content=f"{tenant} {question}", model="m", provider="p")
                await cache.put(key, Remembered(value=value, provenance=Provenance(tenant=tenant)))
            else:
                await cache.forget(Forgetting(tenant=tenant))

    await asyncio.gather(*(work() for _ in range(_WORKERS)))
    return seen
