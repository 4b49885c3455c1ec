"""Undoing a compression that was not asked for, a little at a time, so that a small body cannot become a huge one."""

import zlib
from collections.abc import Iterator

_AT_ONCE_BYTES = 65_536
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})


class CompressionError(Exception):
    """The body is not what its header says."""


class Inflating:
    """Turns compressed chunks into pieces of at most 64 KiB."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """Give what a chunk holds; the caller stops asking when it is too much."""
        while chunk:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                piece = self._inflater.decompress(chunk, _AT_ONCE_BYTES)
            except zlib.error as fault:
                raise CompressionError from fault
            if piece:
                yield piece
            chunk = self._inflater.unused_data or self._inflater.unconsumed_tail

    def end(self) -> None:
        """Make sure that the body was whole."""
        if not self._inflater.eof:
            raise CompressionError


def inflating_for(encoding: str | None) -> Inflating | None:
    """Say how a body is read: None is as it stands. A compression that is not known here is `CompressionError`."""
    if encoding is None or encoding.strip().lower() in ("", "identity"):
        return None
    if encoding.strip().lower() in _KNOWN:
        return Inflating()
    raise CompressionError
