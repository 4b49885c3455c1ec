"""One line of a run log: a JSON object that carries a digest of itself, so that a torn or garbled line is seen."""

from hashlib import blake2b
from typing import Final

import msgspec

from llm_manager.services.run_log import RunRow


class _Record(msgspec.Struct, frozen=True):
    key: str
    output: dict[str, object]
    failed: bool


_RECORD: Final = msgspec.json.Decoder(_Record)


def written(row: RunRow) -> bytes:
    """A row as a line."""
    body = msgspec.json.encode({"key": row.key, "failed": row.failed, "output": row.output})[1:]
    return b'{"sum":"%s",' % checksum(body) + body + b"\n"


def read(line: bytes) -> RunRow | None:
    """The row of a line, or None for one that is not as it was written."""
    if not line.startswith(b'{"sum":"') or not line.endswith(b"}\n") or line[8:24] != checksum(line[26:-1]):
        return None
    try:
        record = _RECORD.decode(line)
    except ValueError:
        return None
    return RunRow(key=record.key, output=record.output, failed=record.failed)


def checksum(body: bytes) -> bytes:
    """The digest of all that follows it in the line."""
    return blake2b(body, digest_size=8).hexdigest().encode()
