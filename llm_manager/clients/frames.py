"""Cutting a body into events: server-sent events and JSON lines. Bytes in, events out, no I/O.

    framing, events = feed_sse(framing, chunk)        begin with START; likewise feed_lines
    events = end_sse(framing)                         when the body has ended; likewise end_lines

However the bytes are cut into chunks, the events are the same. After a refusal nothing more comes out.
"""

from typing import Literal, NamedTuple, TypeAlias, final

from attrs import field, frozen

LARGEST_EVENT_BYTES = 1_000_000
"""An event, or a line of JSON, above this is refused."""

Refusal: TypeAlias = Literal["too_large"]
_Chain: TypeAlias = "tuple[_Chain, bytes] | None"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event: its data, lines joined by a line feed, and its name (empty when the server gave none)."""

    data: bytes
    name: bytes = b""


@final
@frozen(kw_only=True)
class Framing:
    """What is left of the chunks fed so far; ``refusal`` says why no more events come, when that is so.

    ``pending`` holds the chunks of the event under way, the newest outermost, so that adding one costs the same however
    many wait; ``edge`` is their last two bytes.
    """

    refusal: Refusal | None = None
    begun: bool = True
    pending: _Chain = field(default=None, repr=False)
    size: int = 0
    edge: bytes = field(default=b"", repr=False)


START = Framing(begun=False)
"""How every body begins: a byte order mark may come first."""

_BETWEEN = Framing()
_REFUSED = Framing(refusal="too_large")


def feed_sse(framing: Framing, chunk: bytes) -> tuple[Framing, list[ServerSentEvent]]:
    """Take a chunk of a stream of server-sent events, and give the events it completes."""
    if framing is _BETWEEN and chunk[-2:] == b"\n\n" and b"\r" not in chunk and len(chunk) <= LARGEST_EVENT_BYTES:
        return framing, _events(chunk)
    if framing.refusal or not chunk:
        return framing, []
    if not _may_end_an_event(framing.edge + chunk):
        return _waiting(framing, chunk), []
    text = _joined(framing, chunk)
    held = text.endswith(b"\r")
    whole, boundary, rest = _with_line_feeds(text[:-1] if held else text).rpartition(b"\n\n")
    if held:
        rest += b"\r"
    if not boundary:
        return _waiting(_BETWEEN, rest), []
    if len(whole) <= LARGEST_EVENT_BYTES:
        return _waiting(_BETWEEN, rest), _events(whole)
    blocks = whole.split(b"\n\n")
    for position, block in enumerate(blocks):
        if len(block) > LARGEST_EVENT_BYTES:
            return _REFUSED, _events(b"\n\n".join(blocks[:position]))
    return _waiting(_BETWEEN, rest), _events(whole)


def end_sse(framing: Framing) -> list[ServerSentEvent]:
    """Give the last event of an ended stream when all of its lines are whole, though no blank line came after it."""
    text = _with_line_feeds(_joined(framing))
    return _events(text) if text.endswith(b"\n") else []


def feed_lines(framing: Framing, chunk: bytes) -> tuple[Framing, list[bytes]]:
    """Take a chunk of JSON lines, and give the lines it completes, without blank ones."""
    if framing.refusal or not chunk:
        return framing, []
    if b"\n" not in chunk:
        return _waiting(framing, chunk), []
    whole, _, rest = _joined(framing, chunk).rpartition(b"\n")
    lines: list[bytes] = []
    for line in whole.split(b"\n"):
        if len(line) > LARGEST_EVENT_BYTES:
            return _REFUSED, lines
        if text := line.strip():
            lines.append(text)
    return _waiting(_BETWEEN, rest), lines


def end_lines(framing: Framing) -> list[bytes]:
    """Give the last line of an ended body, when it is not blank; whether it was cut is for its reader to see."""
    text = _joined(framing).strip()
    return [text] if text else []


def _events(text: bytes) -> list[ServerSentEvent]:
    """Read whole blocks; the common body, where every block is one line, is cut once and not searched again."""
    lines = text.split(b"\n")
    single = not any(lines[1::2])
    events: list[ServerSentEvent] = []
    for block in lines[::2] if single else text.split(b"\n\n"):
        if single and block[:6] == b"data: ":
            events.append(ServerSentEvent(block[6:]))
        elif block and (event := _event(block)) is not None:
            events.append(event)
    return events


def _event(block: bytes) -> ServerSentEvent | None:
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        key, _, value = line.partition(b":")
        if key == b"data":
            data.append(value.removeprefix(b" "))
        elif key == b"event":
            name = value.removeprefix(b" ")
    return ServerSentEvent(b"\n".join(data), name) if data else None


def _may_end_an_event(text: bytes) -> bool:
    return b"\n\n" in text or b"\n\r" in text or b"\r\r" in text


def _with_line_feeds(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _waiting(framing: Framing, chunk: bytes) -> Framing:
    if not chunk:
        return _BETWEEN
    size = framing.size + len(chunk)
    if size > LARGEST_EVENT_BYTES:
        return _REFUSED
    edge = chunk[-2:] if len(chunk) > 1 else framing.edge[-1:] + chunk
    return Framing(begun=framing.begun, pending=(framing.pending, chunk), size=size, edge=edge)


def _joined(framing: Framing, chunk: bytes = b"") -> bytes:
    parts = [chunk]
    pending = framing.pending
    while pending is not None:
        pending, part = pending
        parts.append(part)
    text = b"".join(reversed(parts))
    return text if framing.begun else text.removeprefix(_BYTE_ORDER_MARK)
