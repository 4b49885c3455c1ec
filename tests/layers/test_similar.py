"""Answers to similar prompts: only where they are accepted, among what is otherwise the same, and told as what they are."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.caching import SimilarStatistics
from llm_manager.domain.configuration import CacheSettings, LLMConfig, StoreSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import LLMError, NetworkError, StorageFailed
from llm_manager.domain.events import AttemptAnswered, CacheHit, Event, SimilarFound
from llm_manager.domain.messages import ImageUrl, Message, TextPart, ToolSpec
from llm_manager.domain.models import Locality
from llm_manager.domain.requests import AnyJson, LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.similar import SimilarHit, SimilarSettings
from llm_manager.domain.streaming import StreamFinished
from llm_manager.domain.usage import Priced, Usage
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache
from llm_manager.services.manager import LLMManager
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.stores.opening import open_store
from llm_manager.stores.similar.finding import similar_prompts
from llm_manager.testing import fake_world, run_virtual, scripted, scripted_manager
from llm_manager.testing.scripted import Scripted
from llm_manager.wiring import default_deps

ASK = LLMRequest("what is the capital of france")
ALIKE = LLMRequest("what is the capital of france?")
OTHER = LLMRequest("zzz yyy xxx")


def letters(text: str) -> tuple[float, ...]:
    """How often each letter comes: texts with the same letters are alike."""
    return tuple(float(text.lower().count(chr(letter))) for letter in range(ord("a"), ord("z") + 1))


def model(*meets: LLMError, locality: Locality = "local", said: Any = None) -> Scripted:
    made = scripted(said or (lambda attempt: f"{attempt.request.prompt}!"), locality=locality, able=("embed",))
    left = list(meets)

    async def embed(asked: EmbedRequest) -> Settled[Embeddings, LLMError]:
        made.besides.append(asked)
        if left:
            return Failure(left.pop())
        vectors = tuple(map(letters, asked.texts))
        return Success(Embeddings(vectors=vectors, model=asked.model or "e", provider="scripted", usage=Usage(input_tokens=5)))

    made.client = evolve(made.client, embed=publish(embed))
    return made


def always(_: LLMRequest, __: SimilarHit) -> bool:
    return True


def manager_of(
    script: Scripted,
    accept: Callable[[LLMRequest, SimilarHit], bool] = always,
    told: list[Event] | None = None,
    *,
    private: bool = False,
    threshold: float = 0.95,
    **more: Any,
) -> LLMManager:
    settings = SimilarSettings(accept=accept, private=private, threshold=threshold)
    config = LLMConfig(cache=CacheSettings(similar=settings))
    tell = None if told is None else told.append
    return scripted_manager(script, config=config, tell=tell, **{"similar": similar_prompts(100), **more})


def answers_of(manager: LLMManager, *requests: LLMRequest) -> list[LLMResponse]:
    async def ask() -> list[LLMResponse]:
        return [(await settle(manager.generate(request))).unwrap() for request in requests]

    return run_virtual(ask())


def test_an_answer_stands_in_and_says_so() -> None:
    script, told, asked = model(), list[Event](), list[tuple[LLMRequest, SimilarHit]]()

    def accept(request: LLMRequest, hit: SimilarHit) -> bool:
        asked.append((request, hit))
        return True

    first, second = answers_of(manager_of(script, accept, told), ASK, ALIKE)
    assert (script.count, second.content, second.cached, second.cost) == (
        1,
        first.content,
        True,
        Priced(usd=Decimal(0), price_version="remembered"),
    )
    assert second.notices[-1].startswith("this is the answer to a similar prompt (score 1.000)")
    [(request, hit)] = asked
    assert (request, hit.response.content, hit.provenance.model) == (ALIKE, first.content, "scripted-1")
    assert hit.score == pytest.approx(1.0)
    [found] = [event for event in told if isinstance(event, SimilarFound)]
    assert (found.accepted, found.call_id) == (True, second.call_id)
    assert not any(isinstance(event, CacheHit) for event in told), "what it saved is told once"
    embedded = [event for event in told if isinstance(event, AttemptAnswered) and event.operation == "embed"]
    assert len(embedded) == 2
    assert all(isinstance(event.cost, Priced) for event in embedded), "what the vectors cost is counted"


def test_nothing_stands_in_unless_the_policy_accepts_it() -> None:
    script, told = model(), list[Event]()
    manager = manager_of(script, lambda _, hit: hit.score > 2, told)
    first, second = answers_of(manager, ASK, ALIKE)
    assert (script.count, second.content, second.cached) == (2, "what is the capital of france?!", False)
    assert [event.accepted for event in told if isinstance(event, SimilarFound)] == [False]

    async def statistics() -> SimilarStatistics | None:
        return (await settle(manager.cache_statistics())).unwrap().similar

    assert run_virtual(statistics()) == SimilarStatistics(prompts=2, found=1, used=0)
    assert first.content != second.content


def test_a_request_with_a_limit_of_its_own_takes_no_vector_beside() -> None:
    """What a vector costs is nobody's to know before, so that it could pass the limit."""
    script = model()
    asked = (evolve(each, max_cost_usd=Decimal("0.01")) for each in (ASK, ALIKE))
    answers = answers_of(manager_of(script), *asked)
    assert (script.count, script.besides, [answer.cached for answer in answers]) == (2, [], [False, False])


def test_a_policy_that_raises_accepts_nothing() -> None:
    def broken(_: LLMRequest, __: SimilarHit) -> bool:
        raise RuntimeError

    script = model()
    assert [answer.cached for answer in answers_of(manager_of(script, broken), ASK, ALIKE)] == [False, False]


def test_what_is_not_alike_is_asked_anew() -> None:
    script = model()
    answers_of(manager_of(script), ASK, OTHER)
    assert script.count == 2


def test_what_stood_in_is_not_remembered_under_those_words() -> None:
    """The policy is asked again each time."""
    script, verdicts = model(), [True, False]
    answers = answers_of(manager_of(script, lambda *_: verdicts.pop(0)), ASK, ALIKE, ALIKE)
    assert (script.count, [answer.cached for answer in answers]) == (2, [False, True, False])


@pytest.mark.parametrize(
    "other",
    [
        evolve(ALIKE, system="be brief"),
        evolve(ALIKE, preferences=Preferences(temperature=1.0)),
        evolve(ALIKE, output=AnyJson()),
        evolve(ALIKE, tools=(ToolSpec(name="look"),)),
        evolve(ALIKE, messages=(Message(role="user", content="a"), Message(role="assistant", content="b"))),
        evolve(ALIKE, metadata=RequestMetadata(tenant="another")),
        evolve(ALIKE, preferences=Preferences(model="scripted-2")),
        evolve(ALIKE, cache="off"),
        evolve(ALIKE, cache="refresh"),
        evolve(ALIKE, sensitivity="private"),
    ],
)
def test_only_the_last_words_may_differ(other: LLMRequest) -> None:
    script = model()
    answers_of(manager_of(script), ASK, other)
    assert script.count == 2


def test_the_last_words_may_be_those_of_a_message() -> None:
    script = model()
    said = (Message(role="user", content="a"), Message(role="assistant", content="b"))
    requests = [LLMRequest(messages=(*said, Message(role="user", content=text.prompt or ""))) for text in (ASK, ALIKE)]
    assert [answer.cached for answer in answers_of(manager_of(script), *requests)] == [False, True]
    picture = LLMRequest(messages=(Message(role="user", content=(TextPart(text="a"), ImageUrl(url="https://a.example/b.png"))),))
    ended = LLMRequest(messages=said)
    answers_of(manager_of(script), picture, ended)
    assert len(script.besides) == 2, "what does not end with words is not compared"


def test_private_requests_are_compared_only_where_that_is_wanted_and_their_vectors_made_here() -> None:
    private = [evolve(request, sensitivity="private") for request in (ASK, ALIKE)]
    script = model()
    answers_of(manager_of(script), *private)
    assert (script.count, script.besides) == (2, [])
    wanted = model()
    answers = answers_of(manager_of(wanted, private=True), *private)
    assert [answer.cached for answer in answers] == [False, True]
    assert all(isinstance(asked, EmbedRequest) and asked.sensitivity == "private" for asked in wanted.besides)


def test_an_answer_that_is_gone_does_not_stand_in() -> None:
    script = model()

    async def ask() -> int:
        manager = manager_of(script)
        await settle(manager.generate(ASK))
        await settle(manager.forget(everything=True))
        await settle(manager.generate(ALIKE))
        return script.count

    assert run_virtual(ask()) == 2


def test_without_a_vector_it_is_asked_as_ever() -> None:
    script = model(*[NetworkError(model="e", message="gone")] * 8)
    answers = answers_of(manager_of(script), ASK)
    assert answers[0].content == "what is the capital of france!"


def test_streams_find_them_and_are_found() -> None:
    script = model()

    async def ask() -> list[LLMResponse]:
        manager, told = manager_of(script), list[LLMResponse]()
        for request in (ASK, ALIKE, LLMRequest("france of capital the is what"), OTHER):
            async for event in manager.stream(request):
                if isinstance(finished := event.unwrap(), StreamFinished):
                    told.append(finished.response)
        return told

    assert [answer.cached for answer in run_virtual(ask())] == [False, True, True, False]
    assert script.count == 2


def test_streams_that_are_not_compared_or_fail_are_as_ever() -> None:
    gone = NetworkError(model="m", message="gone")
    script = model(said=gone)

    async def ask(request: LLMRequest) -> list[bool]:
        return [isinstance(event, Failure) async for event in manager_of(script).stream(request)]

    assert run_virtual(ask(ASK)) == [True]
    assert run_virtual(ask(evolve(ASK, cache="off"))) == [True]


def test_an_answer_that_cannot_be_reached_does_not_stand_in() -> None:
    """And is found again when it can."""
    script, well = model(), [True]

    async def ask() -> list[bool]:
        kept: Cache[LLMResponse] = memory_cache(CacheSettings(), lambda: 0.0)

        async def get(key: str) -> Any:
            return await kept.get(key) if well[0] else Failure(StorageFailed(message="away"))

        manager, told = manager_of(script, cache=evolve(kept, get=get)), list[bool]()
        for reachable, request in ((True, ASK), (False, ALIKE), (True, LLMRequest("what is the capital of france!"))):
            well[0] = reachable
            told.append((await settle(manager.generate(request))).unwrap().cached)
        return told

    assert run_virtual(ask()) == [False, False, True]


def test_a_cut_answer_is_not_found() -> None:
    cut = LLMResponse(content="half", model="scripted-1", provider="scripted", finish="length")
    script = model(said=lambda _: cut)
    answers_of(manager_of(script), ASK, ALIKE)
    assert script.count == 2


def test_the_index_outlives_the_process(tmp_path: Path) -> None:
    """Made again from the store; of private prompts nothing is kept there unless that is wanted too."""

    def manager_here(script: Scripted, *, keep: bool) -> tuple[LLMManager, Any]:
        settings = StoreSettings(url=f"sqlite:///{tmp_path}/kept{keep}.db", private_answers=keep)
        store = open_store(settings, fake_world()).unwrap()
        wanted = SimilarSettings(accept=always, private=True)
        return manager_of(script, private=True, cache=store.answers, store=store, similar=store.similar(wanted)), store

    async def ask(script: Scripted, *requests: LLMRequest, keep: bool) -> list[bool]:
        manager, _ = manager_here(script, keep=keep)
        async with manager:
            return [(await settle(manager.generate(request))).unwrap().cached for request in requests]

    private = evolve(ASK, prompt="a secret of the patient"), evolve(ASK, prompt="a secret of the patient?")
    for keep in (False, True):
        script = model()
        assert asyncio.run(ask(script, ASK, private[0], keep=keep)) == [False, False]
        assert asyncio.run(ask(script, ALIKE, private[1], keep=keep)) == [True, keep]
        assert asyncio.run(ask(script, ALIKE, keep=keep)) == [True]


def test_it_is_found_in_the_settings() -> None:
    wanted = LLMConfig(cache=CacheSettings(similar=SimilarSettings(accept=always)))
    assert default_deps(wanted, fake_world()).unwrap().similar is not None
    assert default_deps(evolve(wanted, store=StoreSettings(url=":memory:")), fake_world()).unwrap().similar is not None
    assert default_deps(LLMConfig(), fake_world()).unwrap().similar is None
