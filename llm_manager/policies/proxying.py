"""Judging proxies: what address one has, and which hosts are reached without it."""

from collections.abc import Collection
from ipaddress import ip_address, ip_network
from urllib.parse import unquote

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, Fault, LLMError
from llm_manager.domain.secrets import Secret
from llm_manager.outcomes import sealed
from llm_manager.policies.addresses import Location, locate


@frozen(kw_only=True)
class Proxy:
    """Where a proxy is, and how it knows us."""

    location: Location
    user: str | None = None
    password: Secret | None = None


def parse_proxy(url: str) -> Result[Proxy, LLMError]:
    """Read a proxy's URL, with or without ``user:password@``; the URL is never repeated."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator:
        scheme, rest = "http", url.strip()
    credentials, at, place = rest.rpartition("@")
    located = sealed(locate(f"{scheme}://{place}"))
    if isinstance(located, Failure):
        fault = Fault(source="network", key="proxy", problem=located.failure().problem, fix="write http://host:port")
        return Failure(ConfigurationError(message="the proxy's address cannot be used", faults=(fault,)))
    proxy = Proxy(location=located.unwrap())
    if not at:
        return Success(proxy)
    user, _, password = credentials.partition(":")
    return Success(evolve(proxy, user=unquote(user), password=Secret(unquote(password))))


def is_exempt(host: str, no_proxy: Collection[str]) -> bool:
    """Say whether ``no_proxy`` names a host: ``*``, the name or a domain above it, an address, or a network."""
    return any(_covers(entry.strip().lower().lstrip("."), host) for entry in no_proxy)


def _covers(entry: str, host: str) -> bool:
    if entry in ("*", host) or (entry and host.endswith("." + entry)):
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False
