"""Through Anthropic's own SDK and back: it writes the requests, another `Transport` carries them.

Imported only when something is sent, for the SDK takes a second to load. It is given a request's address and bytes, and an
answer's status: never the key, the headers or the answer, so nothing of them is in its logs. It re-sends nothing, and what it
reads from the environment does not reach the wire.
"""

from contextvars import ContextVar
from typing import Final, final

import httpx2
from anthropic import APIConnectionError, APIStatusError, AsyncAnthropic, RequestOptions
from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.services.transport import Envelope, Transport, WireStream

_ITS_OWN: Final = b"x-stainless-"
_REPLY: Final = "reply"


@frozen(kw_only=True)
class _Trip:
    """A request under way: as it goes out, and whether its answer comes in pieces."""

    envelope: Envelope
    in_pieces: bool


_TRIP: ContextVar[_Trip] = ContextVar("the request under way through the SDK")


class _LostError(Exception):
    """Carries an error of ours through the SDK."""

    def __init__(self, error: LLMError) -> None:
        super().__init__()
        self.error = error


@final
class _Unshown(bytes):
    """A body that the SDK's debug log does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


class _Carried(httpx2.AsyncBaseTransport):
    """The SDK's way out: its requests go through a transport of ours, and what comes back travels as it is."""

    def __init__(self, carrier: Transport) -> None:
        self._carrier = carrier

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        trip = _TRIP.get()
        own = tuple((name, value) for name, value in request.headers.raw if name[: len(_ITS_OWN)].lower() == _ITS_OWN)
        envelope = evolve(trip.envelope, headers=(*trip.envelope.headers, *own), body=request.content)
        reply: Settled[WireReply, LLMError] | Settled[WireStream, LLMError]
        reply = await (self._carrier.open if trip.in_pieces else self._carrier.send)(envelope)
        if isinstance(reply, Failure):
            raise _LostError(reply.failure())
        told = reply.unwrap()
        return httpx2.Response(told.status, extensions={_REPLY: told})


def through_sdk(carrier: Transport) -> Transport:
    """A transport whose every request the SDK writes and this carrier takes; errors are the carrier's own values."""
    client = AsyncAnthropic(
        api_key="kept-by-llm-manager",
        base_url="https://api.anthropic.com",
        max_retries=0,
        open_telemetry=False,
        http_client=httpx2.AsyncClient(transport=_Carried(carrier), trust_env=False),
    )
    client._platform = "Unknown"  # else it asks a thread of its own at its first request, which a loop of virtual time has not

    async def ask(envelope: Envelope, *, in_pieces: bool) -> Settled[httpx2.Response, LLMError]:
        token = _TRIP.set(_Trip(envelope=envelope, in_pieces=in_pieces))
        options: RequestOptions = {"timeout": envelope.limits.attempt_seconds}
        try:
            if envelope.method == "GET":
                return Success(await client.get(envelope.url, cast_to=httpx2.Response, options=options))
            body = _Unshown(envelope.body)
            return Success(await client.post(envelope.url, content=body, cast_to=httpx2.Response, options=options, stream=in_pieces))
        except APIStatusError as refused:
            return Success(refused.response)
        except APIConnectionError as failed:
            cause = failed.__cause__
            if isinstance(cause, _LostError):
                return Failure(cause.error)
            raise cause or failed from None
        finally:
            _TRIP.reset(token)

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        answered = await ask(envelope, in_pieces=False)
        return answered if isinstance(answered, Failure) else Success(answered.unwrap().extensions[_REPLY])

    async def open_stream(envelope: Envelope) -> Settled[WireStream, LLMError]:
        answered = await ask(envelope, in_pieces=True)
        return answered if isinstance(answered, Failure) else Success(answered.unwrap().extensions[_REPLY])

    return Transport(send=send, open=open_stream, close=carrier.close)
