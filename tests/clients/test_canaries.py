"""No key shows: whatever a provider echoes, of what it was sent and however it spells it, no error, event or log line holds a piece of it.

Every client of the catalogue that speaks HTTP is asked everything it can be asked, over the real transport, of a server on
loopback that repeats the key and the prompt in every way it knows.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from returns.result import Failure, Success

from llm_manager import describe, to_json
from llm_manager.clients.catalogue import CATALOGUE, build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import NetworkSettings, ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import LLMError
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from tests.clients.test_key_traces import FORMS, pieces
from tests.loopback import Chunked, Received, Respond, fault_server

WITHOUT_HTTP = {"embedded", "llama_cpp_cli"}
"""Clients that send nothing and have no key."""

STATUSES = (400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503, 529, 302, 200, 201)
PROMPT = "The heron stood in the shallows of the grey estuary before the ninth wave came in."
LOGGERS = ("", "llm_manager", "httpx2", "httpcore2", "openai", "anthropic", "google_genai", "ollama")
Asking: TypeAlias = Callable[[ModelClient], Coroutine[Any, Any, list[object]]]


def key_of(provider: str) -> str:
    """A key like no other, and without a shape that gives it away."""
    return f"Zq{provider[:3]}7vTn4KpX9wLc2RbY8mHd5JsF3gQe6Ua"


def echo(received: Received, key: str, number: int) -> str:
    """What was sent, in another order each time since only the beginning of a long text is kept."""
    sent = [f"{name}: {value}" for name, value in received.headers.items()]
    spelled = [spell(key) for spell in FORMS.values()]
    at = number % len(spelled)
    return " | ".join([*spelled[at:], *spelled[:at], *sent, received.body.decode()])


def answering(key: str) -> Callable[[Received], Respond | Chunked]:
    """A server that repeats all it gets: as each dialect spells errors, as text, and amid a stream."""

    def answer(received: Received) -> Respond | Chunked:
        number = received.number
        status = STATUSES[number % len(STATUSES)]
        said = echo(received, key, number)
        told = {
            "message": said,
            "type": said,
            "code": said if number % 2 else status,
            "status": said,
            "param": said,
            "metadata": {"raw": said, "provider_name": said, "reasons": [said]},
            "details": [{"@type": said, "reason": said, "metadata": {"service": said}, "retryDelay": said}],
        }
        shapes: tuple[object, ...] = (
            {"type": "error", "error": told, "request_id": key, "message": said, "detail": said},
            {"error": said},
            [{"error": told}],
            said,
        )
        shape = shapes[number // len(STATUSES) % len(shapes)]
        ids = [(name, spell(key)) for name in ("X-Request-Id", "Request-Id", "Retry-After", "Location") for spell in (str, FORMS["base64"])]
        plain = [("Content-Type", "application/json"), *ids]
        if status == 200:
            events = (f"event: error\ndata: {json.dumps(shape)}\n\n", json.dumps(shape) + "\n")
            kind = ("text/event-stream", "application/x-ndjson")[number % 2]
            return Chunked([events[number % 2].encode()], headers=[("Content-Type", kind), *ids])
        body = said if number % 5 == 0 else json.dumps(shape)
        return Respond(status=status, headers=plain, body=body.encode())

    return answer


async def _whole(client: ModelClient) -> list[object]:
    return [await settle(client.generate(LLMRequest(PROMPT)))]


async def _streamed(client: ModelClient) -> list[object]:
    return [event async for event in client.stream(LLMRequest(PROMPT))]


async def _looked(client: ModelClient) -> list[object]:
    return [await settle(client.health()), await settle(client.list_models())]


async def _besides(client: ModelClient) -> list[object]:
    told: list[object] = [
        await settle(client.embed(EmbedRequest(texts=(PROMPT,)))),
        await settle(client.moderate(ModerationRequest(texts=(PROMPT,)))),
        await settle(client.create_image(ImageRequest(prompt=PROMPT))),
        await settle(client.count_tokens(LLMRequest(PROMPT))),
    ]
    return told if client.credits is None else [*told, await settle(client.credits())]


async def _managed(client: ModelClient) -> list[object]:
    """Whatever a server lets us do with the models on its disk."""
    local = client.local_models
    if local is None:
        return []
    pulled = [event async for event in local.pull("heron")]
    told = [await settle(local.stored()), await settle(local.show("heron")), await settle(local.running())]
    return [*pulled, *told, await settle(local.delete("heron")), await settle(local.updates())]


EVERYTHING: tuple[Asking, ...] = (_whole, _streamed, _looked, _besides, _managed)


@contextmanager
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every logger tells all it has to tell."""
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, logger=name)
    yield


def spoken(outcome: object) -> Iterator[str]:
    """An outcome in every way it may be written down."""
    yield from (repr(outcome), str(outcome))
    if isinstance(outcome, Failure):
        error: LLMError = outcome.failure()
        yield from (repr(error), str(error), f"{error}", describe(error))
        yield repr(to_json(error))


async def _asked(name: str, url: str, key: str) -> AsyncIterator[object]:
    settings = ProviderSettings(api_key=Secret(key), base_url=url, check_updates=True, auto_pull=True)
    parts = ClientParts(world=real_world(), make_transport=lambda ca_bundle: make_transport(network=NetworkSettings(), ca_bundle=ca_bundle))
    built = sealed(build_client(name, settings, parts))
    assert isinstance(built, Success), built
    client = built.unwrap()
    try:
        for _ in range(len(STATUSES)):
            for ask in EVERYTHING:
                for outcome in await ask(client):
                    yield outcome
        yield Success(repr(client))
    finally:
        await client.close()


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in WITHOUT_HTTP])
async def test_nothing_that_is_echoed_shows(name: str, caplog: pytest.LogCaptureFixture) -> None:
    key = key_of(name)
    canaries = pieces(key)
    for spelled in (spell(key) for spell in FORMS.values()):
        eight_letters = 8 * (len(spelled) // len(key) + 1)
        size = max(32, eight_letters)
        canaries |= {spelled[at : at + size] for at in range(max(1, len(spelled) - size + 1))}
    failures = 0
    with fault_server(answering(key)) as server, heard(caplog):
        async for outcome in _asked(name, server.url, key):
            failures += isinstance(outcome, Failure)
            for text in spoken(outcome):
                assert not [canary for canary in canaries if canary in text], text
                assert PROMPT not in text
        sent = [value for received in server.requests for value in received.headers.values()]
    assert any(key in value for value in sent), "the key was sent, or nothing is proved"
    assert failures >= 2 * len(STATUSES)
    logged = "\n".join(record.getMessage() for record in caplog.records) + caplog.text
    assert not [canary for canary in canaries if canary in logged]


def test_every_client_is_looked_at() -> None:
    """What has no key to lose is named, and is there."""
    assert set(CATALOGUE) - WITHOUT_HTTP
    assert "embedded" in CATALOGUE
