"""A scripted model answers as told, whole and streamed alike."""

import asyncio
from contextlib import aclosing
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import InvalidRequest, LLMError, ModelUnavailable, NetworkError, RateLimitExceeded, StreamInterrupted
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.messages import Message, ToolCall
from llm_manager.domain.models import Health, UnknownPrice
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, PlainText, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Priced, Unpriced
from llm_manager.effects import settle
from llm_manager.policies.abilities import ABILITIES, lacking
from llm_manager.testing import Outcome, Scripted, attempt_for, faults, run_virtual, samples, scripted, vector_of
from llm_manager.testing import strategies as some
from llm_manager.testing.laws import encodes, streams_lawfully

ASK = LLMRequest("hi")
RESET = NetworkError(model="m", message="reset", sent=True)


async def ask(model: Scripted, request: LLMRequest = ASK) -> Result[LLMResponse, LLMError]:
    """One whole answer."""
    return await settle(model.client.generate(request))


async def listen(model: Scripted, request: LLMRequest = ASK) -> list[Result[StreamEvent, LLMError]]:
    """One whole stream."""
    async with aclosing(model.client.stream(request)) as events:
        return [event async for event in events]


def content(answer: Result[LLMResponse, LLMError]) -> str:
    """What it says."""
    return answer.unwrap().content


def test_outcomes_come_in_turn_and_the_last_repeats() -> None:
    """Errors, texts, answers and functions; what was asked is kept."""
    answer = LLMResponse(content="whole", model="x", provider="y")
    model = scripted(RESET, "text", answer, lambda attempt: attempt.request.prompt or "")

    async def law() -> None:
        assert await ask(model) == Failure(RESET)
        assert content(await ask(model)) == "text"
        assert await ask(model) == Success(answer)
        for words in ("one", "two"):
            assert content(await ask(model, LLMRequest(words))) == words

    run_virtual(law())
    assert [request.prompt for request in model.requests] == ["hi", "hi", "hi", "one", "two"]
    assert (model.count, model.under_way, model.most_at_once, model.left) == (5, 0, 1, 0)


def test_a_script_may_end() -> None:
    """A model with nothing left to say, or nothing at all, refuses for good."""

    async def law() -> None:
        model = scripted("once", then="refuse")
        assert content(await ask(model)) == "once"
        for silent in (model, scripted()):
            refusal = await ask(silent)
            assert isinstance(refusal, Failure)
            assert isinstance(error := refusal.failure(), ModelUnavailable)
            assert error.reason == "permanent"

    run_virtual(law())


def test_time_passes_as_told() -> None:
    """Before an answer, between chunks, and in what the answer says of itself."""

    async def law() -> None:
        model = scripted("three little words", seconds=2.0, chunk_seconds=0.5)
        whole = (await ask(model)).unwrap()
        assert (whole.latency_seconds, asyncio.get_running_loop().time()) == (2.0, 2.0)
        last = (await listen(model))[-1].unwrap()
        assert isinstance(last, StreamFinished)
        assert last.response.time_to_first_token_seconds == 2.0
        assert last.response.latency_seconds == 3.0

    run_virtual(law())


said = st.one_of(
    st.text(max_size=20),
    some.errors(),
    some.responses(),
    some.streams().map(lambda told: [event.unwrap() if isinstance(event, Success) else event.failure() for event in told]),
    st.lists(st.text(max_size=5), max_size=4),
)


@settings(max_examples=60, deadline=None)
@example(LLMResponse(content="a b", model="m", provider="p", reasoning="hm", tool_calls=(ToolCall(id="1", name="f"),)), None)
@given(said, st.none() | st.integers(1, 5))
def test_streams_keep_the_law_and_agree_with_whole_answers(outcome: Outcome, characters: int | None) -> None:
    """Whatever is scripted: the stream ends with the answer or the failure that who does not stream gets."""
    model = scripted(outcome, chunk_characters=characters)

    async def law() -> None:
        told = await listen(model)
        streams_lawfully(told)  # type: ignore[arg-type]  # a Result is one of the two
        whole = await ask(model)
        last = told[-1]
        if isinstance(whole, Failure):
            assert last == whole
        else:
            ending = last.unwrap()
            assert isinstance(ending, StreamFinished)
            answer = whole.unwrap()
            assert (ending.response.content, ending.response.tool_calls) == (answer.content, answer.tool_calls)
            assert ending.response.usage == answer.usage
        assert (model.under_way, model.left) == (0, 0)

    run_virtual(law())


def test_pieces_add_up() -> None:
    """Texts, thoughts and calls of tools become one answer."""
    model = scripted(
        [
            ReasoningDelta(text="hm"),
            "a ",
            TextDelta(text="b"),
            ToolCallDelta(index=0, id="1", name="f"),
            ToolCallDelta(index=0, arguments="{}"),
        ]
    )
    answer = run_virtual(ask(model)).unwrap()
    assert (answer.content, answer.reasoning, answer.finish) == ("a b", "hm", "tool_calls")
    assert answer.tool_calls == (ToolCall(id="1", name="f", arguments="{}"),)


def test_an_opened_stream_has_its_first_event() -> None:
    """`open` fails where the stream does before its first event."""

    async def law() -> None:
        attempt = attempt_for(ASK).unwrap()
        assert await scripted(RESET).client.open(attempt) == Failure(RESET)
        opened = await scripted("a b").client.open(attempt)
        assert opened.unwrap().first == TextDelta(text="a ")
        await opened.unwrap().rest.aclose()

    run_virtual(law())


def test_leaving_is_noticed() -> None:
    """Cancelled calls and streams closed early are counted, and nothing is left under way."""

    async def law() -> None:
        model = scripted("a b c", seconds=5)
        task = asyncio.create_task(ask(model))
        await asyncio.sleep(1)
        assert model.under_way == 1
        task.cancel()
        await asyncio.wait({task})
        assert (model.under_way, model.left) == (0, 1)
        events = model.client.stream(ASK)
        await anext(events)
        await events.aclose()
        assert (model.under_way, model.left) == (0, 2)

    run_virtual(law())


def test_calls_at_once_are_counted() -> None:
    """The most at any time is kept."""

    async def law() -> None:
        model = scripted("x", seconds=1, keep_calls=False)
        await asyncio.gather(*(ask(model) for _ in range(7)))
        assert (model.most_at_once, model.count, model.calls) == (7, 7, [])

    run_virtual(law())


def test_a_model_may_be_described() -> None:
    """Name, place, price, key, health, further models: whatever a test of routing needs."""

    async def law() -> None:
        sick = Health(provider="p", healthy=False, error_message="down")
        model = scripted(
            "x", provider="p", model="big", models=("small",), locality="cloud", profile={"quality": 0.9, "tools": False}, health=sick
        )
        client = model.client
        assert [one.name for one in client.profiles] == ["big", "small"]
        assert (client.profiles[0].quality, client.profiles[1].tools) == (0.9, False)
        assert client.endpoint.locality == "cloud"
        assert client.profile("small") == client.profiles[1]
        assert client.profile("other").name == "other"
        assert await settle(client.health()) == Success(sick)
        assert await settle(client.list_models()) == Success(client.profiles)
        named = (await ask(model, LLMRequest("x", preferences=Preferences(model="small")))).unwrap()
        assert (named.model, named.provider) == ("small", "p")
        assert isinstance(named.cost, Priced)
        assert named.cost.usd > 0
        well = await settle(scripted("x").client.health())
        assert well.unwrap().healthy
        await client.close()

    run_virtual(law())


def test_costs_follow_the_profile() -> None:
    """Local is free; without a price the cost is not known."""
    assert run_virtual(ask(scripted("x"))).unwrap().cost == Priced(usd=Decimal(0), price_version="local")
    assert isinstance(run_virtual(ask(scripted("x", profile={"price": UnknownPrice()}))).unwrap().cost, Unpriced)


@settings(max_examples=40, deadline=None)
@given(some.requests(), some.profiles())
def test_encoding_keeps_the_law(request: LLMRequest, profile: object) -> None:
    """Any request, the same bytes each time."""
    encodes(scripted().client.encode, request, profile)  # type: ignore[arg-type]  # Hypothesis gives profiles


def test_unequal_questions_are_unequal_bytes() -> None:
    """And what is never sent does not change them."""
    model = scripted()

    def sent(request: LLMRequest) -> bytes:
        return model.client.encode(request, model.client.profiles[0]).unwrap().body

    different = [
        LLMRequest("a"),
        LLMRequest("b"),
        LLMRequest("a", system="s"),
        LLMRequest("a", output=AnyJson()),
        LLMRequest("a", output=JsonSchema(schema={})),
        LLMRequest("a", preferences=Preferences(temperature=0)),
        LLMRequest("a", preferences=Preferences(seed=0)),
        LLMRequest("a", preferences=Preferences(stop=("x",))),
    ]
    assert len({sent(request) for request in different}) == len(different)
    same = [
        LLMRequest("a", output=PlainText(), metadata=RequestMetadata(user="u"), deadline_ms=5, priority="high", cache="refresh"),
        LLMRequest(messages=(Message(role="user", content="a"),)),
    ]
    assert {sent(request) for request in same} == {sent(LLMRequest("a"))}


async def test_what_cannot_be_written_is_an_invalid_request() -> None:
    """Refused as a value, by every door."""
    odd = LLMRequest("a", output=JsonSchema(schema={"a": object()}))
    model = scripted("x")
    for refusal in (await ask(model, odd), (await listen(model, odd))[0]):
        assert isinstance(refusal, Failure)
        assert isinstance(refusal.failure(), InvalidRequest)
    assert model.count == 0


FAULTS = {
    "429": (faults.rate_limited(2.0), "RateLimitExceeded"),
    "quota": (faults.quota_exhausted(), "QuotaExhausted"),
    "401": (faults.wrong_key(), "AuthenticationFailed"),
    "500": (faults.server_error(), "ModelUnavailable"),
    "529": (faults.server_error(529), "ModelUnavailable"),
    "html": (faults.malformed(), "MalformedResponse"),
    "refused": (faults.refused(), "NetworkError"),
    "reset": (faults.reset(), "NetworkError"),
    "cut": (faults.cut_after(2), "StreamInterrupted"),
}


@pytest.mark.parametrize(("fault", "tag"), FAULTS.values(), ids=FAULTS)
def test_faults_name_the_model_they_happen_to(fault: faults.Fault, tag: str) -> None:
    """One vocabulary for what providers do; the error is of the model asked."""
    refusal = run_virtual(ask(scripted(fault, model="gpt-x")))
    assert isinstance(refusal, Failure)
    error = refusal.failure()
    assert error.tag == tag
    assert getattr(error, "model", None) == "gpt-x"


def test_a_retry_after_is_told() -> None:
    """Or its absence."""
    for seconds in (None, 7.5):
        refusal = run_virtual(ask(scripted(faults.rate_limited(seconds))))
        assert isinstance(refusal, Failure)
        assert isinstance(error := refusal.failure(), RateLimitExceeded)
        assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("chunks", [0, 1, 3])
def test_a_cut_stream_tells_its_chunks_first(chunks: int) -> None:
    """Then the failure, with what was told as its partial text."""
    told = run_virtual(listen(scripted(faults.cut_after(chunks))))
    assert len(told) == chunks + 1
    last = told[-1]
    assert isinstance(last, Failure)
    assert isinstance(error := last.failure(), StreamInterrupted)
    assert error.partial == "".join(event.unwrap().text for event in told[:-1])  # type: ignore[union-attr]  # all are texts


def test_a_hanging_model_is_ended_by_who_waits() -> None:
    """It never answers by itself."""

    async def law() -> None:
        model = scripted(faults.hanging())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await ask(model)
        assert model.left == 1

    run_virtual(law())


def test_a_slow_model_answers_late() -> None:
    """With a text or with another fault."""

    async def law() -> None:
        model = scripted(faults.slow(90), faults.slow(5, faults.reset()))
        assert content(await ask(model)) == "at last"
        assert isinstance(await ask(model), Failure)
        assert asyncio.get_running_loop().time() == 95

    run_virtual(law())


def test_a_bug_in_a_script_crashes() -> None:
    """A function that raises is a bug of the test."""

    def bug(_: Attempt) -> str:
        raise KeyError("planted")

    model = scripted(bug)
    with pytest.raises(KeyError):
        run_virtual(ask(model))
    assert model.under_way == 0


def test_every_error_can_be_scripted() -> None:
    """And comes out as it went in."""
    for error in samples.ERRORS:
        assert run_virtual(ask(scripted(error))) == Failure(error)


def test_abilities_are_scripted_too() -> None:
    """Vectors, verdicts, pictures and counts are the same in every run; failures come in turn, then answers."""
    model = scripted(able=("embed", "moderate", "create_image", "count_tokens"), meets=(RESET, None, RESET), texts_per_call=7)
    client = model.client

    async def law() -> None:
        assert await settle(client.embed(EmbedRequest("a"))) == Failure(RESET)
        embedded = (await settle(client.embed(EmbedRequest(("a", "b"), dimensions=40, purpose="query")))).unwrap()
        assert embedded.vectors == tuple(vector_of(text, model="scripted-1", dimensions=40, purpose="query") for text in "ab")
        assert await settle(client.moderate(ModerationRequest("a"))) == Failure(RESET)
        judged = (await settle(client.moderate(ModerationRequest(("a flag", "b"))))).unwrap()
        assert [verdict.flagged for verdict in judged.verdicts] == [True, False]
        assert len((await settle(client.create_image(ImageRequest("a", count=3)))).unwrap().images) == 3
        assert (await settle(client.count_tokens(LLMRequest("12345")))).unwrap().tokens == 2

    run_virtual(law())
    assert (len(model.besides), model.count, client.texts_per_call, client.able) == (6, 0, 7, frozenset(ABILITIES["openai"]))
    assert client.known == ("scripted-1-embedding", "scripted-1-moderation", "scripted-1-image")
    assert client.profile("scripted-1-image").kind == "image"


def test_without_abilities_it_says_who_has_them() -> None:
    """As any client."""
    refused = run_virtual(settle(scripted().client.embed(EmbedRequest("a"))))
    assert refused == Failure(lacking("embed", "scripted"))


@given(st.text(), st.text(), st.integers(0, 100))
def test_vectors_tell_texts_apart(one: str, other: str, dimensions: int) -> None:
    """Equal for equal texts, unequal for others, of any length, within -1 and 1."""
    vector = vector_of(one, dimensions=dimensions)
    assert len(vector) == dimensions
    assert all(-1 <= number <= 1 for number in vector)
    assert (vector_of(one) == vector_of(other)) is (one == other)
