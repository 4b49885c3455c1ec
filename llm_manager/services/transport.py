"""Carrying bytes to an endpoint: what HTTP clients need and no more, so that a faster carrier can take its place."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from attrs import field, frozen

from llm_manager.domain.attempts import Limits
from llm_manager.domain.errors import LLMError
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled


@frozen(kw_only=True)
class Envelope:
    """One request as it goes out. ``headers`` holds the key: it is never shown.

    ``model``, ``provider`` and ``endpoint`` name errors; without an endpoint the URL stands for it.
    """

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)
    limits: Limits
    local: bool
    provider: str
    model: str
    endpoint: str = ""


@frozen(kw_only=True)
class WireStream:
    """An answer whose head has arrived. ``chunks`` ends with a failure when the body breaks; whoever takes it closes it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: AsyncGenerator[Settled[bytes, LLMError], None] = field(repr=False)


@frozen(kw_only=True)
class Transport:
    """Sends an envelope and gives the whole answer, or its head and a body stream. It follows no redirect and re-sends nothing."""

    send: Callable[[Envelope], Coroutine[Any, Any, Settled[WireReply, LLMError]]]
    open: Callable[[Envelope], Coroutine[Any, Any, Settled[WireStream, LLMError]]]
    close: Callable[[], Coroutine[Any, Any, None]]
