"""Reading the address that Ollama listens on, which is written more freely than a URL."""

import re

from returns.result import Failure, Result, Success

from llm_manager.settings.kinds import Kind, Problem

_ADDRESS = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::(?P<port>\d{1,5}))?(?P<path>/[\x21-\x7e]*)?"
)
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what a server listens on, not a client


def _listen_address(value: object) -> Result[str, Problem]:
    """Make a URL of what a server was told to listen on: all interfaces means this machine, and 11434 is the usual port."""
    match = _ADDRESS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return Failure(Problem(problem="a host, host:port or address is expected", fix="write it as 127.0.0.1:11434"))
    scheme, host, port, path = match["scheme"], match["host"], match["port"], match["path"]
    number = f":{port}" if port else ":11434" if scheme is None else ""
    return Success(f"{scheme or 'http'}://{_EVERYWHERE.get(host, host)}{number}{(path or '').rstrip('/')}")


LISTEN_ADDRESS = Kind(read=_listen_address, read_text=_listen_address)
