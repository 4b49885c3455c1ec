"""What went wrong on the way: the HTTP library's exceptions as errors of ours.

Exceptions are told apart by the names of their classes, which httpx2 and httpcore2 share. No text of theirs is repeated:
it may hold a header.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import Literal, TypeAlias

from returns.result import Failure

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
from llm_manager.outcomes import sealed
from llm_manager.policies.addresses import Location, locate
from llm_manager.services.transport import Envelope

Phase: TypeAlias = Literal["first_byte", "stall", "attempt"]

_MOST_CAUSES = 10


def fault_of(error: Exception, envelope: Envelope, phase: Phase, *, status: int | None = None, proxy: Location | None = None) -> LLMError:
    """Name what an exception of the HTTP library means for a call; ``proxy`` is what the request went through."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ConnectTimeout" in names:
        return _late(envelope, "connect", envelope.limits.connect_seconds, origin_for(envelope))
    if "PoolTimeout" in names:
        return RateLimitExceeded(model=envelope.model, message="too many calls at once", local=True, origin=origin_for(envelope))
    if "TimeoutException" in names:
        seconds = envelope.limits.attempt_seconds if phase == "attempt" else envelope.limits.silence_seconds
        return _late(envelope, phase, seconds, _sent(envelope, phase, status))
    if "ConnectError" in names:
        return _unconnected(error, envelope, proxy)
    if "ProxyError" in names:
        which = "the proxy" if proxy is None else f"the proxy {_host_and_port(proxy)}"
        return misconfigured(envelope, "proxy", f"{which} refused the connection", "check network.proxy and its password")
    if "LocalProtocolError" in names or "UnsupportedProtocol" in names:
        return misconfigured(envelope, "custom_headers", "the request cannot be written as HTTP", "check the headers and the base URL")
    return NetworkError(
        model=envelope.model,
        message=f"the connection to {place_of(envelope)} broke before the answer was whole" + _through(proxy),
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


def place_of(envelope: Envelope) -> str:
    """Host and port of where an envelope goes, and nothing else of its address."""
    scheme, _, rest = envelope.url.partition("://")
    located = sealed(locate(f"{scheme}://{rest.partition('/')[0].partition('?')[0]}"))
    return "the server" if isinstance(located, Failure) else _host_and_port(located.unwrap())


def _host_and_port(place: Location) -> str:
    return f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"


def _through(proxy: Location | None) -> str:
    return "" if proxy is None else f" (through the proxy {_host_and_port(proxy)})"


def _unconnected(error: Exception, envelope: Envelope, proxy: Location | None) -> LLMError:
    causes = tuple(_causes(error))
    origin = origin_for(envelope)
    where = place_of(envelope) if proxy is None else f"the proxy {_host_and_port(proxy)}"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NetworkError(model=envelope.model, message=f"the name of {where} cannot be resolved", resend_once=True, origin=origin)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return misconfigured(envelope, "ca_bundle", "the server's certificate is not trusted", "set ca_bundle, or mend the base URL")
    if any(type(cause) is ssl.SSLError for cause in causes):
        return misconfigured(envelope, "base_url", "the server does not speak TLS as we do", "check https:// or http:// and the port")
    if envelope.local:
        message = f"nothing answers at {where}: is the server running? Start it, or name another provider"
        return ModelUnavailable(model=envelope.model, message=message, reason="not_running", resend_once=True, origin=origin)
    return NetworkError(model=envelope.model, message=f"no connection to {where} could be made", origin=origin)


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
