"""What every test gets: no network but loopback, and the servers of `tests.loopback`."""

import ipaddress
import socket
import sys
from collections.abc import Iterator

import pytest

_GUARDED = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
_guarding = False


def _refuse_the_network(event: str, args: tuple[object, ...]) -> None:
    if not _guarding or event not in _GUARDED:
        return
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        asked, address = args[0], args[1]
        if isinstance(asked, socket.socket) and asked.family == getattr(socket, "AF_UNIX", None):
            return
        if address is None:
            return
        host = address[0] if isinstance(address, tuple) else address
    if not _is_loopback(host):
        raise RuntimeError(f"a test reached for the network: {event} {host!r}")


def _is_loopback(host: object) -> bool:
    if host is None:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    if text in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse_the_network)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only a test marked ``live`` reaches further than loopback."""
    global _guarding
    _guarding = request.node.get_closest_marker("live") is None
    yield
    _guarding = False
