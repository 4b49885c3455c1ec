"""Judging header fields and keys: what may stand on a line of an HTTP request, and nothing that could begin another."""

import re
from collections.abc import Mapping

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, Fault, LLMError
from llm_manager.domain.secrets import Secret

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_KEY = re.compile(r"[\x21-\x7e]+")

OWN_FIELDS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields that say how a message travels: the transport writes them, and nobody else."""


def header_fields(provider: str, headers: Mapping[str, str]) -> Result[tuple[tuple[bytes, bytes], ...], LLMError]:
    """Give the fields as they go out, or every fault in them; values are never repeated."""
    faults = tuple(fault for name, value in headers.items() for fault in _faults(provider, name, value))
    if faults:
        return Failure(ConfigurationError(message=f"the headers of {provider} cannot be sent", faults=faults))
    return Success(tuple((name.encode(), value.encode()) for name, value in headers.items()))


def usable_key(provider: str, key: Secret) -> Result[Secret, LLMError]:
    """Give the key without the line end that files add to it, or refuse one that cannot stand in a header."""
    text = key.reveal()
    bare = text.removesuffix("\n").removesuffix("\r")
    if _KEY.fullmatch(bare):
        return Success(key if bare == text else Secret(bare))
    problem = "it holds spaces, line ends or characters outside ASCII" if bare else "it is empty"
    fault = Fault(source=provider, key="api_key", problem=problem, fix="copy the key again, alone on its line")
    return Failure(ConfigurationError(message=f"the key of {provider} cannot be sent: {problem}", faults=(fault,)))


def _faults(provider: str, name: str, value: str) -> tuple[Fault, ...]:
    if not _NAME.fullmatch(name):
        return (Fault(source=provider, key="custom_headers", problem="a header's name holds characters that no name may hold"),)
    key = f"custom_headers.{name}"
    if name.lower() in OWN_FIELDS:
        return (Fault(source=provider, key=key, problem="this header is written by the transport", fix="leave it out"),)
    if not _VALUE.fullmatch(value):
        return (Fault(source=provider, key=key, problem="its value is empty, or holds more than printable ASCII"),)
    return ()
