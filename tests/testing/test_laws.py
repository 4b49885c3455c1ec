"""The laws catch those who break them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.caching import Forgetting, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.conversations import Conversation, ConversationDescription
from llm_manager.domain.errors import NetworkError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.effects import settle
from llm_manager.services.cache import Cache
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.steps import OpenStream
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.stores.memory.conversations import memory_conversations
from llm_manager.testing import attempt_for
from llm_manager.testing.laws import (
    ANSWER_LAYER_LAWS,
    CACHE_LAWS,
    STORAGE_LAWS,
    STREAM_LAYER_LAWS,
    decodes,
    encodes,
    reads_any_cut,
    streams_lawfully,
)

ANSWER = LLMResponse(content="ab", model="m", provider="p")
ENDING = Success(StreamFinished(response=ANSWER))
BROKEN = Failure(NetworkError(model="m", message="x"))


def attempt(number: int) -> Attempt:
    """The n-th attempt."""
    return attempt_for(LLMRequest(f"question {number}")).unwrap()


def changing(step: Any) -> Any:
    """Breaks a law: answers with something else."""

    async def changed(asked: Any) -> Any:
        outcome = await step(asked)
        return outcome.map(lambda answer: evolve(answer, content="!"))

    return changed


def trying_again(step: Any) -> Any:
    """Breaks a law: asks twice."""

    async def again(asked: Any) -> Any:
        outcome = await step(asked)
        return await step(asked) if isinstance(outcome, Failure) else outcome

    return again


def shielding(step: Any) -> Any:
    """Breaks a law: leaves the step running."""

    async def shielded(asked: Any) -> Any:
        return await asyncio.shield(asyncio.ensure_future(step(asked)))

    return shielded


def swallowing(step: Any) -> Any:
    """Breaks two laws: bugs and cancellation become values."""

    async def swallowed(asked: Any) -> Any:
        try:
            return await step(asked)
        except BaseException:  # noqa: BLE001 - this is the offence
            return BROKEN

    return swallowed


def confusing(step: Any) -> Any:
    """Breaks a law: all questions share the first answer."""
    first: list[Any] = []

    async def confused(asked: Any) -> Any:
        if not first:
            first.append(asyncio.ensure_future(step(asked)))
        return await asyncio.shield(first[0])

    return confused


ANSWER_OFFENDERS: list[tuple[str, Callable[[Any], Any]]] = [
    ("answers pass", changing),
    ("failures pass", trying_again),
    ("cancellation passes", shielding),
    ("cancellation passes", swallowing),
    ("bugs crash", swallowing),
    ("questions stay apart", confusing),
]


@pytest.mark.parametrize(("law", "offender"), ANSWER_OFFENDERS, ids=[f"{law}: {who.__name__}" for law, who in ANSWER_OFFENDERS])
def test_offending_layers_of_answers_are_caught(law: str, offender: Callable[[Any], Any]) -> None:
    """Each law has someone who breaks it."""
    with pytest.raises(AssertionError):
        ANSWER_LAYER_LAWS[law](lambda: offender, attempt)


def _around_rest(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def wrap(step: Any) -> Any:
        async def opened(asked: Any) -> Any:
            outcome = await step(asked)
            if isinstance(outcome, Failure):
                return outcome
            reply = outcome.unwrap()
            return Success(OpenStream(first=reply.first, rest=change(reply.rest)))

        return opened

    return wrap


async def _unclosing(events: Any) -> Any:
    async for event in events:
        yield event


async def _doubling(events: Any) -> Any:
    async for event in events:
        yield event
        yield event


async def _ending_early(events: Any) -> Any:
    await events.aclose()
    yield ENDING


async def _hiding(events: Any) -> Any:
    try:
        async for event in events:
            if not isinstance(event, Failure):
                yield event
    except BaseException:  # noqa: BLE001 - this is the offence
        yield BROKEN


STREAM_OFFENDERS: list[tuple[str, Callable[[Any], Any]]] = [
    ("events pass", _doubling),
    ("events pass", _ending_early),
    ("leaving closes", _unclosing),
    ("late failures pass", _hiding),
    ("bugs crash", _hiding),
    ("cancellation passes", _hiding),
]


@pytest.mark.parametrize(("law", "offender"), STREAM_OFFENDERS, ids=[f"{law}: {who.__name__}" for law, who in STREAM_OFFENDERS])
def test_offending_layers_of_streams_are_caught(law: str, offender: Callable[[Any], Any]) -> None:
    """Each law has someone who breaks it."""
    with pytest.raises(AssertionError):
        STREAM_LAYER_LAWS[law](lambda: _around_rest(offender), attempt)


def test_a_layer_that_reopens_is_caught() -> None:
    """A stream that did not open is not asked for again."""
    with pytest.raises(AssertionError):
        STREAM_LAYER_LAWS["opening failures pass"](lambda: trying_again, attempt)


def _immortal(settings: CacheSettings, _: Callable[[], float]) -> Cache[LLMResponse]:
    return memory_cache(evolve(settings, max_size=max(1, settings.max_size)), lambda: 0.0)


def _boundless(_: CacheSettings, now: Callable[[], float]) -> Cache[LLMResponse]:
    return memory_cache(CacheSettings(max_size=1000), now)


def _deaf(settings: CacheSettings, now: Callable[[], float]) -> Cache[LLMResponse]:
    kept: Cache[LLMResponse] = memory_cache(settings, now)

    async def forget(_: Forgetting) -> Success[int]:
        return Success(0)

    return evolve(kept, forget=forget)


def _rejuvenating(settings: CacheSettings, now: Callable[[], float]) -> Cache[LLMResponse]:
    kept: Cache[LLMResponse] = memory_cache(settings, now)
    return evolve(kept, put=lambda key, it: kept.put(key, Remembered(value=it.value, provenance=it.provenance)))


def _curious(settings: CacheSettings, now: Callable[[], float]) -> Cache[LLMResponse]:
    kept: Cache[LLMResponse] = memory_cache(settings, now)

    async def holds(key: str) -> Success[bool]:
        return Success((await kept.get(key)).unwrap() is not None)

    return evolve(kept, holds=holds)


def _first_in_first_out(settings: CacheSettings, now: Callable[[], float]) -> Cache[LLMResponse]:
    kept: Cache[LLMResponse] = memory_cache(CacheSettings(max_size=1000), now)
    order: list[str] = []

    async def put(key: str, it: Remembered[LLMResponse]) -> Any:
        order.append(key)
        put_there = await kept.put(key, it)
        if len(order) > settings.max_size:
            gone = order.pop(0)
            await kept.put(gone, Remembered(value=it.value, age_seconds=1e9))
        return put_there

    return evolve(kept, put=put)


def _folding(settings: CacheSettings, now: Callable[[], float]) -> Cache[LLMResponse]:
    kept: Cache[LLMResponse] = memory_cache(settings, now)
    return evolve(kept, get=lambda key: kept.get(key.lower()), put=lambda key, answer: kept.put(key.lower(), answer))


@pytest.mark.parametrize(
    ("law", "offender"),
    [
        ("it forgets in time", _immortal),
        ("it forgets in time", _rejuvenating),
        ("it is bounded", _boundless),
        ("it is bounded in bytes", _boundless),
        ("what is used is kept", _first_in_first_out),
        ("it forgets what it is told", _deaf),
        ("it counts", _curious),
        ("what is put is got", _folding),
    ],
)
def test_offending_caches_are_caught(law: str, offender: Callable[..., Cache[LLMResponse]]) -> None:
    """Each law has someone who breaks it."""
    with pytest.raises(AssertionError):
        CACHE_LAWS[law](offender)


def _careless() -> ConversationStorage:
    kept = memory_conversations()

    def append(name: str, turn: Any, _: int) -> Any:
        return kept.load(name).bind(lambda found: kept.append(name, turn, found.version))

    return evolve(kept, append=append)


def _keeping() -> ConversationStorage:
    kept = memory_conversations()
    return evolve(kept, delete=lambda _: kept.forget(-1.0).map(lambda _: True))


def _shared() -> ConversationStorage:
    kept = memory_conversations()

    def append(_: str, turn: Any, version: int) -> Any:
        return kept.append("one", turn, version)

    return evolve(kept, append=append)


def _nameless() -> ConversationStorage:
    kept = memory_conversations()
    return evolve(kept, load=lambda name: kept.load(name).map(lambda found: evolve(found, id="")))


def _crossing() -> ConversationStorage:
    kept = memory_conversations()
    return evolve(kept, of_tenant=lambda _: kept)


def _editing() -> ConversationStorage:
    kept = memory_conversations()
    return evolve(kept, put=lambda conversation: kept.delete(conversation.id).bind(lambda _: kept.put(conversation)))


def _rootless() -> ConversationStorage:
    kept = memory_conversations()

    def branch(name: str, _: int, new_id: str) -> Any:
        return kept.load(name).bind(lambda found: kept.put(evolve(found, id=new_id)).map(lambda _: found))

    return evolve(kept, branch=branch)


def _mute() -> ConversationStorage:
    kept = memory_conversations()
    return evolve(
        kept,
        describe=lambda name, _: kept.describe(name, ConversationDescription()),
        find=lambda query: kept.find(evolve(query, after=None)),
        search=lambda words, most: kept.search(words[:3], most),
        forget=lambda _: kept.forget(-1.0),
    )


@pytest.mark.parametrize(
    ("law", "offender"),
    [
        ("put is loaded", _editing),
        ("branches go their own way", _rootless),
        ("described as said", _mute),
        ("pages are whole", _mute),
        ("searched is found", _mute),
        ("old is forgotten", _mute),
        ("tenants never meet", _crossing),
        ("unknown is empty", _nameless),
        ("appended is loaded", _shared),
        ("stale writers lose", _careless),
        ("one of two writers wins", _careless),
        ("deleted is gone", _keeping),
    ],
)
def test_offending_storages_are_caught(law: str, offender: Callable[[], ConversationStorage]) -> None:
    """Each law has someone who breaks it."""
    with pytest.raises(AssertionError):
        STORAGE_LAWS[law](offender)


async def test_the_offenders_are_otherwise_sound() -> None:
    """They break the law they are caught for by their offence, not by failing at everything."""
    assert await settle(_careless().load("x")) == Success(Conversation(id="x"))
    assert await (await _cache_with("a")).get("A") == Success(Remembered(value=ANSWER))


async def _cache_with(key: str) -> Cache[LLMResponse]:
    cache = _folding(CacheSettings(), lambda: 0.0)
    await cache.put(key, Remembered(value=ANSWER))
    return cache


PROFILE = ModelProfile(name="m", provider="p")


def test_offending_codecs_are_caught() -> None:
    """Two encodings of one request, a body that is no JSON, a header with a newline, something that is no error."""
    bodies = iter((b"1", b"2"))
    offenders: list[Callable[..., Any]] = [
        lambda *_: Success(WireRequest(path="/", body=next(bodies))),
        lambda *_: Success(WireRequest(path="/", headers=(("a", "b\r\nc: d"),), body=b"1")),
        lambda *_: Failure("refused"),
    ]
    for offender in offenders:
        with pytest.raises(AssertionError):
            encodes(offender, LLMRequest("x"), PROFILE)
    with pytest.raises(ValueError, match="Expecting value"):
        encodes(lambda *_: Success(WireRequest(path="/", body=b"<html>")), LLMRequest("x"), PROFILE)
    for decoder in (lambda _: Success("text"), lambda _: Failure("text")):
        with pytest.raises(AssertionError):
            decodes(decoder, b"")  # type: ignore[arg-type]  # the offence
    decodes(lambda _: Success(ANSWER), b"")
    decodes(lambda _: BROKEN, b"")


A, B = Success(TextDelta(text="a")), Success(TextDelta(text="b"))


@pytest.mark.parametrize(
    "told",
    [[], [A], [ENDING], [A, ENDING], [BROKEN, A, B, ENDING], [A, B, ENDING, A], [A, B, ENDING, BROKEN], [A, BROKEN, BROKEN]],
    ids=["silence", "no ending", "no text", "half the text", "goes on", "goes on after all", "fails after all", "fails twice"],
)
def test_unlawful_streams_are_caught(told: list[Any]) -> None:
    """Whatever a reader must not be told."""
    with pytest.raises(AssertionError):
        streams_lawfully(told)


def test_lawful_streams_pass() -> None:
    """In one piece or in any other."""
    lawful: list[list[Any]] = [[A, B, ENDING], [A, BROKEN], [BROKEN]]
    for told in lawful:
        streams_lawfully(told)

    def read(chunks: Any) -> Any:
        return [A, B, ENDING] if b"".join(chunks) == b"data" else []

    reads_any_cut(read, b"data", (1, 3, 77))
    with pytest.raises(AssertionError):
        reads_any_cut(lambda chunks: [A, B, ENDING] if len(chunks) == 1 else [BROKEN], b"data", (1,))


def test_the_package_shows_its_laws_and_strategies() -> None:
    """As attributes, loaded when touched; nothing else is invented."""
    import llm_manager.testing as testing

    assert testing.__getattr__("laws").CACHE_LAWS is CACHE_LAWS
    assert hasattr(testing.strategies, "requests")
    assert not hasattr(testing, "strategy")
