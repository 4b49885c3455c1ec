"""The transport of the simulation: it carries envelopes to scripted providers and enforces client timeouts as the real one does.

What goes wrong becomes the same errors by the same function (`clients.http_faults`), from the same exceptions.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

import httpcore2
from returns.result import Failure, Success

from llm_manager.clients.http_faults import Phase, fault_of, malformed, misconfigured
from llm_manager.domain.errors import LLMError
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.services.transport import Envelope, Transport, WireStream
from tests.simulation.providers import Exchange
from tests.simulation.reactions import Reaction


class Watcher(Protocol):
    """What is told of everything that the transport carries."""

    def send(self, envelope: Envelope, *, streamed: bool) -> tuple[Reaction, Exchange | None]: ...
    def end(self, exchange: Exchange | None, how: str) -> None: ...


def simulated_transport(watcher: Watcher, now: Callable[[], float]) -> Transport:
    """Carry what is sent to the providers behind ``watcher``."""

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        reaction, exchange = watcher.send(envelope, streamed=False)
        how = "left"
        try:
            failed = await _headed(envelope, reaction, envelope.limits.attempt_seconds, "attempt")
            if failed is None and reaction.end != "whole":
                failed = await _broken(envelope, reaction, "attempt", envelope.limits.attempt_seconds)
            if failed is not None:
                how = failed.tag
                return Failure(failed)
            how = "read"
            return Success(WireReply(status=reaction.status, headers=reaction.headers, body=reaction.body))
        finally:
            watcher.end(exchange, how)

    async def open_(envelope: Envelope) -> Settled[WireStream, LLMError]:
        reaction, exchange = watcher.send(envelope, streamed=True)
        how: str | None = "left"
        try:
            failed = await _headed(envelope, reaction, envelope.limits.silence_seconds, "first_byte")
            if failed is not None:
                how = failed.tag
                return Failure(failed)
            chunks = _chunks(envelope, reaction, exchange)
            await anext(chunks)
            how = None
            return Success(WireStream(status=reaction.status, headers=reaction.headers, chunks=chunks))
        finally:
            if how is not None:
                watcher.end(exchange, how)

    async def _chunks(envelope: Envelope, reaction: Reaction, exchange: Exchange | None) -> AsyncGenerator[Settled[bytes, LLMError], None]:
        how = "left"
        silence = envelope.limits.silence_seconds
        try:
            yield Success(b"")
            left = len(reaction.pieces)
            for pause, piece in reaction.pieces:
                if pause > silence:
                    await asyncio.sleep(silence)
                    how = "stalled"
                    yield Failure(fault_of(httpcore2.ReadTimeout(), envelope, "stall", status=reaction.status))
                    return
                if pause > 0.0:
                    await asyncio.sleep(pause)
                left -= 1
                if not left and reaction.end == "whole":
                    how = "read"
                    if exchange is not None:
                        exchange.read = True  # its reader may leave at the protocol's last word
                yield Success(piece)
            if reaction.end != "whole":
                how = reaction.end
                yield Failure(await _broken(envelope, reaction, "stall", silence))
                return
            how = "read"
        finally:
            watcher.end(exchange, how)

    async def close() -> None:
        """There is nothing to close."""

    return Transport(send=send, open=open_, close=close)


async def _headed(envelope: Envelope, reaction: Reaction, seconds: float, phase: Phase) -> LLMError | None:
    """Wait for the head of the answer, for a whole one with its body; what keeps it from coming."""
    if reaction.connect > envelope.limits.connect_seconds:
        await asyncio.sleep(envelope.limits.connect_seconds)
        return fault_of(httpcore2.ConnectTimeout(), envelope, phase)
    if reaction.unconnected is not None:
        await asyncio.sleep(reaction.connect)
        return fault_of(reaction.unconnected(), envelope, phase)
    if reaction.head > seconds:
        await asyncio.sleep(reaction.connect + seconds)
        return fault_of(httpcore2.ReadTimeout(), envelope, phase)
    await asyncio.sleep(reaction.connect + reaction.head)
    if reaction.breaks:
        return fault_of(httpcore2.RemoteProtocolError(), envelope, phase)
    if 300 <= reaction.status < 400:
        fix = "set the base URL to where the server really is"
        return misconfigured(envelope, "base_url", "the server redirects elsewhere", fix, status=reaction.status)
    if reaction.bomb:
        return malformed(envelope, "the answer is larger than 32 MB", status=reaction.status)
    return None


async def _broken(envelope: Envelope, reaction: Reaction, phase: Phase, seconds: float) -> LLMError:
    """How a body ends that does not end as it should."""
    if reaction.end == "silence":
        await asyncio.sleep(seconds)
        return fault_of(httpcore2.ReadTimeout(), envelope, phase, status=reaction.status)
    return fault_of(httpcore2.ReadError(), envelope, phase, status=reaction.status)
