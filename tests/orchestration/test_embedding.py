"""Embeddings through a manager: each distinct text paid once, in order, remembered; one model, and private texts stay here."""

import asyncio
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.assembling.guards import guards_of
from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import BreakerSettings, CacheSettings, LLMConfig, PerformanceSettings, ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest, Vector
from llm_manager.domain.error_questions import refused_here
from llm_manager.domain.errors import (
    AuthenticationFailed,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    PolicyBlocked,
    RateLimitExceeded,
    RequestTimeout,
    StorageFailed,
)
from llm_manager.domain.events import Answered, AttemptAnswered, AttemptFailed, AttemptStarted, CacheHit, CallCancelled, CallFailed, Event
from llm_manager.domain.models import FREE, Locality, ModelProfile
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.statistics import Spending
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache
from llm_manager.services.gates import Emit, Pass
from llm_manager.services.guards import Guards
from llm_manager.services.manager import LLMManager
from llm_manager.services.model_client import ModelClient
from llm_manager.testing import Scripted, fake_world, run_virtual, samples, scripted, scripted_manager, vector_of
from llm_manager.testing.strategies import errors

RESET = NetworkError(model="m", message="reset")
LIMITED = RateLimitExceeded(model="m", retry_after_seconds=1.0)
GONE = AuthenticationFailed(model="m", message="no")
MODEL = "scripted-1-embedding"


def embedder(
    *meets: LLMError | None, provider: str = "one", locality: Locality = "local", per_call: int = 4, seconds: float = 0.0
) -> Scripted:
    return scripted(provider=provider, locality=locality, able=("embed",), meets=meets, texts_per_call=per_call, seconds=seconds)


def ask(manager: LLMManager, *asked: EmbedRequest) -> Settled[Embeddings, LLMError]:
    """Ask one after the other; the last answer."""

    async def all_of_them() -> Settled[Embeddings, LLMError]:
        outcomes = [await settle(manager.embed(each)) for each in asked]
        return outcomes[-1]

    return run_virtual(all_of_them())


def expected(texts: tuple[str, ...], model: str = MODEL) -> tuple[Vector, ...]:
    return tuple(vector_of(text, model=model) for text in texts)


def sent(model: Scripted) -> list[tuple[str, ...]]:
    return [asked.texts for asked in model.besides if isinstance(asked, EmbedRequest)]


@given(st.lists(st.text("abcé\ud800", min_size=1, max_size=2), max_size=30), st.integers(1, 8), st.integers(1, 5), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_texts_in_any_batches_give_each_its_own_vector_and_are_paid_once(
    texts: list[str], per_call: int, concurrency: int, cached: bool
) -> None:
    model = embedder(per_call=per_call, seconds=0.1)
    config = LLMConfig(cache=CacheSettings(enabled=cached), performance=PerformanceSettings(concurrency=concurrency))
    answer = ask(scripted_manager(model, config=config), EmbedRequest(texts)).unwrap()
    assert answer.vectors == expected(tuple(texts))
    paid = [text for batch in sent(model) for text in batch]
    assert sorted(paid) == sorted(set(texts))
    assert len(sent(model)) == -(-len(paid) // per_call) == len(answer.attempts)
    assert model.most_at_once <= concurrency


def nobody_held_back() -> Guards:
    """Guards without breakers and pauses, which would go on after a call."""
    guards = guards_of(LLMConfig(breaker=BreakerSettings(enabled=False)), fake_world())

    async def gate(_: AnyAttempt, __: Emit) -> Settled[Pass, LLMError]:
        return Success(Pass(ended=lambda _: None))

    return evolve(guards, admissions=evolve(guards.admissions, gate=gate))


def by_provider(error: LLMError) -> bool:
    """Whether a provider can be the cause: what we refuse ourselves was never sent."""
    return not refused_here(error)


@given(st.lists(errors().filter(by_provider) | st.none(), max_size=12), st.integers(1, 6), st.integers(0, 4), st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_requests_never_pass_the_batches_and_the_retries_and_what_was_paid_is_remembered(
    meets: list[LLMError | None], batches: int, retries: int, concurrency: int
) -> None:
    model = embedder(*meets, per_call=2, seconds=0.5)
    config = LLMConfig(routing=RoutingPolicy(max_retries=retries), performance=PerformanceSettings(concurrency=concurrency))
    texts = tuple(f"text {number}" for number in range(2 * batches))
    told: list[Event] = []
    manager = scripted_manager(model, config=config, tell=told.append, guards=nobody_held_back())

    async def twice() -> tuple[Settled[Embeddings, LLMError], int, Embeddings]:
        first = await settle(manager.embed(EmbedRequest(texts)))
        asked = len(sent(model))
        for _ in range(len(meets) + 1):
            again = await settle(manager.embed(EmbedRequest(texts)))
            if isinstance(again, Success):
                return first, asked, again.unwrap()
        raise AssertionError("it never recovered")

    first, asked, recovered = run_virtual(twice())
    assert asked <= batches + retries
    assert recovered.vectors == expected(texts)
    started = [event for event in told if isinstance(event, AttemptStarted)]
    answered = [event for event in told if isinstance(event, AttemptAnswered)]
    assert len(started) == len(sent(model)) == len(answered) + sum(isinstance(event, AttemptFailed) for event in told)
    assert len(answered) == batches, "a text that was paid for is never paid for again"
    if isinstance(first, Success):
        attempts = first.unwrap().attempts
        assert [record.number for record in attempts] == list(range(1, asked + 1))
        assert sum(record.error is None for record in attempts) == batches


def test_those_who_are_told_to_slow_down_share_the_re_sends_of_their_call_too() -> None:
    model = embedder(*[LIMITED] * 20, per_call=1)
    config = LLMConfig(routing=RoutingPolicy(max_retries=2), performance=PerformanceSettings(concurrency=4))
    outcome = ask(scripted_manager(model, config=config, guards=nobody_held_back()), EmbedRequest(("a", "b", "c", "d")))
    assert isinstance(outcome, Failure)
    assert len(sent(model)) == len(outcome.failure().attempts) == 6


def test_what_may_have_been_billed_on_the_way_is_told_at_the_end() -> None:
    maybe, ann = NetworkError(model="m", message="reset", sent=True), RequestMetadata(user="ann")
    manager = scripted_manager(embedder(maybe, None, maybe, GONE))
    ask(manager, EmbedRequest("a", metadata=ann), EmbedRequest("b", metadata=ann))
    assert manager.stats().users["ann"].doubtful == 2


def test_what_is_left_before_its_answer_may_be_billed_too() -> None:
    model, told = embedder(seconds=5.0), list[Event]()

    async def leave() -> Spending:
        manager = scripted_manager(model, tell=told.append)
        running = asyncio.ensure_future(settle(manager.embed(EmbedRequest("a", metadata=RequestMetadata(user="ann")))))
        await asyncio.sleep(0.5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return manager.stats().users["ann"]

    assert run_virtual(leave()) == Spending(calls=1, cancelled=1, doubtful=1)
    assert [event.tag for event in told] == ["AttemptStarted", "AttemptLeft", "CallCancelled"]


PRIVATE = st.sampled_from(["the patient sleeps", "HIPAA", "PHI"])


@given(
    st.permutations(["one", "two", "three"]),
    st.sets(st.sampled_from(["one", "two", "three"])),
    st.lists(errors(), max_size=4),
    st.lists(st.text(min_size=1, max_size=3), max_size=3),
    PRIVATE,
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_private_text_never_reaches_a_cloud(
    order: list[str], local: set[str], meets: list[LLMError], texts: list[str], private: str, airgap: bool
) -> None:
    models = [embedder(*meets, provider=name, locality="local" if name in local else "cloud", per_call=2) for name in order]
    config = LLMConfig(routing=RoutingPolicy(airgap=airgap, local_first=False))
    outcome = ask(scripted_manager(*models, config=config), EmbedRequest((*texts, private)))
    assert not [name for name, model in zip(order, models, strict=True) if name not in local and model.besides]
    if not local:
        assert isinstance(outcome, Failure)
        blocked = outcome.failure()
        assert isinstance(blocked, PolicyBlocked)
        assert blocked.policy == ("airgap" if airgap else "private")


def test_vectors_are_remembered_text_by_text_and_counted() -> None:
    model, told = embedder(locality="cloud"), list[Event]()
    manager = scripted_manager(model, tell=told.append)
    answer = ask(manager, EmbedRequest("ab"), EmbedRequest(("b", "ab", "b", "ab"))).unwrap()
    assert sent(model) == [("ab",), ("b",)]
    assert (answer.remembered, answer.usage) == (2, Usage(input_tokens=1))
    assert isinstance(answer.cost, Priced)
    assert answer.cost.usd == Decimal(1) / 1_000_000
    free = ask(manager, EmbedRequest(("ab", "b"))).unwrap()
    assert (free.remembered, free.usage, free.attempts, free.model) == (2, Usage(), (), MODEL)
    assert isinstance(free.cost, Priced)
    assert free.cost.usd == 0
    assert [event.cached for event in told if isinstance(event, Answered)] == [False, False, True]
    [hit] = [event for event in told if isinstance(event, CacheHit)]
    assert hit.saved == Priced(usd=Decimal(2) / 1_000_000, price_version="remembered")


def test_remembered_vectors_name_the_model_that_made_them() -> None:
    model = embedder()
    ours = model.client

    def renamed(asked: EmbedRequest) -> FutureResult[Embeddings, LLMError]:
        return ours.embed(asked).map(lambda said: evolve(said, model="made-by-this"))

    model.client = evolve(ours, embed=renamed)
    manager = scripted_manager(model)
    first, again = ask(manager, EmbedRequest("a")).unwrap(), ask(manager, EmbedRequest("a")).unwrap()
    assert (first.remembered, again.remembered) == (0, 1)
    assert first.model == again.model == "made-by-this"


def test_nothing_that_could_change_a_vector_shares_it() -> None:
    model = embedder()
    base = EmbedRequest("a")
    others = [
        evolve(base, model="other"),
        evolve(base, dimensions=3),
        evolve(base, purpose="query"),
        evolve(base, metadata=RequestMetadata(tenant="t")),
        evolve(base, texts=("b",)),
    ]
    manager = scripted_manager(model)
    ask(manager, base, *others)
    assert len(model.besides) == 6
    assert len(ask(manager, others[1]).unwrap().vectors[0]) == 3
    ask(manager, *others, evolve(base, metadata=RequestMetadata(user="u", feature="f")))
    assert len(model.besides) == 6


def test_refresh_pays_again_and_off_neither_reads_nor_stores() -> None:
    model = embedder()
    manager = scripted_manager(model)
    ask(manager, EmbedRequest("a", cache="off"), EmbedRequest("a"), EmbedRequest("a", cache="refresh"), EmbedRequest("a"))
    assert len(model.besides) == 3


async def _broken(*_: object) -> Failure[LLMError]:
    return Failure(StorageFailed(message="gone"))


def test_a_cache_that_fails_remembers_nothing_and_hurts_nobody() -> None:
    model = embedder()
    manager = scripted_manager(model, vectors=Cache(get=_broken, put=_broken, holds=_broken, forget=_broken, statistics=_broken))
    assert ask(manager, EmbedRequest("a"), EmbedRequest("a")).unwrap().vectors == expected(("a",))
    assert len(model.besides) == 2


def test_another_model_never_stands_in() -> None:
    one, two = embedder(GONE, provider="one"), embedder(provider="two")
    assert ask(scripted_manager(one, two), EmbedRequest("a")) == Failure(GONE)
    assert two.besides == []


def test_a_pause_asked_for_is_slept_and_the_ledger_tells() -> None:
    model = embedder(LIMITED)
    answer = ask(scripted_manager(model), EmbedRequest("a")).unwrap()
    assert 1.0 <= answer.latency_seconds < 1.2
    assert [(record.number, record.error) for record in answer.attempts] == [(1, LIMITED), (2, None)]
    assert answer.attempts[1].after_seconds == pytest.approx(answer.latency_seconds)


def test_after_a_failure_no_batch_begins_and_those_under_way_are_kept() -> None:
    model = embedder(None, GONE, per_call=1, seconds=1.0)
    manager = scripted_manager(model, config=LLMConfig(performance=PerformanceSettings(concurrency=2)))
    assert ask(manager, EmbedRequest(("a", "b", "c", "d"))) == Failure(GONE)
    assert sent(model) == [("a",), ("b",), ("c",)], "c was begun while b had not failed yet, d is not begun"
    assert ask(manager, EmbedRequest(("a", "c"))).unwrap().remembered == 2


def test_a_batch_that_waits_to_be_sent_again_stops_waiting_once_another_has_failed() -> None:
    model = embedder(LIMITED, GONE, LIMITED, per_call=1)
    manager = scripted_manager(model, config=LLMConfig(performance=PerformanceSettings(concurrency=2)))
    assert ask(manager, EmbedRequest(("a", "b", "c"))) == Failure(GONE)
    assert len(model.besides) == 3


def test_a_hanging_client_is_left_at_its_deadline_and_told() -> None:
    model, told = embedder(seconds=1e6), list[Event]()
    config = LLMConfig(routing=RoutingPolicy(max_retries=0), providers={"one": ProviderSettings(timeout_ms=2_000)})
    outcome = ask(scripted_manager(model, config=config, tell=told.append), EmbedRequest("a"))
    late = outcome.failure()
    assert isinstance(late, RequestTimeout)
    assert (late.timeout_ms, late.phase, late.model) == (2_000, "attempt", MODEL)
    assert [type(event) for event in told] == [AttemptStarted, AttemptFailed, CallFailed]
    asked = model.besides[0]
    assert isinstance(asked, EmbedRequest)
    assert asked.timeout_ms == 2_000
    total = ask(scripted_manager(model), EmbedRequest("a", deadline_ms=500)).failure()
    assert isinstance(total, RequestTimeout)
    assert (total.timeout_ms, total.phase) == (500, "total")


def test_work_in_waves_gets_the_time_of_as_many_calls() -> None:
    model = embedder(per_call=1, seconds=25.0)
    config = LLMConfig(performance=PerformanceSettings(concurrency=1))
    texts = tuple(map(str, range(40)))
    assert len(ask(scripted_manager(model, config=config), EmbedRequest(texts)).unwrap().vectors) == 40


def test_who_leaves_cancels_what_is_under_way() -> None:
    model, told = embedder(seconds=10.0, per_call=1), list[Event]()

    async def leave() -> None:
        manager = scripted_manager(model, tell=told.append)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await settle(manager.embed(EmbedRequest(("a", "b", "c"))))

    run_virtual(leave())
    assert (model.left, model.under_way) == (3, 0)
    assert isinstance(told[-1], CallCancelled)


def test_others_get_their_turn_while_many_texts_are_looked_up() -> None:
    model, texts = embedder(per_call=5000), tuple(f"text {number}" for number in range(3000))

    async def turns() -> int:
        manager = scripted_manager(model, config=LLMConfig(cache=CacheSettings(max_size=5000)))
        await settle(manager.embed(EmbedRequest(texts)))
        looking = asyncio.ensure_future(settle(manager.embed(EmbedRequest(texts))))
        taken = 0
        while not looking.done():
            await asyncio.sleep(0)
            taken += 1
        assert looking.result().unwrap().remembered == 3000
        return taken

    assert run_virtual(turns()) > 3


def test_no_texts_are_no_request() -> None:
    model = embedder()
    answer = ask(scripted_manager(model), EmbedRequest(())).unwrap()
    assert (answer.vectors, answer.remembered, model.besides) == ((), 0, [])


def test_a_client_that_loses_a_vector_is_not_believed() -> None:
    model = embedder()
    short = Embeddings(vectors=((1.0,),), model="m", provider="one", usage=Usage())

    async def lossy(_: EmbedRequest) -> Settled[Embeddings, LLMError]:
        return Success(short)

    client = evolve(model.client, embed=publish(lossy))
    manager = scripted_manager(model, clients={"one": client})
    malformed = ask(manager, EmbedRequest(("a", "b"))).failure()
    assert isinstance(malformed, MalformedResponse)
    assert malformed.message == "1 answers to 2 texts"


@pytest.mark.parametrize("usage", [None, Usage(input_tokens=3)])
def test_what_is_not_told_stays_unknown(usage: Usage | None) -> None:
    model = embedder(locality="cloud")

    async def silent(asked: EmbedRequest) -> Settled[Embeddings, LLMError]:
        vectors = tuple((1.0,) for _ in asked.texts)
        return Success(Embeddings(vectors=vectors, model="m", provider="one", usage=usage, notices=("cut",)))

    manager = scripted_manager(model, clients={"one": evolve(model.client, embed=publish(silent))})
    answer = ask(manager, EmbedRequest(tuple("abcde"))).unwrap()
    assert answer.notices == ("cut",)
    if usage is None:
        assert answer.usage is None
        assert isinstance(answer.cost, Unpriced)
    else:
        assert answer.usage == Usage(input_tokens=6)
        assert isinstance(answer.cost, Priced)


def test_statistics_count_what_was_embedded_apart_from_chat() -> None:
    model = embedder(RESET, locality="cloud")
    manager = scripted_manager(model)
    ask(manager, EmbedRequest("abcd"))
    seen = manager.stats().models[f"one/{MODEL} embed"]
    assert (seen.operation, seen.attempts, seen.successes, seen.usage.input_tokens) == ("embed", 2, 1, 1)
    assert (seen.cost_usd, manager.stats().answered) == (Decimal("0.000001"), 1)


def test_the_usual_model_is_asked_then_one_of_the_settings_then_any_of_its_kind() -> None:
    own = ModelProfile(name="own-embed", provider="one", kind="embedding", locality="local", price=FREE)
    model = embedder()
    usual = model.client

    def described(name: str) -> ModelProfile:
        return own if name == "own-embed" else usual.profile(name)

    def asked_of(client: ModelClient, *profiles: ModelProfile) -> str:
        manager = scripted_manager(model, config=LLMConfig(profiles=profiles), clients={"one": evolve(client, profile=described)})
        return ask(manager, EmbedRequest("a", cache="off")).unwrap().model

    assert asked_of(usual, own) == MODEL
    assert asked_of(evolve(usual, usual={}), own) == "own-embed"
    assert asked_of(evolve(usual, usual={})) == MODEL
    assert asked_of(evolve(usual, usual={}, known=())) == "scripted-1"


def test_every_error_passes_through_as_it_is() -> None:
    for error in samples.ERRORS:
        outcome = ask(scripted_manager(embedder(*[error] * 5), config=LLMConfig(routing=RoutingPolicy(max_retries=0))), EmbedRequest("a"))
        assert outcome == Failure(error)


def test_a_server_that_is_loading_is_asked_again() -> None:
    loading = ModelUnavailable(model="m", message="loading", reason="loading")
    assert isinstance(ask(scripted_manager(embedder(loading, loading)), EmbedRequest("a")), Success)
