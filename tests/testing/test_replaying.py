"""A recording plays what it recorded, without a network."""

import json
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.domain.attempts import Limits
from llm_manager.domain.errors import LLMError, NetworkError
from llm_manager.outcomes import Settled
from llm_manager.services.transport import Envelope, Transport
from llm_manager.testing import replayed, run_virtual


def envelope(path: str = "/v1/chat", method: str = "POST") -> Envelope:
    """Something to send."""
    return Envelope(
        method=method,
        url=f"https://api.example.com{path}?x=1",
        headers=(),
        body=b"{}",
        limits=Limits(),
        local=False,
        provider="p",
        model="m",
    )


def recording(**exchange: Any) -> dict[str, Any]:
    """One exchange."""
    return {"exchanges": [{"path": "/v1/chat", **exchange}]}


async def heard(transport: Transport) -> list[Settled[bytes, LLMError]]:
    """What a stream brings."""
    opened = await transport.open(envelope())
    return [chunk async for chunk in opened.unwrap().chunks]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"json": {"a": 1}}, b'{"a": 1}'),
        ({"text": "ü"}, "ü".encode()),
        ({"base64": "/w=="}, b"\xff"),
        ({"chunks": ["data: 1\n\n", "data: 2\n\n"]}, b"data: 1\n\ndata: 2\n\n"),
    ],
    ids=["json", "text", "base64", "chunks"],
)
def test_bodies_are_played_whole_and_in_chunks(body: dict[str, Any], expected: bytes) -> None:
    """Every form of body, sent and opened; header names are lower case."""
    played = replayed(recording(status=201, headers={"X-Id": "7"}, **body))

    async def law() -> None:
        reply = (await played.transport.send(envelope())).unwrap()
        assert (reply.status, reply.header("x-id"), reply.body) == (201, "7", expected)
        opened = (await played.transport.open(envelope())).unwrap()
        assert (opened.status, opened.headers) == (201, (("x-id", "7"),))
        chunks = await heard(played.transport)
        assert b"".join(chunk.unwrap() for chunk in chunks) == expected
        await played.transport.close()

    run_virtual(law())
    assert [one.url for one in played.sent] == [envelope().url] * 3


def test_exchanges_are_played_in_turn() -> None:
    """Of one way, one after the other, and the last again; another way has its own."""
    plain = {
        "exchanges": [
            {"path": "/v1/chat", "status": 429, "json": {}},
            {"path": "/v1/models", "method": "GET", "json": {"data": []}},
            {"path": "/v1/chat", "json": {}},
        ]
    }
    transport = replayed(plain).transport

    async def law() -> None:
        assert [(await transport.send(envelope())).unwrap().status for _ in range(3)] == [429, 200, 200]
        assert (await transport.send(envelope("/v1/models", "GET"))).unwrap().body == b'{"data": []}'

    run_virtual(law())


def test_what_was_not_recorded_fails() -> None:
    """As a value that says what was asked for."""
    transport = replayed(recording(text="")).transport

    async def law() -> None:
        for outcome in (await transport.send(envelope("/v2")), await transport.open(envelope("/v2"))):
            assert isinstance(outcome, Failure)
            assert isinstance(error := outcome.failure(), NetworkError)
            assert error.message == "nothing is recorded for POST /v2"
            assert not error.sent

    run_virtual(law())


def test_a_cut_recording_breaks_at_its_end() -> None:
    """After its chunks, or in place of the whole."""
    transport = replayed(recording(chunks=["a", "b"], cut=True)).transport

    async def law() -> None:
        assert isinstance(await transport.send(envelope()), Failure)
        *chunks, last = await heard(transport)
        assert chunks == [Success(b"a"), Success(b"b")]
        assert isinstance(last, Failure)
        assert isinstance(error := last.failure(), NetworkError)
        assert error.sent

    run_virtual(law())


def test_a_recording_is_a_file(tmp_path: Path) -> None:
    """By path or by name."""
    file = tmp_path / "recording.json"
    file.write_text(json.dumps(recording(text="x")), encoding="utf-8")
    for named in (file, str(file)):
        assert run_virtual(replayed(named).transport.send(envelope())).unwrap().body == b"x"


@pytest.mark.parametrize("broken", [{}, recording(), {"exchanges": [{"text": "x"}]}], ids=["nothing", "no body", "no path"])
def test_a_broken_recording_is_the_tests_own_bug(broken: dict[str, Any]) -> None:
    """Told at once, with what is missing."""
    with pytest.raises(ValueError, match="lacks"):
        replayed(broken)
