"""Framing is the same however a body is cut, and agrees with the HTTP library's own reader."""

from collections.abc import Callable

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.clients.frames import (
    LARGEST_EVENT_BYTES,
    START,
    Framing,
    ServerSentEvent,
    end_lines,
    end_sse,
    feed_lines,
    feed_sse,
)

ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
texts = st.text(st.characters(exclude_characters="\r\n\x00", codec="utf-8"), max_size=12).map(str.encode)
lines = st.one_of(
    texts.map(lambda text: b"data: " + text),
    texts.map(lambda text: b"data:" + text),
    texts.map(lambda text: b"event: " + text),
    texts.map(lambda text: b": " + text),
    st.sampled_from([b": OPENROUTER PROCESSING", b"data", b"retry: 3000", b"unknown: field", b"data: [DONE]"]),
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Blocks of lines with every kind of line end, mixed, all ended by a blank line."""
    body = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    for block in draw(st.lists(st.lists(lines, max_size=4), max_size=5)):
        for line in [*block, b""]:
            body += line + draw(ends)
    return body


@st.composite
def cuts(draw: st.DrawFn, body: bytes) -> list[bytes]:
    places = sorted(draw(st.sets(st.integers(0, len(body)), max_size=12)))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def events_of(chunks: list[bytes]) -> list[ServerSentEvent]:
    framing, events = START, list[ServerSentEvent]()
    for chunk in chunks:
        framing, more = feed_sse(framing, chunk)
        events += more
    return events + end_sse(framing)


def lines_of(chunks: list[bytes]) -> list[bytes]:
    framing, found = START, list[bytes]()
    for chunk in chunks:
        framing, more = feed_lines(framing, chunk)
        found += more
    return found + end_lines(framing)


def reference(body: bytes) -> list[tuple[bytes, bytes]]:
    """What the HTTP library reads; it does not know byte order marks."""
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    source = httpx2.EventSource(
        httpx2.Response(200, headers=headers, content=body.removeprefix(b"\xef\xbb\xbf"), request=httpx2.Request("GET", "http://localhost"))
    )
    return [(event.data.encode(), event.event.encode()) for event in source if event.data]


@settings(max_examples=150)
@given(st.data(), bodies())
def test_the_same_events_however_the_body_is_cut(data: st.DataObject, body: bytes) -> None:
    assert events_of(data.draw(cuts(body))) == events_of([body])


@settings(max_examples=100)
@given(bodies())
def test_the_same_events_byte_by_byte(body: bytes) -> None:
    assert events_of([body[place : place + 1] for place in range(len(body))]) == events_of([body])


@settings(max_examples=150)
@given(bodies())
def test_events_agree_with_the_reference(body: bytes) -> None:
    ours = [(event.data, event.name or b"message") for event in events_of([body + b"\n\n"]) if event.data]
    assert ours == reference(body + b"\n\n")


@given(st.data(), st.binary(max_size=200))
def test_any_bytes_give_the_same_events_however_they_are_cut(data: st.DataObject, body: bytes) -> None:
    chunks = data.draw(cuts(body))
    assert events_of(chunks) == events_of([body])
    assert lines_of(chunks) == lines_of([body])


def test_comments_between_events_are_skipped() -> None:
    body = b": OPENROUTER PROCESSING\n\ndata: 1\n\n: OPENROUTER PROCESSING\n\ndata: 2\n\n"
    assert [event.data for event in events_of([body])] == [b"1", b"2"]


def test_one_event_a_chunk_is_the_common_case() -> None:
    chunks = [b'data: {"a":1}\n\n', b'data: {"a":2}\n\ndata: {"a":3}\n\n', b"\n\n", b"data: [DONE]\n\n"]
    assert [event.data for event in events_of(chunks)] == [b'{"a":1}', b'{"a":2}', b'{"a":3}', b"[DONE]"]


def test_an_event_keeps_its_name_and_joins_its_lines() -> None:
    assert events_of([b"event: error\ndata: {\ndata: }\n\n"]) == [ServerSentEvent(b"{\n}", b"error")]


def test_a_last_event_without_its_blank_line_counts_when_its_line_is_whole() -> None:
    assert [event.data for event in events_of([b"data: 1\n\ndata: [DONE]\n"])] == [b"1", b"[DONE]"]
    assert [event.data for event in events_of([b"data: 1\n\ndata: {'cut"])] == [b"1"]


def test_a_stream_ended_by_carriage_returns_alone_gives_its_last_event() -> None:
    assert [event.data for event in events_of([b"data: 1\r\r"])] == [b"1"]


def test_an_event_may_be_as_large_as_the_cap() -> None:
    body = b"data: " + b"x" * (LARGEST_EVENT_BYTES - 10) + b"\n\n"
    assert len(events_of([body[place : place + 65_536] for place in range(0, len(body), 65_536)])) == 1


def refused(feed: Callable[[Framing, bytes], tuple[Framing, list[bytes] | list[ServerSentEvent]]], chunks: list[bytes]) -> tuple[bool, int]:
    framing, count = START, 0
    for chunk in chunks:
        framing, found = feed(framing, chunk)
        count += len(found)
    return framing.refusal == "too_large", count


def test_an_event_above_the_cap_is_refused_and_nothing_follows() -> None:
    large = b"data: " + b"x" * LARGEST_EVENT_BYTES + b"\n\n"
    body = b"data: 1\n\n" + large + b"data: 2\n\n"
    pieces = [body[place : place + 4_096] for place in range(0, len(body), 4_096)]
    assert refused(feed_sse, [body]) == refused(feed_sse, pieces) == (True, 1)
    assert refused(feed_sse, [b": x\n\n", body]) == (True, 1)


def test_several_events_longer_than_the_cap_together_are_all_given() -> None:
    body = (b"data: " + b"x" * 600_000 + b"\n\n") * 3
    assert refused(feed_sse, [body]) == (False, 3)


def test_a_line_that_never_ends_is_refused_in_linear_time() -> None:
    assert refused(feed_sse, [b"data: "] + [b"x" * 5] * (LARGEST_EVENT_BYTES // 5)) == (True, 0)


def test_json_lines_skip_blank_ones_and_give_the_last_without_its_end() -> None:
    assert lines_of([b'\xef\xbb\xbf{"a":1}\r\n\r\n{"b":', b'2}\n\n{"done":true}']) == [b'{"a":1}', b'{"b":2}', b'{"done":true}']


def test_a_json_line_above_the_cap_is_refused() -> None:
    large = b"x" * (LARGEST_EVENT_BYTES + 1)
    assert refused(feed_lines, [b"1\n" + large + b"\n2\n"]) == (True, 1)
    assert refused(feed_lines, [b"1\n", large, b"\n2\n"]) == (True, 1)
