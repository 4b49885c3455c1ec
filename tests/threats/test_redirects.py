"""No redirect is followed, wherever it leads: neither the key nor the prompt reaches a second server."""

from pathlib import Path

import pytest
from returns.result import Failure

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, default_deps, make_llm_manager, settle
from llm_manager.clients.catalogue import CATALOGUE
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.real_world import real_world
from tests.loopback import fault_server, json_reply, redirect

STATUSES = (301, 302, 303, 307, 308)
CERTIFICATES = Path(__file__).parents[1] / "certificates"
DIALECTS = [name for name in CATALOGUE if name not in ("embedded", "llama_cpp_cli")]
KEY = "sk-canary-0123456789"
PROMPT = "a heron in the estuary"


def config_of(name: str, url: str, ca_bundle: str | None = None) -> LLMConfig:
    mine = ProviderSettings(api_key=Secret(KEY), base_url=url, ca_bundle=ca_bundle)
    return LLMConfig(providers={name: mine}, routing=RoutingPolicy(enable_fallback=False, max_retries=2))


async def asked_of(name: str, url: str, ca_bundle: str | None = None) -> list[LLMError]:
    """What a manager meets there: with an answer, a stream, vectors, and a look at how it is."""
    config = config_of(name, url, ca_bundle)
    met: list[LLMError] = []
    async with make_llm_manager(config, default_deps(config, real_world({})).unwrap()).unwrap() as manager:
        request = LLMRequest(PROMPT, preferences=Preferences(provider=name, exact=True))
        outcome = await settle(manager.generate(request))
        met += [outcome.failure()] if isinstance(outcome, Failure) else []
        met += [event.failure() async for event in manager.stream(request) if isinstance(event, Failure)]
        vectors = await settle(manager.embed(EmbedRequest(texts=(PROMPT,), provider=name)))
        met += [vectors.failure()] if isinstance(vectors, Failure) else []
        await settle(manager.health())
    return met


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("leads", ["to the same host", "to another port", "to another name"])
async def test_a_server_that_sends_us_away_is_a_matter_of_settings(name: str, leads: str) -> None:
    with fault_server(json_reply({"data": []})) as second:
        for status in STATUSES:
            there = {"to the same host": "/elsewhere", "to another port": second.url, "to another name": "http://evil.invalid"}[leads]
            with fault_server(redirect(f"{there}/v1?next={status}", status)) as first:
                met = await asked_of(name, first.url)
            assert any(isinstance(error, ConfigurationError) for error in met), met
            assert not [received for received in first.requests if "next=" in received.path or "elsewhere" in received.path]
            assert KEY not in repr(met)
            assert PROMPT not in repr(met)
    assert (second.connections, second.requests) == (0, [])


@pytest.mark.parametrize("status", STATUSES)
async def test_from_an_encrypted_server_to_a_plain_one(status: int) -> None:
    with (
        fault_server(json_reply({})) as plain,
        fault_server(redirect(plain.url, status), tls=CERTIFICATES / "right.pem") as encrypted,
    ):
        met = await asked_of("openai", encrypted.url, str(CERTIFICATES / "authority.pem"))
        assert encrypted.requests
    assert any(isinstance(error, ConfigurationError) for error in met)
    assert (plain.connections, plain.requests) == (0, [])
