"""Judging where a provider is reached: which base URLs are understood, which are safe, and which are local.

A base URL is settings, never data of a request. It is understood in one spelling only: whatever two readers could read
differently (user names, backslashes, numbers that are addresses, ...) is refused, with the value never repeated.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TypeAlias

from attrs import field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, Fault, LLMError
from llm_manager.domain.models import Endpoint
from llm_manager.outcomes import Settled, sealed

_Address: TypeAlias = IPv4Address | IPv6Address

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?i:(https?))://(\[[^\]/]*\]|[^\[\]/:@\\?#\s]*)(?::([0-9]{1,5}))?(/[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?")
_AUTHORITY = re.compile(r"(?i:https?)://[^/?#]*")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\Z")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?\Z")


@frozen(kw_only=True)
class Refused:
    """What is wrong with an address, and how to mend it; it never repeats the address."""

    problem: str
    fix: str = ""


@frozen(kw_only=True)
class Location:
    """A URL taken apart: ``host`` is lower case, an IPv6 address without brackets; ``port`` is always there."""

    scheme: str
    host: str
    port: int
    path: str = ""
    address: _Address | None = field(default=None, eq=False, repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port as they are written, the usual port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if _DEFAULT_PORTS.get(self.scheme) == self.port else f":{self.port}")


def parse_endpoint(provider: str, base_url: str, local_hosts: Collection[str] = (), *, account: str = "") -> Result[Endpoint, LLMError]:
    """Judge a base URL: https to anywhere, plain http only to this machine or to a host that counts as local."""
    located = sealed(locate(base_url))
    if isinstance(located, Failure):
        return _misconfigured(provider, located.failure())
    place = located.unwrap()
    local = is_local(place, local_hosts)
    if place.scheme == "http" and not local:
        fix = "write https://, or add the host to network.local_hosts if it is on your own network"
        return _misconfigured(provider, Refused(problem="plain http goes to local hosts only", fix=fix))
    base = place.origin + place.path.rstrip("/")
    return Success(Endpoint(provider=provider, base_url=base, locality="local" if local else "cloud", account=account))


def locate(url: str) -> Result[Location, Refused]:
    """Take a URL apart, or say why it is not understood."""
    found = _URL.fullmatch(url)
    if found is None:
        return Failure(_why_not(url))
    scheme, written, digits, path = found.group(1).lower(), found.group(2).lower(), found.group(3), found.group(4) or ""
    port = _DEFAULT_PORTS[scheme] if digits is None else int(digits)
    if not 0 < port < 65_536:
        return Failure(Refused(problem="the port is not between 1 and 65535"))
    if any(segment in (".", "..") for segment in path.split("/")):
        return Failure(Refused(problem="the path holds . or .. segments"))
    host = sealed(_host(written))
    if isinstance(host, Failure):
        return host
    address = host.unwrap()
    name = written if address is None else str(address)
    return Success(Location(scheme=scheme, host=name, port=port, path=path, address=address))


def is_local(place: Location, local_hosts: Collection[str] = ()) -> bool:
    """Say whether a host is this machine, has a single-label name, or is listed by name, address or network."""
    if place.address is None:
        return "." not in place.host or place.host in {listed.strip().lower() for listed in local_hosts}
    return place.address.is_loopback or any(_holds(listed, place.address) for listed in local_hosts)


def is_elsewhere(url: str, local_hosts: Collection[str] = ()) -> bool:
    """Say whether who fetches a URL leaves the local hosts; one that is not understood does, one that holds its data does not.

    >>> is_elsewhere("https://example.org/cat.png?size=9"), is_elsewhere("http://localhost:8000/cat.png?size=9")
    (True, False)
    """
    if url[:5].lower() == "data:":
        return False
    authority = _AUTHORITY.match(url)
    located = None if authority is None else sealed(locate(authority[0]))
    return not (isinstance(located, Success) and is_local(located.unwrap(), local_hosts))


def _holds(listed: str, address: _Address) -> bool:
    try:
        return address in ip_network(listed.strip().strip("[]"), strict=False)
    except ValueError:
        return False


def _host(written: str) -> Settled[_Address | None, Refused]:
    """Read a host: an address, None for a name, or why it is neither."""
    if not written.startswith("[") and not _NUMBER.fullmatch(written):
        if _NAME.fullmatch(written):
            return Success(None)
        return Failure(Refused(problem="the host is not a name", fix="write names outside ASCII in their xn-- form"))
    try:
        address = IPv6Address(written[1:-1]) if written.startswith("[") else IPv4Address(written)
    except ValueError:
        return Failure(Refused(problem="the host looks like an address and is none", fix="write four decimal numbers, or IPv6 in brackets"))
    return _judged(address)


def _judged(address: _Address) -> Settled[_Address | None, Refused]:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address.scope_id is not None):
        return Failure(Refused(problem="the host is an IPv4 address in IPv6 clothes, or has a zone", fix="write it plainly"))
    if address.is_loopback:
        return Success(address)
    if address.is_link_local:
        return Failure(Refused(problem="the host is a link-local address"))
    if address.is_unspecified or address.is_multicast or address.is_reserved or address in ip_network("0.0.0.0/8"):
        return Failure(Refused(problem="the host is an address that no server has", fix="write 127.0.0.1 for this machine"))
    return Success(address)


def _why_not(url: str) -> Refused:
    """Name the first thing in a URL that is not understood."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return Refused(problem="it holds spaces, control characters or characters outside ASCII")
    if "\\" in url:
        return Refused(problem="it holds a backslash")
    scheme, separator, after = url.partition("://")
    if not separator or scheme.lower() not in _DEFAULT_PORTS:
        return Refused(problem="it does not begin with https:// or http://", fix="write the scheme, as in https://host/v1")
    if "@" in re.split(r"[/?#]", after)[0]:
        return Refused(problem="it holds a user name or a password", fix="give the key as api_key")
    if "?" in url or "#" in url:
        return Refused(problem="it holds a query or a fragment", fix="end it at the path, as in https://host/v1")
    return Refused(problem="it is not a URL of the form https://host:port/path")


def _misconfigured(provider: str, refused: Refused) -> Result[Endpoint, LLMError]:
    fault = Fault(source=provider, key="base_url", problem=refused.problem, fix=refused.fix)
    return Failure(ConfigurationError(message=f"the base URL of {provider} cannot be used: {refused.problem}", faults=(fault,)))
