"""What a provider tells of its limits comes with the answer, whole or in pieces, whichever client asked."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from returns.result import Success

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.models import Endpoint
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import attempt_for, fake_world
from llm_manager.testing.replaying import replayed
from tests.clients.anthropic_messages import bodies as claude
from tests.clients.openai_chat import bodies as openai

TOLD: Mapping[str, tuple[str, Any, bytes, Mapping[str, str], RateLimits]] = {
    "openai": (
        "/v1/chat/completions",
        openai.OPENAI,
        openai.sse(*openai.split(openai.OPENAI)),
        {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s"},
        RateLimits(requests=60, requests_left=59, requests_reset_seconds=1.0),
    ),
    "anthropic": (
        "/v1/messages",
        claude.PLAIN,
        b"".join(claude.PLAIN_STREAM),
        {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49"},
        RateLimits(requests=50, requests_left=49),
    ),
}


def client_of(provider: str, exchange: Mapping[str, Any]) -> ModelClient:
    """The client of a provider that is answered so."""
    played = replayed({"exchanges": [exchange]})
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    return sealed(build_client(provider, ProviderSettings(api_key=Secret("sk-1")), parts)).unwrap()


@pytest.mark.parametrize("provider", TOLD)
async def test_a_whole_answer(provider: str) -> None:
    path, body, _, headers, told = TOLD[provider]
    client = client_of(provider, {"path": path, "json": body, "headers": dict(headers)})
    assert (await settle(client.generate(LLMRequest("Hi")))).unwrap().rate_limits == told
    silent = client_of(provider, {"path": path, "json": body})
    assert (await settle(silent.generate(LLMRequest("Hi")))).unwrap().rate_limits is None


@pytest.mark.parametrize("provider", TOLD)
async def test_a_stream(provider: str) -> None:
    path, _, body, headers, told = TOLD[provider]
    kind = {"content-type": "text/event-stream"}
    client = client_of(provider, {"path": path, "chunks": [body.decode()], "headers": {**headers, **kind}})
    endpoint = Endpoint(provider=provider, base_url=client.endpoint.base_url, locality="cloud")
    request = LLMRequest("Hi")
    attempt = attempt_for(request, model=client.profiles[0], endpoint=endpoint, key=Secret("sk-1")).unwrap()
    opened = await client.open(replace(attempt, wire=client.encode(request, client.profiles[0]).unwrap()))
    assert isinstance(opened, Success), opened
    assert opened.unwrap().rate_limits == told
    await opened.unwrap().rest.aclose()
