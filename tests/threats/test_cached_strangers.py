"""Nobody gets another's remembered answer: not by a request that only looks the same, not beside another tenant, not after a cancel."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Success

from llm_manager.domain.caching import Provenance, Remembered
from llm_manager.domain.configuration import CacheSettings, ProviderSettings
from llm_manager.domain.messages import Message, ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.policies.cache_key import answer_key
from llm_manager.services.cache import Cache
from llm_manager.services.model_client import ModelClient
from llm_manager.stores.answers.forms import ANSWER
from llm_manager.stores.answers.keeping import kept_cache
from llm_manager.stores.layering import layered
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.stores.sql.database import Database
from llm_manager.testing import scripted, scripted_manager
from llm_manager.wiring import make_model_client
from tests.databases import emptied
from tests.threats.tenants import interleaved, key_of

TOOL = ToolSpec(name="look", description="up", input_schema={"type": "object", "properties": {"a": {"const": 1}}})
BASE = LLMRequest(
    "caf\u00e9 1",
    system="be brief",
    messages=(Message(role="user", content="1"), Message(role="assistant", content="2")),
    tools=(TOOL,),
    preferences=Preferences(temperature=1.0, top_p=0.5, max_tokens=10, seed=1, stop=("a", "b")),
    metadata=RequestMetadata(tenant="t"),
)


def _schema(const: object) -> Mapping[str, Any]:
    return {"type": "object", "properties": {"a": {"const": const}}}


def _wish(**wishes: Any) -> LLMRequest:
    return evolve(BASE, preferences=evolve(BASE.preferences, **wishes))


def _mutations() -> Iterator[LLMRequest]:
    """One field changed at a time, to what could be taken for what it was."""
    for prompt in (
        "cafe\u0301 1",
        "caf\u00e9 1 ",
        "caf\u00e9 \u0661",
        "Caf\u00e9 1",
        "caf\u00e9\u200b 1",
        "caf\u00e9 1\n",
        "caf\u00e9 1.0",
    ):
        yield evolve(BASE, prompt=prompt)
    for system in (None, "be brief ", "Be brief", "1"):
        yield evolve(BASE, system=system)
    yield evolve(BASE, messages=())
    yield evolve(BASE, messages=(*BASE.messages, Message(role="user", content="1")))
    yield evolve(BASE, messages=(Message(role="user", content="2"), Message(role="assistant", content="1")))
    yield evolve(BASE, messages=(Message(role="user", content="1 2"), Message(role="assistant", content="")))
    for const in (True, "1", 1.0, [1], {"1": 1}, None, "true", 10, -1):
        yield evolve(BASE, tools=(evolve(TOOL, input_schema=_schema(const)),))
        yield evolve(BASE, output=JsonSchema(schema=_schema(const)))
    yield evolve(BASE, output=AnyJson())
    yield evolve(BASE, tools=())
    yield evolve(BASE, tools=(evolve(TOOL, name="look1"),))
    yield evolve(BASE, tools=(evolve(TOOL, description=""),))
    for choice in ("none", "required", UseTool(name="look")):
        yield evolve(BASE, tool_choice=choice)
    yield from (_wish(temperature=0.0), _wish(temperature=None), _wish(top_p=1.0), _wish(top_p=None), _wish(max_tokens=1))
    yield from (
        _wish(seed=0),
        _wish(seed=None),
        _wish(seed=10),
        _wish(stop=()),
        _wish(stop=("ab",)),
        _wish(stop=("b", "a")),
        _wish(stop=("a,b",)),
    )
    for tenant in (None, "T", "t ", "None", "1", "\u0442"):
        yield evolve(BASE, metadata=RequestMetadata(tenant=tenant))


@cache
def _client(provider: str) -> ModelClient:
    return make_model_client(provider, ProviderSettings(api_key=Secret("sk-test"))).unwrap()


def _key(request: LLMRequest, provider: str = "openai", model: str = "gpt-4o") -> str:
    client = _client(provider)
    wire = client.encode(request, ModelProfile(name=model, provider=provider)).unwrap()
    return answer_key(wire, client.endpoint, model, request.metadata.tenant)


def test_no_two_requests_that_differ_in_one_field_share_a_key() -> None:
    """Numbers, truth values and texts that look alike, composed and decomposed letters, order, absence and emptiness."""
    requests = [BASE, *_mutations()]
    keys = [_key(request) for request in requests]
    keys += [_key(BASE, model="gpt-4o1"), _key(BASE, provider="groq"), _key(BASE, provider="openrouter")]
    assert len(set(keys)) == len(keys)


_scalars = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, -0.0, 2.5]) | st.text("01aé\u0301trueflsn", max_size=5)
)


def _told_apart(value: object) -> object:
    """Equal only for what is the same in JSON: Python takes 1, 1.0 and True for one."""
    return type(value).__name__, repr(value)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "ollama"])
@settings(max_examples=60)
@given(one=_scalars, other=_scalars)
def test_values_of_another_type_are_another_request_in_every_dialect(provider: str, one: object, other: object) -> None:
    def key(value: object) -> str:
        return _key(evolve(BASE, tools=(evolve(TOOL, input_schema=_schema(value)),)), provider)

    assert (key(one) == key(other)) is (_told_apart(one) == _told_apart(other))


def test_a_hundred_thousand_operations_of_two_tenants_in_memory_never_cross() -> None:
    """With room for half of what there is."""
    seen = asyncio.run(interleaved(memory_cache(CacheSettings(max_size=40), lambda: 0.0), 100_000, seed=9))
    assert seen.done >= 100_000
    assert seen.got > 10_000
    assert seen.crossed == 0


def test_two_tenants_in_a_store_never_cross(database: Database) -> None:
    """A tenth of what `tests.benchmarks.remembering` does; most of it is got from the database, since memory has hardly any room."""
    kept = kept_cache(database, ANSWER, CacheSettings(), lambda: 1_800_000_000.0)
    seen = asyncio.run(interleaved(layered(memory_cache(CacheSettings(max_size=2), lambda: 0.0), kept), 4_000, seed=9))
    assert seen.got > 500
    assert seen.crossed == 0


def test_the_count_would_see_a_crossing() -> None:
    """A cache that forgets whose a value is."""
    kept: Cache[LLMResponse] = memory_cache(CacheSettings(), lambda: 0.0)
    whose = {key_of(tenant, question): str(question) for tenant in ("one", "two") for question in range(40)}
    careless = evolve(kept, get=lambda key: kept.get(whose[key]), put=lambda key, value: kept.put(whose[key], value))
    assert asyncio.run(interleaved(careless, 2_000, seed=9)).crossed > 0


class _CancelledAt:
    """Work that is cancelled where it waits for the n-th time; ``reached`` says whether it waited so often."""

    def __init__(self, work: Coroutine[Any, Any, object], place: int) -> None:
        self._work, self._place = work, place
        self.reached = False

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._work.__await__()
        waits = 0
        try:
            waited = next(steps)
            while True:
                waits += 1
                if waits == self._place:
                    self.reached = True
                    waited = steps.throw(asyncio.CancelledError())
                    continue
                yield waited
                waited = next(steps)
        except StopIteration as ended:
            return ended.value


def _echo(attempt: Any) -> str:
    return f"{attempt.request.metadata.tenant} {attempt.request.prompt}"


def _cancel_everywhere(make_cache: Callable[[], Cache[LLMResponse]], *, streamed: bool) -> int:
    async def at(place: int) -> bool:
        model = scripted(_echo, seconds=0.001)
        cache = make_cache()
        manager = scripted_manager(model, cache=cache)

        async def ask(tenant: str, prompt: str) -> str:
            request = LLMRequest(prompt, metadata=RequestMetadata(tenant=tenant))
            if not streamed:
                return (await settle(manager.generate(request))).unwrap().content
            told = [event.unwrap() async for event in manager.stream(request)]
            return "".join(getattr(event, "text", "") for event in told)

        broken = _CancelledAt(ask("one", "a"), place)

        async def left() -> None:
            await broken

        outcome = await asyncio.gather(asyncio.ensure_future(left()), return_exceptions=True)
        assert broken.reached is isinstance(outcome[0], asyncio.CancelledError)
        for tenant, prompt in (("two", "a"), ("one", "b"), ("one", "a"), ("two", "a")):
            assert await ask(tenant, prompt) == f"{tenant} {prompt}"
        await cache.flush()
        return broken.reached

    async def everywhere() -> int:
        place = 1
        while await at(place):
            place += 1
        return place - 1

    return asyncio.run(everywhere())


@pytest.mark.parametrize("streamed", [False, True])
def test_after_a_cancel_anywhere_the_next_one_gets_his_own_answer(streamed: bool, database: Database) -> None:
    """At every place where a call waits, over memory and over a store."""

    def stored() -> Cache[LLMResponse]:
        return layered(
            memory_cache(CacheSettings(max_size=1), lambda: 0.0),
            kept_cache(emptied(database), ANSWER, CacheSettings(), lambda: 1_800_000_000.0),
        )

    in_memory = _cancel_everywhere(lambda: memory_cache(CacheSettings(), lambda: 0.0), streamed=streamed)
    assert _cancel_everywhere(stored, streamed=streamed) > in_memory > 0


def test_a_remembered_answer_of_nobody_is_nobodys() -> None:
    """A tenant does not get what was asked on behalf of none, nor the other way round."""

    async def ask() -> None:
        manager = scripted_manager(scripted(_echo))
        whose = (None, "one", "two", None, "one")
        told = [(await settle(manager.generate(LLMRequest("a", metadata=RequestMetadata(tenant=tenant))))).unwrap() for tenant in whose]
        assert [answer.content for answer in told] == ["None a", "one a", "two a", "None a", "one a"]
        assert [answer.cached for answer in told] == [False, False, False, True, True]

    asyncio.run(ask())


async def test_what_is_private_stays_out_of_the_store_unless_it_is_wanted_there(database: Database) -> None:
    """By its label or by its words; memory alone has it."""
    from llm_manager.domain.configuration import StoreSettings
    from llm_manager.stores.opening import store_of
    from llm_manager.testing import fake_world

    private = (LLMRequest("secret", sensitivity="private"), LLMRequest("the patient's name"))
    for wanted in (False, True):
        store = store_of(emptied(database), StoreSettings(private_answers=wanted), fake_world())
        cache = layered(memory_cache(CacheSettings(), lambda: 0.0), store.answers)
        model = scripted("x", locality="local")
        manager = scripted_manager(model, cache=cache)
        for request in (*private, LLMRequest("open"), *private):
            await settle(manager.generate(request))
        assert model.count == 3
        await store.answers.flush()
        assert (await store.answers.statistics()).unwrap().rows == (3 if wanted else 1)
        await store.vectors.put("k", Remembered(value=(1.0,), provenance=Provenance(private=True)))
        assert await store.vectors.holds("k") == Success(wanted)
