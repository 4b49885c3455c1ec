"""The client over an engine that says what a test wants, in threads of its own."""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.embedded.engine import Engine, load_engine
from llm_manager.clients.embedded.engines import Engines
from llm_manager.clients.embedded.errors import refused
from llm_manager.clients.embedded.profile import TOY_NOTICE, EngineParameters
from llm_manager.clients.embedded.transport import make_client
from llm_manager.distribution import install_hint
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings
from llm_manager.domain.errors import (
    ConfigurationError,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    RequestTimeout,
    StorageFailed,
    StreamInterrupted,
)
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Transport
from llm_manager.testing.virtual_loop import run_virtual
from llm_manager.testing.world import fake_world

Hear = Callable[[str], bool]
Ask = Callable[[str, str, Hear], Settled[None, LLMError]]

STOPS = '{"id":"c1","choices":[{"delta":{},"finish_reason":"stop"}]}'


def says(*texts: str) -> Ask:
    """An engine that answers in these pieces."""

    def ask(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        for text in texts:
            if hear(piece(text)):
                return Success(None)
        hear(STOPS)
        return Success(None)

    return ask


def piece(text: str) -> str:
    return msgspec.json.encode({"id": "c1", "choices": [{"delta": {"content": text}, "finish_reason": None}]}).decode()


def no_transport(_: str | None) -> Transport:
    raise AssertionError("the embedded model needs no transport")


class Bench:
    """A client, the engines it loads, and what they were asked."""

    def __init__(self, folder: Path, ask: Ask, *, name: str = "smollm2-135m.gguf", embedded: EmbeddedSettings | None = None) -> None:
        path = folder / name
        path.write_bytes(b"GGUF")
        self.asked: list[dict[str, Any]] = []
        self.loaded: list[EngineParameters] = []
        self.ask = ask
        self.engines = Engines(self._load)
        settings = embedded or EmbeddedSettings(model_path=str(path))
        parts = ClientParts(world=real_world({"LLM_MANAGER_CACHE_DIR": str(folder)}), embedded=settings, make_transport=no_transport)
        self.client: ModelClient = make_client(ProviderSettings(), parts, self.engines)

    def _load(self, parameters: EngineParameters) -> Settled[Engine, LLMError]:
        self.loaded.append(parameters)

        def ask(body: str, model: str, hear: Hear) -> Settled[None, LLMError]:
            self.asked.append(msgspec.json.decode(body))
            return self.ask(body, model, hear)

        return Success(Engine(ask=ask))

    async def generate(self, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
        return await settle(self.client.generate(request))

    async def stream(self, request: LLMRequest) -> list[Settled[StreamEvent, LLMError]]:
        return [sealed(event) async for event in self.client.stream(request)]


async def error_of(pending: Coroutine[Any, Any, Settled[LLMResponse, LLMError]]) -> LLMError:
    outcome = await pending
    assert isinstance(outcome, Failure)
    return outcome.failure()


async def test_an_answer_says_that_a_toy_gave_it_and_costs_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says("Par", "is."))
    response = (await bench.generate(LLMRequest("Capital of France?"))).unwrap()
    assert (response.content, response.provider, response.model) == ("Paris.", "embedded", "smollm2-135m")
    assert response.notices == (TOY_NOTICE,)
    assert str(response.cost).startswith("Priced(usd=Decimal('0')")
    assert bench.asked[0]["stream"] is True


async def test_a_stream_is_the_same_answer_in_pieces(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says("Par", "is."))
    first, second, last = [event.unwrap() for event in await bench.stream(LLMRequest("x"))]
    assert (first, second) == (TextDelta(text="Par"), TextDelta(text="is."))
    assert isinstance(last, StreamFinished)
    assert last.response.content == "Paris."
    assert last.response.time_to_first_token_seconds is not None


async def test_a_real_model_is_not_announced_as_a_toy(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says("x"), name="big.gguf")
    bench.client = make_client(
        ProviderSettings(),
        ClientParts(world=real_world({}), embedded=EmbeddedSettings(model_path=str(tmp_path / "big.gguf")), make_transport=no_transport),
        bench.engines,
    )
    response = (await bench.generate(LLMRequest("x"))).unwrap()
    assert (response.model, response.notices) == ("big", ())


async def test_a_tool_call_is_told_when_it_is_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says('{"call":{"name":"clo', 'ck","arguments":{}}}'))
    response = (await bench.generate(LLMRequest("What time is it?", tools=(ToolSpec(name="clock"),)))).unwrap()
    assert (response.finish, response.tool_calls[0].name, response.content) == ("tool_calls", "clock", "")
    assert len(response.notices) == 2


async def test_nothing_is_loaded_before_it_is_asked_and_then_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says("x"))
    assert (await settle(bench.client.list_models())).unwrap() == bench.client.profiles
    assert bench.loaded == []
    await asyncio.gather(*(bench.generate(LLMRequest("x")) for _ in range(6)))
    assert len(bench.loaded) == 1


async def test_another_models_name_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says("x"))
    error = await error_of(bench.generate(LLMRequest("x", preferences=Preferences(model="gpt-4"))))
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "permanent"
    streamed = await bench.stream(LLMRequest("x", preferences=Preferences(model="gpt-4")))
    assert isinstance(streamed[0], Failure)
    assert bench.loaded == []


async def test_a_profile_of_the_user_comes_first(tmp_path: Path) -> None:
    own = ModelProfile(name="smollm2-135m", provider="embedded", quality=0.9)
    client = make_client(ProviderSettings(), ClientParts(world=real_world({}), profiles=(own,), make_transport=no_transport), Engines())
    assert client.profiles == (evolve(own, locality="local"),)
    assert client.profile("smollm2-135m") == evolve(own, locality="local")
    assert client.profile("other") == evolve(own, name="other", locality="local")


async def test_leaving_a_stream_stops_the_engine(tmp_path: Path) -> None:
    stopped = threading.Event()

    def endless(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        while not hear(piece("x")):
            pass
        stopped.set()
        return Success(None)

    bench = Bench(tmp_path, endless)
    async with aclosing(bench.client.stream(LLMRequest("x"))) as events:
        async for event in events:
            assert isinstance(event, Success)
            break
    await asyncio.to_thread(stopped.wait, 5)
    assert stopped.is_set()


async def test_cancelling_a_whole_answer_stops_the_engine(tmp_path: Path) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def endless(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        while not hear(piece("x")):
            begun.set()
        stopped.set()
        return Success(None)

    bench = Bench(tmp_path, endless)
    task = asyncio.ensure_future(bench.generate(LLMRequest("x")))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(stopped.wait, 5)
    assert stopped.is_set()


async def test_closing_ends_what_is_under_way_and_the_next_request_loads_again(tmp_path: Path) -> None:
    begun = threading.Event()

    def endless(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        while not hear(piece("x")):
            begun.set()
        return Success(None)

    bench = Bench(tmp_path, endless)
    task = asyncio.ensure_future(bench.generate(LLMRequest("x")))
    await asyncio.to_thread(begun.wait, 5)
    await bench.client.close()
    error = await error_of(asyncio.wait_for(task, 5))
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "not_running"
    await bench.client.close()
    bench.ask = says("again")
    assert (await bench.generate(LLMRequest("x"))).unwrap().content == "again"
    assert len(bench.loaded) == 2


async def test_silence_of_a_stream_is_bounded(tmp_path: Path) -> None:
    let_go = threading.Event()

    def mute(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        let_go.wait(5)
        return Success(None)

    bench = Bench(tmp_path, mute)
    try:
        (event,) = await bench.stream(LLMRequest("x", timeout_ms=20))
    finally:
        let_go.set()
    assert isinstance(event, Failure)
    error = event.failure()
    assert isinstance(error, RequestTimeout)
    assert (error.phase, error.timeout_ms) == ("first_byte", 20)


async def test_an_engine_that_stops_in_mid_answer_is_an_interruption(tmp_path: Path) -> None:
    def dies(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        hear(piece("The cap"))
        return Success(None)

    *_, last = await Bench(tmp_path, dies).stream(LLMRequest("x"))
    assert isinstance(last, Failure)
    error = last.failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "The cap"


async def test_what_the_engine_refuses_is_an_invalid_request_that_keeps_it(tmp_path: Path) -> None:
    request = LLMRequest("x")
    error = await error_of(Bench(tmp_path, lambda *_: Failure(refused(ValueError("no such schema")))).generate(request))
    assert isinstance(error, InvalidRequest)
    assert error.request is request
    assert "no such schema" in error.message


async def test_an_error_inside_the_answer_ends_it(tmp_path: Path) -> None:
    def overflows(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        hear('{"error":{"code":500,"message":"out of slots","type":"server_error"}}')
        return Success(None)

    bench = Bench(tmp_path, overflows)
    assert isinstance(await error_of(bench.generate(LLMRequest("x"))), ModelUnavailable)
    (event,) = await bench.stream(LLMRequest("x"))
    assert isinstance(event, Failure)


async def test_an_error_in_mid_stream_is_the_last_event(tmp_path: Path) -> None:
    def breaks(_body: str, _model: str, hear: Hear) -> Settled[None, LLMError]:
        hear(piece("Par"))
        hear('{"error":{"code":500,"message":"gone","type":"server_error"}}')
        hear(piece("is"))
        return Success(None)

    first, last = await Bench(tmp_path, breaks).stream(LLMRequest("x"))
    assert first == Success(TextDelta(text="Par"))
    assert isinstance(last, Failure)
    assert isinstance(last.failure(), StreamInterrupted)


def test_loading_has_its_own_patience(tmp_path: Path) -> None:
    """A load that never ends is given up after ten minutes of virtual time."""

    async def never(_work: Callable[[], Any], /) -> Any:
        await asyncio.Event().wait()

    async def asking() -> LLMError:
        world = evolve(fake_world(), run_blocking=never)
        client = make_client(ProviderSettings(), ClientParts(world=world, make_transport=no_transport), Engines())
        return await error_of(settle(client.generate(LLMRequest("x"))))

    error = run_virtual(asking())
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "loading"


async def test_missing_weights_are_a_fault_of_the_settings_in_answers_and_in_health(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says("x"), embedded=EmbeddedSettings())
    error = await error_of(bench.generate(LLMRequest("x")))
    assert isinstance(error, ConfigurationError)
    assert "models pull" in error.message
    health = (await settle(bench.client.health())).unwrap()
    assert not health.healthy
    assert bench.loaded == []


async def test_a_missing_wheel_is_seen_before_the_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None in ``sys.modules`` is how Python itself says that a module cannot be imported."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    bench = Bench(tmp_path, says("x"))
    health = (await settle(bench.client.health())).unwrap()
    assert install_hint("embedded") in (health.error_message or "")
    assert isinstance(load_engine(EngineParameters(path=tmp_path, context_length=8, parallel=1, threads=1)), Failure)


async def test_weights_are_fetched_on_first_use_only_where_settings_allow_it(tmp_path: Path) -> None:
    """A file stands where the cache folder should be, which is found out before anything is fetched."""
    environ = {"LLM_MANAGER_CACHE_DIR": str(tmp_path / "file" / "below")}
    (tmp_path / "file").write_text("in the way")
    parts = ClientParts(world=real_world(environ), embedded=EmbeddedSettings(fetch="allowed"), make_transport=no_transport)
    client = make_client(ProviderSettings(), parts, Engines())
    outcome = await settle(client.generate(LLMRequest("x")))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), StorageFailed)


def test_one_client_serves_several_loops_and_threads(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says("x"))
    answers: list[Settled[LLMResponse, LLMError]] = []

    def ask() -> None:
        answers.append(asyncio.run(bench.generate(LLMRequest("x"))))

    ask()
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask()
    assert [answer.unwrap().content for answer in answers] == ["x"] * 5
    assert len(bench.loaded) == 1
