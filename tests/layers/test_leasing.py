"""Keys are leased to attempts, fetched when they are due, and told of by their fingerprints alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from returns.result import Failure, Result, Success

from llm_manager import LLMConfig, LLMResponse, settle
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.error_questions import describe, may_try_another_key, refused_here
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    LLMError,
    NetworkError,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.events import Event, KeyChanged
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.domain.standing import KeyStanding
from llm_manager.domain.usage import Unpriced
from llm_manager.layers.fetching_keys import SOONEST_SECONDS
from llm_manager.layers.leasing import leasing
from llm_manager.outcomes import Settled
from llm_manager.services.gates import End, Pass, Replied
from llm_manager.services.guards import Keys
from llm_manager.settings.key_files import read_keys
from llm_manager.testing import FakeWorld, attempt_for, run_virtual, scripted, scripted_manager

A, B, C = Secret("key-aaaaaaaa"), Secret("key-bbbbbbbb"), Secret("key-cccccccc")
WRONG = AuthenticationFailed(model="m", message="wrong")
ANSWERED = Replied(usage=None, cost=Unpriced(reason="unknown"))
P = "scripted"


def no_emit(_: Event) -> None: ...


def attempt(key: Secret | None) -> Attempt:
    return replace(attempt_for(LLMRequest("hi")).unwrap(), key=key)


def keys_for(read: Callable[[str, str], Result[tuple[Secret, ...], LLMError]] = read_keys, /, **settings: object) -> Keys:
    return leasing({P: ProviderSettings(**settings)}, FakeWorld(), read)  # type: ignore[arg-type] # fields by name, several kinds


async def sent(keys: Keys, end: End, emit: Callable[[Event], None] = no_emit) -> Secret | None:
    """One attempt from beginning to end, with the key that is chosen for it."""
    chosen = keys.choose(P, None)
    assert keys.gate is not None
    entered = await keys.gate(attempt(chosen), emit)
    assert isinstance(entered, Success), entered
    entered.unwrap().ended(end)
    return chosen


def source_of(*answers: Iterable[Secret] | Exception, asked: list[float] | None = None) -> Callable[[], Awaitable[tuple[Secret, ...]]]:
    """A key source that gives its answers in turn, and the last one ever after."""
    left = list(answers)

    async def source() -> tuple[Secret, ...]:
        if asked is not None:
            asked.append(asyncio.get_running_loop().time())
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return tuple(answer)

    return source


def test_one_key_that_never_changes_costs_nothing() -> None:
    for settings in (ProviderSettings(api_key=A), ProviderSettings(), ProviderSettings(api_key=A, api_keys=(Secret("key-aaaaaaaa"),))):
        keys = leasing({P: settings}, FakeWorld(), read_keys)
        assert (keys.gate, keys.ready, keys.standing()) == (None, None, ())
        assert keys.choose(P, A) is A
        assert not keys.others(P, A)


def test_a_provider_without_a_ring_sends_its_own_key() -> None:
    keys = keys_for(api_keys=(A, B))
    assert keys.choose("another", C) is C
    assert not keys.others("another", C)
    assert keys.ready is None


async def test_a_provider_without_a_ring_passes_the_gate_untouched() -> None:
    keys = leasing({"another": ProviderSettings(api_keys=(A, B))}, FakeWorld(), read_keys)
    assert keys.gate is not None
    (entered,) = [await keys.gate(attempt(C), no_emit)]
    entered.unwrap().ended(WRONG)
    assert isinstance(await keys.gate(attempt(None), no_emit), Success)
    assert all(each.usable for each in keys.standing())


async def test_a_refused_key_gives_way_to_the_next_and_it_is_told() -> None:
    keys, told = keys_for(api_key=A, api_keys=(B,)), list[Event]()
    assert keys.others(P, A)
    assert [await sent(keys, end, told.append) for end in (ANSWERED, WRONG, ANSWERED)] == [A, A, B]
    assert not keys.others(P, B)
    changes = [(each.key_fingerprint, each.change) for each in told if isinstance(each, KeyChanged)]
    assert changes == [(A.fingerprint, "refused"), (B.fingerprint, "preferred")]
    assert "key-" not in repr(told)
    first, second = keys.standing()
    assert (first.usable, first.reason, first.uses, first.leases, first.back_in_seconds) == (False, "it was refused", 2, 0, None)
    assert (second.usable, second.reason) == (True, None)


def test_a_key_that_was_asked_to_slow_down_comes_back() -> None:
    async def scenario() -> None:
        keys, told = keys_for(api_keys=(A, B)), list[Event]()
        assert await sent(keys, RateLimitExceeded(model="m", retry_after_seconds=7.0), told.append) is A
        assert await sent(keys, ANSWERED) is B
        assert keys.standing()[0].back_in_seconds == 7.0
        await asyncio.sleep(7.0)
        assert await sent(keys, ANSWERED) is A
        assert [each.change for each in told if isinstance(each, KeyChanged)] == ["cooling"]

    run_virtual(scenario())


async def test_an_attempt_that_was_left_gives_its_key_back() -> None:
    keys = keys_for(api_keys=(A, B))
    assert await sent(keys, None) is A
    assert await sent(keys, NetworkError(model="m", message="reset")) is A
    assert [each.leases for each in keys.standing()] == [0, 0]


@pytest.mark.parametrize(
    "met",
    [
        WRONG,
        AuthenticationFailed(model="m", message="", reason="permission"),
        QuotaExhausted(model="m", message="spent"),
        RateLimitExceeded(model="m", retry_after_seconds=60.0),
    ],
)
async def test_whoever_waited_with_a_key_that_met_an_error_is_told_to_take_another(met: LLMError) -> None:
    keys = keys_for(api_keys=(A, B))
    assert await sent(keys, met) is A
    assert keys.gate is not None
    entered = await keys.gate(attempt(A), no_emit)
    assert isinstance(entered, Failure)
    error = entered.failure()
    assert isinstance(error, AuthenticationFailed)
    assert error.local
    assert refused_here(error)
    assert may_try_another_key(error)
    assert A.fingerprint in describe(error)
    assert "key-" not in repr(error)


def test_keys_are_fetched_at_the_first_call_and_when_they_are_due() -> None:
    async def scenario() -> None:
        asked, told = list[float](), list[Event]()
        keys = keys_for(key_source=source_of([A], [B, A], asked=asked), key_refresh_seconds=300.0)
        assert keys.ready is not None
        assert keys.choose(P, None) is None
        for _ in range(3):
            assert await keys.ready(P, told.append) is None
        assert keys.choose(P, None) is A
        await asyncio.sleep(299.0)
        assert await keys.ready(P, told.append) is None
        await asyncio.sleep(1.0)
        assert await keys.ready(P, told.append) is None
        assert asked == [0.0, 300.0]
        assert keys.choose(P, None) is B
        assert [(each.key_fingerprint, each.change) for each in told if isinstance(each, KeyChanged)] == [
            (A.fingerprint, "added"),
            (B.fingerprint, "added"),
        ]
        assert await keys.ready("another", no_emit) is None

    run_virtual(scenario())


def test_a_refused_key_has_them_fetched_before_their_time_but_not_over_and_over() -> None:
    async def scenario() -> None:
        asked = list[float]()
        keys = keys_for(key_source=source_of([A], [B], asked=asked))
        assert keys.ready is not None
        await keys.ready(P, no_emit)
        assert await sent(keys, WRONG) is A
        assert not keys.others(P, A), "it was fetched just now"
        await keys.ready(P, no_emit)
        await asyncio.sleep(SOONEST_SECONDS)
        assert keys.others(P, A)
        await keys.ready(P, no_emit)
        assert await sent(keys, ANSWERED) is B
        assert asked == [0.0, SOONEST_SECONDS]

    run_virtual(scenario())


def test_of_many_callers_one_fetches_and_the_others_wait_only_when_there_is_no_key() -> None:
    async def scenario() -> None:
        asked = list[float]()

        async def slow() -> tuple[Secret, ...]:
            asked.append(asyncio.get_running_loop().time())
            await asyncio.sleep(2.0)
            return (A,)

        async def timed(keys: Keys) -> float:
            began = asyncio.get_running_loop().time()
            assert keys.ready is not None
            assert await keys.ready(P, no_emit) is None
            return asyncio.get_running_loop().time() - began

        keys = keys_for(key_source=slow)
        assert await asyncio.gather(*(timed(keys) for _ in range(50))) == [2.0] * 50
        await asyncio.sleep(300.0)
        assert sorted(await asyncio.gather(*(timed(keys) for _ in range(50)))) == [0.0] * 49 + [2.0]
        assert len(asked) == 2

    run_virtual(scenario())


def test_a_fetch_that_is_cancelled_is_taken_over_by_who_waits() -> None:
    async def scenario() -> None:
        began = 0

        async def slow() -> tuple[Secret, ...]:
            nonlocal began
            began += 1
            await asyncio.sleep(2.0)
            return (A,)

        keys = keys_for(key_source=slow)
        assert keys.ready is not None
        first, second, third = (asyncio.ensure_future(keys.ready(P, no_emit)) for _ in range(3))
        await asyncio.sleep(1.0)
        for each in (third, first):
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
        assert await second is None
        assert (began, keys.choose(P, None)) == (2, A)

    run_virtual(scenario())


def test_a_waiter_of_another_loop_is_woken() -> None:
    """Two threads, two loops: one fetches, the other waits for it."""
    from threading import Event as Flag
    from threading import Thread

    begun, go = Flag(), Flag()

    async def slow() -> tuple[Secret, ...]:
        begun.set()
        await asyncio.to_thread(go.wait, 10)
        return (A,)

    keys = keys_for(key_source=slow)
    assert keys.ready is not None
    ready, outcomes = keys.ready, list[LLMError | None]()

    def ask() -> None:
        async def asked() -> None:
            outcomes.append(await ready(P, no_emit))

        asyncio.run(asked())

    threads = [Thread(target=ask), Thread(target=ask)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert outcomes == [None, None]


def test_a_failed_fetch_leaves_the_old_keys_in_use_and_is_told_in_their_standing() -> None:
    async def scenario() -> None:
        asked = list[float]()
        keys = keys_for(key_source=source_of([A], OSError(f"no way to {B.reveal()}"), [B], asked=asked), key_refresh_seconds=60.0)
        assert keys.ready is not None
        assert await keys.ready(P, no_emit) is None
        await asyncio.sleep(60.0)
        assert await keys.ready(P, no_emit) is None
        assert keys.choose(P, None) is A
        (standing,) = keys.standing()
        assert standing.usable
        assert standing.reason is not None
        assert "OSError" in standing.reason
        assert "no way" not in standing.reason
        await asyncio.sleep(SOONEST_SECONDS)
        assert await keys.ready(P, no_emit) is None
        assert keys.choose(P, None) is B
        assert asked == [0.0, 60.0, 65.0]

    run_virtual(scenario())


async def wrong_type() -> tuple[Secret, ...]:
    return ("key-dddddddd",)  # type: ignore[return-value] # what a careless function gives


async def hangs() -> tuple[Secret, ...]:
    await asyncio.sleep(1e9)
    return (A,)


async def times_out_by_itself() -> tuple[Secret, ...]:
    raise TimeoutError("key-dddddddd")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (source_of(KeyError("key-dddddddd")), "KeyError"),
        (source_of(()), "none"),
        (source_of([Secret("dddd words")]), "it holds spaces"),
        (wrong_type, "str"),
        (hangs, "10 s"),
        (times_out_by_itself, "TimeoutError"),
    ],
)
def test_without_any_key_a_failed_fetch_is_the_answer(source: Callable[[], Awaitable[tuple[Secret, ...]]], said: str) -> None:
    async def scenario() -> None:
        keys = keys_for(key_source=source)
        assert keys.ready is not None
        for _ in range(2):
            error = await keys.ready(P, no_emit)
            assert isinstance(error, AuthenticationFailed | ConfigurationError)
            assert said in describe(error)
            assert "dddd" not in repr(error) + describe(error)
        assert keys.choose(P, None) is None

    run_virtual(scenario())


async def test_keys_of_a_file_come_after_those_of_the_settings_and_before_those_of_a_source(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# two of them\n{B.reveal()}\n\n  {A.reveal()}\n", "utf-8")
    keys = keys_for(api_key=A, api_key_file=str(file), key_source=source_of([C]))
    assert keys.ready is not None
    assert await keys.ready(P, no_emit) is None
    assert [each.fingerprint for each in keys.standing()] == [each.fingerprint for each in (A, B, C)]


def test_a_file_that_changes_is_read_again_and_one_that_is_gone_leaves_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys"

    async def scenario() -> None:
        file.write_text(A.reveal(), "utf-8")
        keys, told = keys_for(api_key_file=str(file), key_refresh_seconds=30.0), list[Event]()
        assert keys.ready is not None
        assert await keys.ready(P, told.append) is None
        file.write_text(B.reveal(), "utf-8")
        await asyncio.sleep(30.0)
        assert await keys.ready(P, told.append) is None
        assert keys.choose(P, None) == B
        file.unlink()
        await asyncio.sleep(30.0)
        assert await keys.ready(P, told.append) is None
        assert keys.choose(P, None) == B
        assert [each.change for each in told if isinstance(each, KeyChanged)] == ["added", "added", "retired"]

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"", "holds no keys"),
        (b"# nothing\n\n", "holds no keys"),
        (b"sk-canary with spaces\n", "line 1"),
        ("ok-key\nschl\u00fcssel-canary\n".encode(), "line 2"),
        (b"\xff\xfecanary", "UTF-8"),
        (b"k\n" * 1001, "1001 keys"),
        (b"k" * 300_000, "larger"),
    ],
)
def test_a_file_that_gives_no_keys_says_why_without_its_folder_or_its_text(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "openai.keys"
    if content is not None:
        file.write_bytes(content)
    outcome = read_keys("openai", str(file))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    told = describe(error) + repr(error)
    assert said in told
    assert "openai.keys" in told
    assert str(tmp_path) not in told
    assert "canary" not in told
    assert error.faults[0].key == "api_key_file"


def test_threat_25_no_request_is_sent_with_a_retired_key_after_grace() -> None:
    """Keys rotate every 10 s for half a day of virtual time under steady traffic; who has a key keeps it until its attempt ends.

    Grace is the time between two fetches, and the longest wait with a key that was chosen before the second.
    """
    day, every, longest_wait = 43_200.0, 10.0, 5.2
    counts = {"sent": 0, "late": 0, "in grace": 0}

    async def scenario() -> None:
        clock = asyncio.get_running_loop().time

        def current() -> int:
            return int(clock() // every)

        async def source() -> tuple[Secret, ...]:
            return (Secret(f"key-{current()}"),)

        keys = keys_for(key_source=source, key_refresh_seconds=every)
        assert keys.ready is not None
        assert keys.gate is not None
        ready, gate = keys.ready, keys.gate

        async def one(index: int) -> None:
            assert await ready(P, no_emit) is None
            chosen = keys.choose(P, None)
            await asyncio.sleep(longest_wait * index / 2)  # it waits to be let through
            entered = await gate(attempt(chosen), no_emit)
            if isinstance(entered, Failure):
                counts["in grace"] += 1
                chosen = keys.choose(P, None)
                entered = await gate(attempt(chosen), no_emit)
            assert chosen is not None
            passed: Pass = entered.unwrap()
            counts["sent"] += 1
            retired = (int(chosen.reveal().removeprefix("key-")) + 1) * every
            counts["late"] += clock() - retired > every + longest_wait
            await asyncio.sleep(2.1)
            passed.ended(ANSWERED)

        async def caller(index: int) -> None:
            while clock() < day:
                await one(index)
                await asyncio.sleep(1.7 + index)

        await asyncio.gather(*(caller(index) for index in range(3)))
        assert [each.leases for each in keys.standing()] == [0], "no retired key is kept, no lease is lost"

    run_virtual(scenario())
    assert counts["sent"] > 15_000
    assert counts["in grace"] > 0
    assert counts["late"] == 0


def test_a_call_that_waited_with_a_retired_key_goes_out_with_the_new_one() -> None:
    """It is told so in its attempts, as one that was not sent, and it is neither a re-send nor an error of the model."""
    model = scripted("hi", provider="p", seconds=5.0)

    async def scenario() -> tuple[LLMResponse, LLMResponse, LLMResponse]:
        async def source() -> tuple[Secret, ...]:
            return (A,) if asyncio.get_running_loop().time() < 3.0 else (B,)

        settings = ProviderSettings(key_source=source, key_refresh_seconds=2.0, concurrency=1)
        config = LLMConfig(providers={"p": settings}, routing=RoutingPolicy(max_retries=0))
        manager = scripted_manager(model, config=config)

        async def asked(text: str, after: float) -> LLMResponse:
            await asyncio.sleep(after)
            return (await settle(manager.generate(LLMRequest(text)))).unwrap()

        return await asyncio.gather(asked("one", 0.0), asked("two", 1.0), asked("three", 4.0))

    one, two, three = run_virtual(scenario())
    assert {each.key for each in model.calls} == {A, B}
    assert [each.sent for each in two.attempts] == [False, True]
    assert [each.key_fingerprint for each in two.attempts] == [A.fingerprint, B.fingerprint]
    assert [len(each.attempts) for each in (one, three)] == [1, 1]


def test_a_ring_is_shared_by_whole_answers_streams_and_vectors() -> None:
    model = scripted("hi", provider="p", able=("embed",))

    async def scenario() -> tuple[KeyStanding, ...]:
        config = LLMConfig(providers={"p": ProviderSettings(api_keys=(A, B), key_rotation="spread")})
        manager = scripted_manager(model, config=config)
        assert isinstance(await settle(manager.generate(LLMRequest("one"))), Success)
        assert [isinstance(event, Success) async for event in manager.stream(LLMRequest("two"))]
        assert isinstance(await settle(manager.embed(EmbedRequest(texts=("three",)))), Success)
        return manager.standing().keys

    assert [(each.uses, each.leases) for each in run_virtual(scenario())] == [(2, 0), (1, 0)]


def test_a_key_that_was_refused_is_not_sent_again_when_the_fetch_that_follows_brings_it_once_more() -> None:
    model = scripted("hi", WRONG, provider="p", able=("embed",), meets=[None, WRONG, WRONG])

    async def scenario() -> tuple[Settled[LLMResponse, LLMError], Settled[Embeddings, LLMError]]:
        manager = scripted_manager(model, config=LLMConfig(providers={"p": ProviderSettings(key_source=source_of([A]))}))
        await settle(manager.generate(LLMRequest("one")))
        await asyncio.sleep(SOONEST_SECONDS)
        chat = await settle(manager.generate(LLMRequest("two")))
        again = scripted_manager(model, config=LLMConfig(providers={"p": ProviderSettings(key_source=source_of([A]))}))
        await settle(again.embed(EmbedRequest("one")))
        await asyncio.sleep(SOONEST_SECONDS)
        return chat, await settle(again.embed(EmbedRequest("two")))

    chat, vectors = run_virtual(scenario())
    assert (model.count, len(model.besides)) == (2, 2)
    for outcome in (chat, vectors):
        assert isinstance(outcome, Failure)
        assert [(each.sent, each.key_fingerprint) for each in outcome.failure().attempts] == [(True, A.fingerprint), (False, A.fingerprint)]


def test_a_key_source_is_waited_for_no_longer_than_its_call_has() -> None:
    model = scripted("hi", provider="p", able=("moderate",))

    async def scenario() -> list[tuple[LLMError, float]]:
        manager = scripted_manager(model, config=LLMConfig(providers={"p": ProviderSettings(key_source=hangs)}))
        ended = list[tuple[LLMError, float]]()
        for ask in (manager.generate(LLMRequest("hi", deadline_ms=1_000)), manager.moderate(ModerationRequest("hi", deadline_ms=1_000))):
            began = asyncio.get_running_loop().time()
            outcome = await settle(ask)
            assert isinstance(outcome, Failure)
            ended.append((outcome.failure(), asyncio.get_running_loop().time() - began))
        return ended

    for error, seconds in run_virtual(scenario()):
        assert isinstance(error, RequestTimeout)
        assert (error.phase, error.timeout_ms) == ("total", 1_000)
        assert seconds == pytest.approx(1.0)
        assert [each.sent for each in error.attempts] == [False]
    assert (model.count, model.besides) == (0, [])
