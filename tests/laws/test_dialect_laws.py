"""Every dialect keeps the same laws, whoever speaks it: what a server says is what is told, whole or streamed, however it is cut."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError, StreamInterrupted
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import attempt_for, fake_world, replayed, run_virtual
from llm_manager.testing.laws import streams_lawfully
from tests.laws.dialects import SERVERS, Called, Saying, Server

EACH = pytest.mark.parametrize("server", SERVERS.values(), ids=list(SERVERS))
REQUEST = LLMRequest("hello", tools=(ToolSpec(name="look"), ToolSpec(name="find")))

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
counts = st.integers(0, 5000)
arguments = st.dictionaries(st.sampled_from(["q", "n", "Straße"]), texts | st.integers(-9, 9) | st.booleans() | st.none(), max_size=3)


@st.composite
def sayings(draw: st.DrawFn) -> Saying:
    """Text, thinking, tool calls and counts; only text may be cut by length."""
    names = draw(st.lists(st.sampled_from(["look", "find"]), max_size=3))
    calls = tuple(Called(name=name, arguments=draw(arguments), id=f"call_{number}x") for number, name in enumerate(names))
    read, written = draw(st.tuples(counts, counts, counts)), draw(st.tuples(counts, counts))
    usage = Usage(
        input_tokens=1 + read[0],
        cache_read_tokens=read[1],
        cache_write_tokens=read[2],
        output_tokens=1 + written[0],
        reasoning_tokens=written[1],
    )
    text = draw(texts if calls else texts.filter(len))
    return Saying(text=text, thinking=draw(texts), calls=calls, usage=usage, cut_by_length=not calls and draw(st.booleans()))


@st.composite
def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    """The text cut into pieces, none of them empty."""
    places = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=4))})
    return [text[start:end] for start, end in pairwise(places)]


def client(server: Server, **exchange: Any) -> ModelClient:
    """The client of the dialect's provider, whose server says what the exchange does."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: replayed({"exchanges": [{"path": "*", **exchange}]}).transport)
    return build_client(server.provider, ProviderSettings(api_key=Secret("sk-test"), default_model=server.model), parts).unwrap()


def attempt(asked: ModelClient, request: LLMRequest = REQUEST) -> Attempt:
    """One try of its default model, as its own codec writes it."""
    made = attempt_for(request, model=asked.profiles[0], endpoint=asked.endpoint, key=asked.key).unwrap()
    return replace(made, wire=asked.encode(request, asked.profiles[0]).unwrap())


def answered(server: Server, body: bytes) -> Settled[LLMResponse, LLMError]:
    """What is made of a whole body."""
    asked = client(server, headers={"content-type": "application/json"}, chunks=[body])
    return run_virtual(asked.answer(attempt(asked)))


def heard(server: Server, chunks: Sequence[bytes]) -> list[Settled[StreamEvent, LLMError]]:
    """What is made of a stream in chunks."""
    asked = client(server, headers={"content-type": server.content_type}, chunks=list(chunks))

    async def listen() -> list[Settled[StreamEvent, LLMError]]:
        opened = await asked.open(attempt(asked))
        if isinstance(opened, Failure):
            return [opened]
        async with aclosing(opened.unwrap().rest) as rest:
            return [Success(opened.unwrap().first), *[event async for event in rest]]

    return run_virtual(listen())


def ended(told: Sequence[Settled[StreamEvent, LLMError]]) -> LLMResponse:
    """The answer with which a stream ended."""
    streams_lawfully(told)
    last = told[-1].unwrap()
    assert isinstance(last, StreamFinished)
    return last.response


def called(answer: LLMResponse) -> list[tuple[str, Any]]:
    """The tool calls by name and meaning."""
    return [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]


@EACH
def test_what_a_server_says_is_what_is_told(server: Server) -> None:
    """Text, thinking, tool calls with their arguments, how it ended; buckets that sum to the provider's total."""

    @settings(max_examples=40, deadline=None)
    @given(sayings())
    def check(saying: Saying) -> None:
        meant = server.able(saying)
        answer = answered(server, server.body(meant)).unwrap()
        assert answer.content == meant.text
        assert answer.reasoning == meant.thinking
        assert called(answer) == [(call.name, dict(call.arguments)) for call in meant.calls]
        assert len({call.id for call in answer.tool_calls}) == len(meant.calls)
        if server.own_ids:
            assert [call.id for call in answer.tool_calls] == [call.id for call in meant.calls]
        assert answer.finish == ("length" if meant.cut_by_length else "tool_calls" if meant.calls else "stop")
        assert answer.usage is not None
        assert answer.usage.total_tokens == meant.usage.total_tokens
        assert answer.usage == meant.usage

    check()


@EACH
def test_a_stream_collected_is_the_whole_answer(server: Server) -> None:
    """Whichever way it is asked for, nothing differs; pieces of calls tell the place of their call."""

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        meant = server.able(data.draw(sayings()))
        whole = answered(server, server.body(meant)).unwrap()
        events = heard(server, server.frames(meant, data.draw(pieces_of(meant.text))))
        assert ended(events) == whole
        deltas = [each for event in events if isinstance(each := event.unwrap(), ToolCallDelta)]
        told = ["".join(delta.arguments for delta in deltas if delta.index == place) for place in range(len(meant.calls))]
        assert [text or "{}" for text in told] == [call.arguments for call in whole.tool_calls]

    check()


@EACH
def test_chunks_and_line_ends_change_nothing(server: Server) -> None:
    """Cut at any byte, with LF or CRLF."""

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        meant = server.able(data.draw(sayings()))
        frames = server.frames(meant, data.draw(pieces_of(meant.text)))
        plain = heard(server, frames)
        body = b"".join(frames)
        if data.draw(st.booleans()):
            body = body.replace(b"\n", b"\r\n")
        places = sorted({0, len(body), *data.draw(st.lists(st.integers(0, len(body)), max_size=6))})
        assert heard(server, [body[start:end] for start, end in pairwise(places)]) == plain

    check()


@EACH
def test_a_stream_cut_before_its_end_is_interrupted_with_what_was_said(server: Server) -> None:
    """Anywhere before its last frame is whole."""

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        meant = server.able(data.draw(sayings()))
        frames = server.frames(meant, data.draw(pieces_of(meant.text)))
        body = b"".join(frames)
        whole = len(body.rstrip())
        told = heard(server, [body[: data.draw(st.integers(0, whole - 1))]])
        streams_lawfully(told)
        error = told[-1].failure()
        events = [event.unwrap() for event in told[:-1]]
        delivered = "".join(event.text for event in events if isinstance(event, TextDelta))
        assert isinstance(error, StreamInterrupted)
        assert error.partial == delivered
        assert meant.text.startswith(delivered)

    check()


DEEP = b'{"a":' * 100_000
EXTREMES = {
    "nothing": b"",
    "not a number": b'{"usage": {"prompt_tokens": NaN, "input_tokens": NaN}, "choices": [{"message": {"content": NaN}}]}',
    "without end": b'{"usage": {"prompt_tokens": 1e999, "input_tokens": Infinity}}',
    "huge number": b'{"usage": {"prompt_tokens": ' + b"9" * 5000 + b', "input_tokens": ' + b"9" * 5000 + b"}}",
    "lone surrogate": b'{"choices": [{"message": {"content": "\\ud800"}}], "content": [{"type": "text", "text": "\\udfff"}]}',
    "broken utf-8": b'{"content": "\xff\xfe", "choices": [{"message": {"content": "\xc3\x28"}}]}',
    "deep object": DEEP,
    "deep list": b"[" * 100_000,
    "deep and closed": DEEP + b"1" + b"}" * 100_000,
    "twice the same key": b'{"choices": [], "choices": 3, "content": 1, "content": []}',
    "a page": b"<!doctype html><html><body>502 Bad Gateway</body></html>",
    "null": b"null",
    "a list": b"[1, 2, 3]",
    "zeroes": b"\x00" * 1000,
}


@EACH
@pytest.mark.parametrize("body", EXTREMES.values(), ids=list(EXTREMES))
def test_what_nobody_should_send_is_an_error_or_an_answer(server: Server, body: bytes) -> None:
    """As a whole answer and as a piece of a stream; text that is told can be written again."""
    outcome = answered(server, body)
    if not isinstance(outcome, Failure):
        outcome.unwrap().content.encode()
    told = heard(server, [body + b"\n" if server.lines else b"data: " + body + b"\n\n"])
    streams_lawfully(told)
    assert isinstance(told[-1], Failure)


@EACH
def test_fifty_megabytes_are_read_or_refused(server: Server) -> None:
    """One answer of that size is an outcome, and no more than a few copies of it are held."""
    import tracemalloc

    size = 50_000_000
    body = server.body(Saying(text="", usage=Usage(input_tokens=1, output_tokens=1))) + b" " * size
    tracemalloc.start()
    try:
        outcome = answered(server, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Success | Failure)
    assert peak < 4 * size


ODD: list[Any] = [None, True, -1, 2.5, 10**30, "", "x", "429", [], {}, [[]], [{}], {"message": "x"}, {"code": 429}]


def places_in(told: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where anything stands in a decoded value."""
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    return [here, *(place for key, each in inner for place in places_in(each, (*here, key)))]


def with_odd(told: Any, place: tuple[Any, ...], odd: Any) -> Any:
    """The same with something else in one place."""
    if not place:
        return odd
    copy = dict(told) if isinstance(told, dict) else list(told)
    copy[place[0]] = with_odd(copy[place[0]], place[1:], odd)
    return copy


@EACH
def test_something_odd_in_any_place_is_an_error_or_an_answer(server: Server) -> None:
    """In the whole answer and in any event of a stream, whatever else was understood."""
    full = server.able(
        Saying(text="ab", thinking="hm", calls=(Called(name="look", arguments={"q": 1}, id="c1"),), usage=Usage(input_tokens=2))
    )
    whole, stream = server.whole(full), server.events(full, ["a", "b"])

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        odd = data.draw(st.sampled_from(ODD))
        body = with_odd(whole, data.draw(st.sampled_from(places_in(whole))), odd)
        assert isinstance(answered(server, json.dumps(body).encode()), Success | Failure)
        number = data.draw(st.integers(0, len(stream) - 1))
        name, told = stream[number]
        changed = told if isinstance(told, str) else with_odd(told, data.draw(st.sampled_from(places_in(told))), odd)
        streams_lawfully(heard(server, [server.frame(*event) for event in (*stream[:number], (name, changed), *stream[number + 1 :])]))

    check()


@EACH
def test_thousands_of_calls_are_read_in_proportion(server: Server) -> None:
    """Ten times as many take some ten times as long, not a hundred: the best of three, in this thread's own time."""
    from time import thread_time

    def seconds(count: int) -> float:
        body = server.body(Saying(text="", calls=tuple(Called(name="look", arguments={}, id=f"c{number}") for number in range(count))))
        best = float("inf")
        for _ in range(3):
            began = thread_time()
            assert len(answered(server, body).unwrap().tool_calls) == count
            best = min(best, thread_time() - began)
        return best

    assert seconds(6000) < 40 * seconds(600)


@EACH
def test_an_error_that_is_null_is_none(server: Server) -> None:
    """As servers write it that always name the field."""
    saying = server.able(Saying(text="ab", usage=Usage(input_tokens=2, output_tokens=1)))
    whole = answered(server, json.dumps({**server.whole(saying), "error": None}).encode()).unwrap()
    events = [(name, told if isinstance(told, str) else {**told, "error": None}) for name, told in server.events(saying, ["a", "b"])]
    assert ended(heard(server, [server.frame(*event) for event in events])).content == whole.content == "ab"


def matters() -> dict[str, LLMRequest]:
    """Requests that differ from a plain one in a single thing each, all of which matter to the answer."""
    from llm_manager.domain.messages import Message, UseTool
    from llm_manager.domain.requests import AnyJson, JsonSchema, Preferences

    plain = LLMRequest("hello")
    tools = (ToolSpec(name="look", description="a"),)
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    return {
        "plain": plain,
        "another prompt": LLMRequest("hello "),
        "system": evolve(plain, system="be brief"),
        "history": evolve(plain, messages=(Message(role="user", content="a"), Message(role="assistant", content="b"))),
        "other history": evolve(plain, messages=(Message(role="user", content="a"), Message(role="assistant", content="c"))),
        "limit": evolve(plain, preferences=Preferences(max_tokens=7)),
        "other limit": evolve(plain, preferences=Preferences(max_tokens=8)),
        "tools": evolve(plain, tools=tools),
        "other tools": evolve(plain, tools=(ToolSpec(name="look", description="b"),)),
        "required": evolve(plain, tools=tools, tool_choice="required"),
        "named": evolve(plain, tools=(*tools, ToolSpec(name="find")), tool_choice=UseTool(name="look")),
        "json": evolve(plain, output=AnyJson()),
        "schema": evolve(plain, output=JsonSchema(schema=schema)),
        "temperature": evolve(plain, preferences=Preferences(temperature=0.25)),
        "top_p": evolve(plain, preferences=Preferences(top_p=0.25)),
        "stop": evolve(plain, preferences=Preferences(stop=("x",))),
        "seed": evolve(plain, preferences=Preferences(seed=3)),
        "reasoning": evolve(plain, preferences=Preferences(reasoning="low")),
    }


@EACH
def test_requests_that_differ_are_written_differently(server: Server) -> None:
    """Unless what differs was left out, and then a notice says so."""
    asked = client(server, text="")
    written: dict[tuple[str, bytes, tuple[str, ...]], str] = {}
    for name, request in matters().items():
        outcome = asked.encode(request, asked.profiles[0])
        if isinstance(outcome, Failure):
            continue
        wire = outcome.unwrap()
        key = (wire.path, wire.body, wire.notices)
        assert key not in written, f"{name} is written as {written[key]}"
        written[key] = name
    assert len(written) >= 10
