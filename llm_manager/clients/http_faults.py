"""What went wrong on the way: the HTTP library's exceptions as errors of ours.

Exceptions are told apart by the names of their classes, which httpx2 and httpcore2 share. No text of theirs is repeated:
it may hold a header.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import Literal, TypeAlias

from llm_manager.domain.errors import (
    Charge,
    ConfigurationError,
    Fault,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    Origin,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.services.transport import Envelope

Phase: TypeAlias = Literal["first_byte", "stall", "attempt"]

_MOST_CAUSES = 10


def fault_of(error: Exception, envelope: Envelope, phase: Phase, *, status: int | None = None) -> LLMError:
    """Name what an exception of the HTTP library means for a call."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ConnectTimeout" in names:
        return _late(envelope, "connect", envelope.limits.connect_seconds, origin_for(envelope))
    if "PoolTimeout" in names:
        return RateLimitExceeded(model=envelope.model, message="too many calls at once", local=True, origin=origin_for(envelope))
    if "TimeoutException" in names:
        seconds = envelope.limits.attempt_seconds if phase == "attempt" else envelope.limits.silence_seconds
        return _late(envelope, phase, seconds, _sent(envelope, phase, status))
    if "ConnectError" in names:
        return _unconnected(error, envelope)
    if "ProxyError" in names:
        return misconfigured(envelope, "proxy", "the proxy refused the connection", "check network.proxy and its password")
    if "LocalProtocolError" in names or "UnsupportedProtocol" in names:
        return misconfigured(envelope, "custom_headers", "the request cannot be written as HTTP", "check the headers and the base URL")
    return NetworkError(
        model=envelope.model,
        message="the connection broke before the answer was whole",
        sent=True,
        origin=_sent(envelope, phase, status),
    )


def misconfigured(envelope: Envelope, key: str, problem: str, fix: str = "", *, status: int | None = None) -> LLMError:
    """Say that settings keep this request from being sent or answered."""
    fault = Fault(source=envelope.provider, key=key, problem=problem, fix=fix)
    return ConfigurationError(message=f"{envelope.provider}: {problem}", faults=(fault,), origin=origin_for(envelope, status=status))


def malformed(envelope: Envelope, message: str, *, status: int) -> LLMError:
    """Say that a body cannot be read."""
    origin = origin_for(envelope, status=status, charge="possible")
    return MalformedResponse(model=envelope.model, message=message, origin=origin)


def origin_for(envelope: Envelope, *, status: int | None = None, charge: Charge = "none") -> Origin:
    """Say whose answer, or silence, an error tells of."""
    endpoint = envelope.endpoint or envelope.url.partition("?")[0]
    return Origin(provider=envelope.provider, endpoint=endpoint, status=status, charge=charge)


def _sent(envelope: Envelope, phase: Phase, status: int | None) -> Origin:
    charge: Charge = "certain" if phase == "stall" and status is not None and status < 400 else "possible"
    return origin_for(envelope, status=status, charge=charge)


def _late(envelope: Envelope, phase: Phase | Literal["connect"], seconds: float, origin: Origin) -> LLMError:
    return RequestTimeout(model=envelope.model, timeout_ms=round(seconds * 1000), phase=phase, origin=origin)


def _unconnected(error: Exception, envelope: Envelope) -> LLMError:
    causes = tuple(_causes(error))
    origin = origin_for(envelope)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NetworkError(model=envelope.model, message="the host's name cannot be resolved", origin=origin)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return misconfigured(envelope, "ca_bundle", "the server's certificate is not trusted", "set ca_bundle, or mend the base URL")
    if any(type(cause) is ssl.SSLError for cause in causes):
        return misconfigured(envelope, "base_url", "the server does not speak TLS as we do", "check https:// or http:// and the port")
    if envelope.local:
        message = f"nothing answers at {envelope.url.partition('?')[0]}: is the server running?"
        return ModelUnavailable(model=envelope.model, message=message, reason="not_running", origin=origin)
    return NetworkError(model=envelope.model, message="no connection could be made", origin=origin)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an exception to those it was made from, as far as they go."""
    waiting: list[object] = [error]
    for _ in range(_MOST_CAUSES):
        if not waiting:
            return
        found = waiting.pop()
        if isinstance(found, BaseException):
            yield found
            waiting += [*found.args, found.__cause__, found.__context__]
