"""A small Ollama on loopback, as a script of `tests.loopback.fault_server`: it keeps models, loads, fetches and answers by rote.

    with fault_server(ollama(Kept("llama3.2:3b"))) as server:
        ...                                 # a client with base_url=server.url

`carried` carries envelopes to such a script without a network, for tests in virtual time.
"""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field, frozen
from returns.result import Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.services.transport import Envelope, Transport, WireStream
from tests.loopback import Answer, Chunked, Received, Respond, Script, json_reply

NDJSON = (("Content-Type", "application/x-ndjson"),)
REGISTRY = ("llama3.2:3b", "llama3.2:1b", "mistral", "nomic-embed-text")
"""What it can fetch."""


@frozen
class Kept:
    """A model on its disk. ``remote`` is where it is really answered."""

    name: str
    size: int = 2_000_000_000
    window: int = 131_072
    capabilities: Sequence[str] = ("completion", "tools")
    remote: str | None = None


@define
class State:
    """What it has and has been asked: paths in order."""

    models: dict[str, Kept]
    running: dict[str, int] = field(factory=dict)
    asked: list[str] = field(factory=list)


def carried(script: Script, sent: list[Envelope] | None = None) -> Transport:
    """A transport to a script whose answers are whole or chunked."""
    number = 0

    def answered(envelope: Envelope) -> tuple[int, tuple[tuple[str, str], ...], list[bytes]]:
        nonlocal number
        if sent is not None:
            sent.append(envelope)
        received = Received(number=number, method=envelope.method, path=urlsplit(envelope.url).path, headers={}, body=envelope.body)
        number += 1
        answer = script(received)
        assert isinstance(answer, Respond | Chunked)
        headers = tuple((name.lower(), value) for name, value in answer.headers)
        return answer.status, headers, [answer.body] if isinstance(answer, Respond) else list(answer.pieces)

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        status, headers, pieces = answered(envelope)
        return Success(WireReply(status=status, headers=headers, body=b"".join(pieces)))

    async def open_(envelope: Envelope) -> Settled[WireStream, LLMError]:
        status, headers, pieces = answered(envelope)
        return Success(WireStream(status=status, headers=headers, chunks=_each(pieces)))

    async def close() -> None:
        """There is nothing to close."""

    return Transport(send=send, open=open_, close=close)


async def _each(pieces: list[bytes]) -> AsyncGenerator[Settled[bytes, LLMError], None]:
    for piece in pieces:
        yield Success(piece)


def lines(*told: object) -> bytes:
    """Values as JSON lines."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in told)


def ended(**more: object) -> dict[str, object]:
    """What the last line of an answer adds."""
    return {
        "done": True,
        "done_reason": "stop",
        "total_duration": 3_000_000_000,
        "load_duration": 1,
        "prompt_eval_count": 11,
        "prompt_eval_duration": 1,
        "eval_count": 4,
        "eval_duration": 2_000_000_000,
        **more,
    }


def ollama(*models: Kept, state: State | None = None) -> Script:
    """A server that has these models."""
    here = State(models={}) if state is None else state
    here.models.update({model.name: model for model in models})

    def answer(received: Received) -> Answer:
        here.asked.append(received.path)
        body: dict[str, Any] = received.json() if received.body else {}
        name = body.get("model", "")
        match received.path:
            case "/api/tags":
                return json_reply({"models": [_row(model) for model in here.models.values()]})
            case "/api/ps":
                return json_reply({"models": [_loaded(here.models[name], window) for name, window in here.running.items()]})
            case "/api/version":
                return json_reply({"version": "0.33.2"})
            case "/api/pull":
                return _pulled(here, name)
            case _:
                pass
        if name not in here.models:
            return json_reply({"error": f"model '{name}' not found"}, 404)
        model = here.models[name]
        match received.path:
            case "/api/show":
                return json_reply(_shown(model))
            case "/api/delete":
                del here.models[name]
                return Respond(200)
            case "/api/embed":
                vectors = [[float(len(text)), 1.0] for text in body["input"]]
                here.running[name] = 2048
                return json_reply({"model": name, "embeddings": vectors, "prompt_eval_count": 3})
            case "/api/generate" if not body.get("prompt"):
                return _load(here, name, body)
            case "/api/chat" | "/api/generate":
                here.running[name] = body["options"]["num_ctx"]
                return _said(received.path, name, body)
            case _:
                return Respond(404, (("Content-Type", "text/plain"),), b"404 page not found")

    return answer


def _load(here: State, name: str, body: dict[str, Any]) -> Answer:
    if body.get("keep_alive") == 0:
        here.running.pop(name, None)
        return json_reply({"model": name, "response": "", "done": True, "done_reason": "unload"})
    here.running[name] = body.get("options", {}).get("num_ctx", 4096)
    return json_reply({"model": name, "response": "", "done": True, "done_reason": "load"})


def _said(path: str, name: str, body: dict[str, Any]) -> Answer:
    def piece(text: str) -> dict[str, object]:
        return {"response": text} if path == "/api/generate" else {"message": {"role": "assistant", "content": text}}

    head = {"model": name, "created_at": "2026-11-20T00:00:00Z"}
    if not body.get("stream", True):
        return json_reply({**head, **piece("Paris it is."), **ended()})
    told = [{**head, **piece(text), "done": False} for text in ("Paris", " it", " is.")]
    return Chunked([lines(one) for one in (*told, {**head, **piece(""), **ended()})], headers=NDJSON)


def _pulled(here: State, name: str) -> Answer:
    if name not in REGISTRY:
        return Chunked(
            [lines({"status": "pulling manifest"}), lines({"error": "pull model manifest: file does not exist"})], headers=NDJSON
        )
    here.models[name] = Kept(name)
    layer = {"digest": "sha256:aa", "total": 1000}
    return Chunked(
        [
            lines({"status": "pulling manifest"}),
            lines({"status": "pulling aa", **layer}, {"status": "pulling aa", **layer, "completed": 400}),
            lines({"status": "pulling aa", **layer, "completed": 1000}),
            lines({"status": "pulling bb", "digest": "sha256:bb", "total": 10, "completed": 10}),
            lines({"status": "verifying sha256 digest"}, {"status": "writing manifest"}, {"status": "success"}),
        ],
        headers=NDJSON,
    )


def _row(model: Kept) -> dict[str, object]:
    remote = {"remote_host": model.remote, "remote_model": model.name} if model.remote else {}
    details = {"family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"}
    return {
        "name": model.name,
        "model": model.name,
        "size": model.size,
        "digest": "a" * 64,
        "modified_at": "2026-11-01T12:00:00Z",
        "details": details,
        **remote,
    }


def _loaded(model: Kept, window: int) -> dict[str, object]:
    return {
        "name": model.name,
        "model": model.name,
        "size": model.size + 500_000_000,
        "size_vram": model.size,
        "context_length": window,
        "expires_at": "2026-11-20T09:05:00Z",
    }


def _shown(model: Kept) -> dict[str, object]:
    remote = {"remote_host": model.remote, "remote_model": model.name} if model.remote else {}
    return {
        "template": "{{ .Prompt }}",
        "license": "free",
        "details": {"family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"},
        "model_info": {"general.architecture": "llama", "llama.context_length": model.window, "llama.block_count": 28},
        "capabilities": list(model.capabilities),
        **remote,
    }
