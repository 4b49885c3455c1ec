"""Ollama's own library reads the same answers in the same way, and what it says is what our client says."""

import json
from typing import Any

import pytest
from ollama import Client, ResponseError

from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ModelUnavailable, StreamInterrupted
from llm_manager.domain.messages import ImageData, Message, TextPart, ToolCall, ToolSpec
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.testing import run_virtual
from tests.clients.ollama.test_transport import client
from tests.loopback import Chunked, FaultServer, Received, Script, fault_server, json_reply
from tests.ollama_server import NDJSON, Kept, State, ended, lines, ollama

HEAD = {"model": "llama3.2:3b", "created_at": "2026-11-20T08:52:19.385406455-07:00"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
MESSAGES: dict[str, dict[str, Any]] = {
    "text": {"role": "assistant", "content": "Paris, naturally – 巴黎."},
    "thinking": {"role": "assistant", "content": "4", "thinking": "2 and 2"},
    "tools": {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Paris", "days": 3}}},
            {"function": {"name": "weather", "arguments": {"city": "Rom"}}},
        ],
    },
}


def answering(message: dict[str, Any], **more: Any) -> Script:
    """A server that always says this, whole or in pieces."""

    def answer(received: Received) -> Any:
        if received.path != "/api/chat":
            return ollama(Kept("llama3.2:3b"))(received)
        if not received.json()["stream"]:
            return json_reply({**HEAD, "message": message, **ended(**more)})
        text = message["content"]
        pieces = [{"role": "assistant", "content": "", **{key: value for key, value in message.items() if key not in ("role", "content")}}]
        pieces += [{"role": "assistant", "content": part} for part in (text[:3], text[3:]) if part]
        told = [{**HEAD, "message": piece, "done": False} for piece in pieces]
        return Chunked(
            [lines(one) for one in (*told, {**HEAD, "message": {"role": "assistant", "content": ""}, **ended(**more)})], headers=NDJSON
        )

    return answer


def ours(script: Script, *, stream: bool) -> LLMResponse:
    """What our client makes of it."""
    made = client(script)

    async def ask() -> LLMResponse:
        if not stream:
            return (await settle(made.generate(LLMRequest("Hi")))).unwrap()
        *_, last = [sealed(event).unwrap() async for event in made.stream(LLMRequest("Hi"))]
        assert isinstance(last, StreamFinished)
        return last.response

    return run_virtual(ask())


def theirs(server: FaultServer, *, stream: bool) -> dict[str, Any]:
    """What their library makes of it, put together."""
    with Client(host=server.url) as sdk:
        if not stream:
            parts = [sdk.chat(model="llama3.2:3b", messages=[{"role": "user", "content": "Hi"}])]
        else:
            parts = list(sdk.chat(model="llama3.2:3b", messages=[{"role": "user", "content": "Hi"}], stream=True))
    last = parts[-1]
    return {
        "text": "".join(part.message.content or "" for part in parts),
        "thinking": "".join(part.message.thinking or "" for part in parts),
        "calls": [(call.function.name, dict(call.function.arguments)) for part in parts for call in part.message.tool_calls or ()],
        "finish": last.done_reason,
        "read": last.prompt_eval_count,
        "written": last.eval_count,
        "speed": (last.eval_count or 0) / ((last.eval_duration or 1) / 1e9),
        "model": last.model,
    }


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("reason", ["stop", "length"])
def test_both_read_the_same(name: str, reason: str, *, stream: bool) -> None:
    script = answering(MESSAGES[name], done_reason=reason)
    with fault_server(script) as server:
        read = theirs(server, stream=stream)
    answer = ours(script, stream=stream)
    assert answer.content == read["text"]
    assert answer.reasoning == read["thinking"]
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == read["calls"]
    assert answer.finish == ("tool_calls" if name == "tools" and reason == "stop" else read["finish"])
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (read["read"], read["written"])
    assert answer.tokens_per_second == pytest.approx(read["speed"])
    assert answer.model == read["model"]


def test_both_call_an_error_an_error() -> None:
    """Before the answer, and amid it."""
    with fault_server(json_reply({"error": "model 'x' not found"}, 404)) as server, Client(host=server.url) as sdk:
        with pytest.raises(ResponseError) as raised:
            sdk.chat(model="x", messages=[])
        assert raised.value.status_code == 404
    broken = Chunked(
        [lines({**HEAD, "message": {"role": "assistant", "content": "Pa"}, "done": False}), lines({"error": "gone"})], headers=NDJSON
    )
    with fault_server(broken) as server, Client(host=server.url) as sdk, pytest.raises(ResponseError, match="gone"):
        list(sdk.chat(model="x", messages=[], stream=True))

    async def hear() -> list[Any]:
        made = client(lambda received: broken if received.path == "/api/chat" else ollama(Kept("llama3.2:3b"))(received))
        return [sealed(event) async for event in made.stream(LLMRequest("Hi"))]

    assert isinstance(run_virtual(hear())[-1].failure(), StreamInterrupted)


def test_both_ask_in_the_same_words() -> None:
    """What their library sends for a request, ours sends too: messages, tools, format, thinking, options."""
    received: list[dict[str, Any]] = []

    def listening(request: Received) -> Any:
        received.append(request.json())
        return json_reply({**HEAD, "message": MESSAGES["text"], **ended()})

    tool = {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": SCHEMA}}
    with fault_server(listening) as server, Client(host=server.url) as sdk:
        sdk.chat(
            model="qwen3:8b",
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is this?", "images": [b"\x89PNG"]},
                {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Rom"}}}]},
                {"role": "tool", "content": "rain", "tool_name": "weather"},
            ],
            tools=[tool],
            format=SCHEMA,
            think=True,
            options={"num_ctx": 8192, "temperature": 0.5, "num_predict": 9},
            keep_alive="5m",
        )
    (told,) = received
    request = LLMRequest(
        system="Be brief.",
        messages=(
            Message(role="user", content=(TextPart(text="What is this?"), ImageData(data=b"\x89PNG"))),
            Message(role="assistant", content="", tool_calls=(ToolCall(id="c1", name="weather", arguments='{"city": "Rom"}'),)),
            Message(role="tool", content="rain", tool_call_id="c1"),
        ),
        tools=(ToolSpec(name="weather", description="of a city", input_schema=SCHEMA),),
        output=JsonSchema(schema=SCHEMA),
        preferences=Preferences(temperature=0.5, max_tokens=9, reasoning="high"),
    )
    profile = ModelProfile(name="qwen3:8b", provider="ollama", vision=True, reasoning=True)
    made = client(ollama(), ProviderSettings(keep_alive="5m"))
    said = json.loads(made.encode(request, profile).unwrap().body)
    for key in ("model", "format", "think", "options", "keep_alive", "stream", "tools"):
        assert said[key] == told[key], key
    for message in said["messages"]:
        message.pop("tool_call_id", None)
        for call in message.get("tool_calls", ()):
            call.pop("id")
    assert [_without_nothing(message) for message in said["messages"]] == [_without_nothing(message) for message in told["messages"]]


def _without_nothing(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if value}


def test_both_see_the_same_models() -> None:
    """On disk, in memory, in detail, while fetching, as vectors."""
    state = State(models={"llama3.2:3b": Kept("llama3.2:3b"), "nomic-embed-text": Kept("nomic-embed-text", capabilities=("embedding",))})
    state.running["llama3.2:3b"] = 8192
    with fault_server(ollama(state=state)) as server, Client(host=server.url) as sdk:
        listed = [(model.model, int(model.size or 0), model.digest) for model in sdk.list().models]
        loaded = [(model.model, int(model.size_vram or 0), model.context_length) for model in sdk.ps().models]
        shown = sdk.show("llama3.2:3b")
        vectors = sdk.embed("nomic-embed-text", ["a", "bcd"]).embeddings
        statuses = [(told.status, told.digest is not None) for told in sdk.pull("mistral", stream=True)]
        sdk.delete("mistral")
    made = client(ollama(state=state)).local_models
    assert made is not None

    async def look() -> None:
        assert [(model.name, model.size_bytes, model.digest) for model in (await settle(made.stored())).unwrap()] == listed
        assert [(each.name, each.vram_bytes, each.context_length) for each in (await settle(made.running())).unwrap()][:1] == loaded
        told = (await settle(made.show("llama3.2:3b"))).unwrap()
        assert list(told.capabilities) == shown.capabilities
        assert told.context_window == (shown.modelinfo or {})["llama.context_length"]
        assert [sealed(each).unwrap().status async for each in made.pull("mistral")] == [status for status, _ in statuses]
        embedded = (await settle(client(ollama(state=state)).embed(EmbedRequest(("a", "bcd"))))).unwrap()
        assert [list(vector) for vector in embedded.vectors] == [list(vector) for vector in vectors]
        assert isinstance((await settle(made.show("gone"))).failure(), ModelUnavailable)

    run_virtual(look())
