"""The embedded client against the real model."""

import asyncio
import sys
import threading
import time
import weakref
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
from returns.result import Failure, Success

from llm_manager.clients.embedded.engine import Engine, load_engine
from llm_manager.clients.embedded.engines import Engines
from llm_manager.clients.embedded.profile import TOY_NOTICE, EngineParameters
from llm_manager.clients.embedded.transport import build, make_client
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings
from llm_manager.domain.errors import ConfigurationError, ContextTooLarge, InvalidRequest, LLMError, ModelUnavailable
from llm_manager.domain.messages import Message, ToolSpec
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from tests.integration.serving import no_transport

pytestmark = pytest.mark.embedded

COLD = Preferences(temperature=0.0, max_tokens=24)
STORY = LLMRequest("Tell me a long story about a ship.", preferences=Preferences(temperature=0.0, max_tokens=400))
WEATHER = ToolSpec(
    name="get_weather",
    description="The weather in a city",
    input_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


async def ask(client: ModelClient, request: LLMRequest) -> LLMResponse:
    return (await settle(client.generate(request))).unwrap()


async def error_of(client: ModelClient, request: LLMRequest) -> LLMError:
    outcome = await settle(client.generate(request))
    assert isinstance(outcome, Failure)
    return outcome.failure()


async def test_it_answers(client: ModelClient) -> None:
    response = await ask(client, LLMRequest("What is the capital of France?", preferences=COLD))
    assert "Paris" in response.content
    assert response.finish == "stop"
    assert response.notices == (TOY_NOTICE,)
    assert response.usage is not None
    assert response.usage.prompt_tokens == 27
    assert response.usage.output_tokens > 0
    assert response.latency_seconds > 0


async def test_it_is_healthy_and_lists_its_model(client: ModelClient) -> None:
    health = (await settle(client.health())).unwrap()
    assert (health.healthy, health.error_message, health.models) == (True, None, ("smollm2-135m",))
    assert [profile.name for profile in (await settle(client.list_models())).unwrap()] == ["smollm2-135m"]


async def test_a_stream_collects_to_the_whole_answer(client: ModelClient) -> None:
    request = LLMRequest("Name three colours.", preferences=COLD)
    whole = await ask(client, request)
    events = [event.unwrap() async for event in client.stream(request)]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == whole.content
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert (last.response.content, last.response.finish) == (whole.content, whole.finish)
    assert last.response.usage is not None
    assert whole.usage is not None
    assert last.response.usage.total_tokens == whole.usage.total_tokens


async def test_an_answer_cut_by_its_length_says_so(client: ModelClient) -> None:
    response = await ask(client, LLMRequest("Tell me a long story.", preferences=Preferences(temperature=0.0, max_tokens=5)))
    assert response.finish == "length"
    assert not response.complete


async def test_a_schema_is_obeyed(client: ModelClient) -> None:
    schema = {
        "type": "object",
        "properties": {
            "sentiment": {"enum": ["positive", "negative", "neutral"]},
            "score": {"type": "integer", "minimum": 1, "maximum": 5},
        },
        "required": ["sentiment", "score"],
        "additionalProperties": False,
    }
    request = LLMRequest("I love this film.", output=JsonSchema(schema=schema, name="review"), preferences=Preferences(seed=3))
    answer = msgspec.json.decode((await ask(client, request)).content)
    assert list(answer) == ["sentiment", "score"]
    assert answer["sentiment"] in ("positive", "negative", "neutral")
    assert answer["score"] in range(1, 6)


async def test_any_json_is_json(client: ModelClient) -> None:
    request = LLMRequest('Give {"city": "Paris"} back.', output=AnyJson(), preferences=Preferences(temperature=0.0, max_tokens=100))
    response = await ask(client, request)
    assert response.finish == "length" or isinstance(msgspec.json.decode(response.content), dict)


async def test_a_bad_schema_is_an_invalid_request(client: ModelClient) -> None:
    assert isinstance(await error_of(client, LLMRequest("x", output=JsonSchema(schema={"type": "nope"}))), InvalidRequest)


async def test_it_calls_a_tool_and_talks_when_the_tool_has_answered(client: ModelClient) -> None:
    question = LLMRequest("What is the weather in Paris?", tools=(WEATHER,), preferences=Preferences(temperature=0.0))
    called = await ask(client, question)
    (call,) = called.tool_calls
    assert (called.finish, call.name, msgspec.json.decode(call.arguments)) == ("tool_calls", "get_weather", {"city": "Paris"})
    answered = LLMRequest(
        messages=(
            Message(role="user", content="What is the weather in Paris?"),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", content="18 degrees, sunny", tool_call_id=call.id),
        ),
        tools=(WEATHER,),
        preferences=COLD,
    )
    response = await ask(client, answered)
    assert response.tool_calls == ()
    assert response.content


async def test_a_seed_decides_the_answer(client: ModelClient) -> None:
    def hot(seed: int) -> LLMRequest:
        return LLMRequest("Invent a name for a boat.", preferences=Preferences(temperature=1.0, max_tokens=16, seed=seed))

    answers = [(await ask(client, hot(seed))).content for seed in (42, 42, 42, 1, 2, 3)]
    assert len(set(answers[:3])) == 1
    assert len(set(answers[2:])) > 1


async def test_a_prompt_too_long_is_told_with_its_counts(client: ModelClient) -> None:
    error = await error_of(client, LLMRequest("word " * 3000))
    assert isinstance(error, ContextTooLarge)
    assert error.limit == client.profiles[0].context_window == 2048
    assert error.token_count is not None
    assert error.token_count > 3000


async def test_eight_at_once_are_all_answered(client: ModelClient) -> None:
    requests = [LLMRequest(f"Say the number {number}.", preferences=COLD) for number in range(8)]
    together = await asyncio.gather(*(ask(client, request) for request in requests))
    assert len(together) == 8
    assert all(response.content for response in together)


async def test_leaving_a_stream_frees_the_slot_at_once(client: ModelClient) -> None:
    async with aclosing(client.stream(STORY)) as events:
        async for _ in events:
            break
    began = time.perf_counter()
    response = await ask(client, LLMRequest("Say yes.", preferences=Preferences(max_tokens=1)))
    assert response.content
    assert time.perf_counter() - began < 5


async def test_cancelling_frees_every_slot_at_once(client: ModelClient) -> None:
    """Twelve long answers, four under way and eight waiting, are cancelled; the next request does not wait for them."""
    speaking = asyncio.Event()

    async def listen() -> None:
        async with aclosing(client.stream(STORY)) as events:
            async for _ in events:
                speaking.set()

    tasks = [asyncio.ensure_future(listen()) for _ in range(12)]
    await speaking.wait()
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    began = time.perf_counter()
    await ask(client, LLMRequest("Say yes.", preferences=Preferences(max_tokens=1)))
    assert time.perf_counter() - began < 5


def test_it_works_from_successive_loops_and_from_threads(client: ModelClient) -> None:
    request = LLMRequest("What is the capital of France?", preferences=COLD)
    answers: list[str] = []

    def once() -> None:
        answers.append(asyncio.run(ask(client, request)).content)

    once()
    threads = [threading.Thread(target=once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    once()
    assert len(answers) == 5
    assert all("Paris" in answer for answer in answers)


def test_leaving_a_loop_with_a_stream_open_harms_nobody(client: ModelClient) -> None:
    async def leaving() -> None:
        opened = client.stream(STORY)
        assert isinstance(sealed(await anext(opened)), Success)

    asyncio.run(leaving())
    assert asyncio.run(ask(client, LLMRequest("Say yes.", preferences=Preferences(max_tokens=1)))).content


async def freed(engine: weakref.ref[object]) -> bool:
    """Say whether the engine goes; the thread that asked it last may hold it for some microseconds more."""
    for _ in range(500):
        if engine() is None:
            return True
        await asyncio.sleep(0.01)
    return False


async def test_closing_frees_the_engine_and_another_request_loads_it_again(weights: Path) -> None:
    loaded: list[weakref.ref[object]] = []

    def load(parameters: EngineParameters) -> Settled[Engine, LLMError]:
        outcome = load_engine(parameters)
        if isinstance(outcome, Success):
            loaded.append(weakref.ref(outcome.unwrap().ask))
        return outcome

    parts = ClientParts(
        world=real_world(),
        embedded=EmbeddedSettings(model_path=str(weights), context_length=512, parallel=1),
        make_transport=no_transport,
    )
    client = make_client(ProviderSettings(), parts, Engines(load))
    for round_ in (1, 2):
        await ask(client, LLMRequest("Say yes.", preferences=Preferences(max_tokens=1)))
        assert len(loaded) == round_
        assert loaded[-1]() is not None
        await client.close()
        assert await freed(loaded[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_engine_listens_nowhere(client: ModelClient) -> None:
    """No TCP port is opened, and the socket it had is gone from the file system."""
    asyncio.run(ask(client, LLMRequest("Say yes.", preferences=Preferences(max_tokens=1))))
    ours = _sockets()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            _, _, _, state, *rest = line.split()
            assert not (state == "0A" and f"socket:[{rest[5]}]" in ours)
    listening = [line.split() for line in Path("/proc/self/net/unix").read_text().splitlines() if "engine.sock" in line]
    assert not [fields for fields in listening if f"socket:[{fields[6]}]" in ours and Path(fields[-1]).exists()]


def _sockets() -> set[str]:
    """The sockets that this process holds, as `/proc` names them."""
    held = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            held.add(str(link.readlink()))
        except OSError:
            continue
    return {target for target in held if target.startswith("socket:")}


def test_what_the_engine_raises_is_a_value(weights: Path) -> None:
    engine = load_engine(EngineParameters(path=weights, context_length=256, parallel=1, threads=1)).unwrap()
    outcome = engine.ask('{"messages":', "m", lambda _: False)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ModelUnavailable)


@pytest.mark.parametrize("content", [b"", b"not a model", b"GGUF\x03\x00\x00\x00garbage"])
async def test_a_file_that_is_no_model_is_a_fault_of_the_settings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    parts = ClientParts(world=real_world(), embedded=EmbeddedSettings(model_path=str(path)), make_transport=no_transport)
    client = build(ProviderSettings(), parts).unwrap()
    error = await error_of(client, LLMRequest("x"))
    assert isinstance(error, ConfigurationError)
    assert "bad.gguf" in error.message
    await client.close()
