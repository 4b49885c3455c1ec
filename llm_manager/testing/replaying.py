"""A recorded HTTP exchange as a `Transport`: examples and tests of what no keyless model can run.

A recording is a JSON file, written by hand or from a log, keys left out:

    {"exchanges": [{"method": "POST", "path": "/v1/chat/completions",
                    "status": 200, "headers": {"content-type": "application/json"}, "json": {...}}]}

The body is one of ``json``, ``text``, ``base64`` or ``chunks`` (a list of texts, sent one by one; of bytes, too, when the
recording is given as plain data); ``"cut": true`` breaks it at its end. Exchanges of one method and path are played in
turn, and the last of them again and again; the path ``*`` stands for any that has no recording of its own.
"""

import base64
import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field, frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError, NetworkError, Origin
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.services.transport import Envelope, Transport, WireStream


@frozen(kw_only=True)
class Exchange:
    """One answer as it was recorded."""

    method: str
    path: str
    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: tuple[bytes, ...]
    cut: bool


@define
class Replayed:
    """The ``transport`` that plays the recording, and the envelopes that were ``sent`` to it."""

    transport: Transport
    sent: list[Envelope] = field(factory=list, repr=False)


def replayed(recording: str | Path | Mapping[str, Any]) -> Replayed:
    """Play a recording, from its file or as plain data; a recording that is not one is a ValueError."""
    plain = recording if isinstance(recording, Mapping) else json.loads(Path(recording).read_text(encoding="utf-8"))
    ways: dict[tuple[str, str], list[Exchange]] = {}
    for plain_exchange in _need(plain, "exchanges"):
        exchange = _exchange(plain_exchange)
        ways.setdefault((exchange.method, exchange.path), []).append(exchange)
    sent: list[Envelope] = []

    def played(envelope: Envelope) -> Settled[Exchange, LLMError]:
        sent.append(envelope)
        path = urlsplit(envelope.url).path
        way = ways.get((envelope.method, path)) or ways.get((envelope.method, "*"))
        if not way:
            return Failure(_lost(envelope, f"nothing is recorded for {envelope.method} {path}", sent=False))
        return Success(way.pop(0) if len(way) > 1 else way[0])

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        found = played(envelope)
        if isinstance(found, Failure):
            return found
        exchange = found.unwrap()
        if exchange.cut:
            return Failure(_lost(envelope, "the recording is cut here", sent=True))
        return Success(WireReply(status=exchange.status, headers=exchange.headers, body=b"".join(exchange.chunks)))

    async def open_(envelope: Envelope) -> Settled[WireStream, LLMError]:
        found = played(envelope)
        if isinstance(found, Failure):
            return found
        exchange = found.unwrap()
        return Success(WireStream(status=exchange.status, headers=exchange.headers, chunks=_play(envelope, exchange)))

    async def close() -> None:
        """There is nothing to close."""

    return Replayed(transport=Transport(send=send, open=open_, close=close), sent=sent)


async def _play(envelope: Envelope, exchange: Exchange) -> AsyncGenerator[Settled[bytes, LLMError], None]:
    for chunk in exchange.chunks:
        yield Success(chunk)
    if exchange.cut:
        yield Failure(_lost(envelope, "the recording is cut here", sent=True))


def _lost(envelope: Envelope, message: str, *, sent: bool) -> NetworkError:
    origin = Origin(provider=envelope.provider, endpoint=envelope.url, charge="possible" if sent else "none")
    return NetworkError(model=envelope.model, message=message, sent=sent, origin=origin)


def _exchange(plain: Mapping[str, Any]) -> Exchange:
    headers = plain.get("headers", {})
    return Exchange(
        method=plain.get("method", "POST"),
        path=_need(plain, "path"),
        status=plain.get("status", 200),
        headers=tuple((name.lower(), value) for name, value in headers.items()),
        chunks=_chunks(plain),
        cut=plain.get("cut", False),
    )


def _chunks(plain: Mapping[str, Any]) -> tuple[bytes, ...]:
    if "json" in plain:
        return (json.dumps(plain["json"]).encode(),)
    if "text" in plain:
        return (plain["text"].encode(),)
    if "base64" in plain:
        return (base64.b64decode(plain["base64"], validate=True),)
    return tuple(chunk if isinstance(chunk, bytes) else chunk.encode() for chunk in _need(plain, "chunks"))


def _need(plain: Mapping[str, Any], name: str) -> Any:
    if name not in plain:
        raise ValueError(f"the recording lacks {name!r}")
    return plain[name]
