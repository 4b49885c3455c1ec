"""Reading the body of an answer, whole or as it comes, within its cap, and closing it whatever happens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from returns.result import Failure, Success

from llm_manager.clients.http_faults import fault_of, malformed
from llm_manager.clients.inflating import CompressionError, Inflating
from llm_manager.domain.errors import LLMError
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.services.transport import Envelope

if TYPE_CHECKING:
    import httpcore2

    from llm_manager.clients.pools import Pool

LARGEST_BODY_BYTES = 32 * 1024 * 1024
"""A body above this, whole or streamed, packed or unpacked, is refused."""

_NEAR_SECONDS = 0.02


async def whole_reply(
    response: "httpcore2.Response", inflating: Inflating | None, envelope: Envelope, faults: tuple[type[Exception], ...]
) -> Settled[WireReply, LLMError]:
    """Read a body to its end and close the answer."""
    body: list[bytes] = []
    size = 0
    try:
        async with aclosing(_parts(response, inflating)) as parts:
            async for part in parts:
                size += len(part)
                if size > LARGEST_BODY_BYTES:
                    return Failure(malformed(envelope, "the answer is larger than 32 MB", status=response.status))
                body.append(part)
    except faults as error:
        return Failure(fault_of(error, envelope, "attempt", status=response.status))
    except CompressionError:
        return Failure(malformed(envelope, "the answer's compression is damaged", status=response.status))
    finally:
        await response.aclose()
    return Success(WireReply(status=response.status, headers=header_pairs(response), body=b"".join(body)))


async def body_chunks(
    pool: "Pool",
    response: "httpcore2.Response",
    inflating: Inflating | None,
    envelope: Envelope,
    faults: tuple[type[Exception], ...],
) -> AsyncGenerator[Settled[bytes, LLMError], None]:
    """Give the body as it comes. The first yield only makes sure that closing this always reaches its end."""
    failed: LLMError | None = None
    size = 0
    try:
        yield Success(b"")
        async with aclosing(_parts(response, inflating)) as parts:
            try:
                async for part in parts:
                    size += len(part)
                    if size > LARGEST_BODY_BYTES:
                        failed = malformed(envelope, "the answer is larger than 32 MB", status=response.status)
                        break
                    yield Success(part)
            except GeneratorExit:
                await _end_that_is_near(parts, faults)
                raise
    except faults as error:
        failed = fault_of(error, envelope, "stall", status=response.status)
    except CompressionError:
        failed = malformed(envelope, "the answer's compression is damaged", status=response.status)
    finally:
        pool.in_flight -= 1
        await response.aclose()
    if failed is not None:
        yield Failure(failed)


async def _end_that_is_near(parts: AsyncGenerator[bytes, None], faults: tuple[type[Exception], ...]) -> None:
    """A reader may leave at its protocol's last word: when the body ends there too, the connection can be used again."""
    with suppress(TimeoutError, CompressionError, *faults):
        async with asyncio.timeout(_NEAR_SECONDS):
            await anext(parts, None)


def _parts(response: "httpcore2.Response", inflating: Inflating | None) -> AsyncGenerator[bytes, None]:
    return response.aiter_stream() if inflating is None else _inflated(response, inflating)


async def _inflated(response: "httpcore2.Response", inflating: Inflating) -> AsyncGenerator[bytes, None]:
    async with aclosing(response.aiter_stream()) as packed:
        async for chunk in packed:
            for piece in inflating.pieces(chunk):
                yield piece
    inflating.end()


def header_pairs(response: "httpcore2.Response") -> tuple[tuple[str, str], ...]:
    """The header fields of an answer, their names in lower case."""
    return tuple([(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers])


def encoding_of(response: "httpcore2.Response") -> str | None:
    """How an answer's body is compressed, when it says so."""
    for name, value in response.headers:
        if name.lower() == b"content-encoding":
            return value.decode("latin-1")
    return None
