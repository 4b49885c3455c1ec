"""The models on a server's disk and in its memory, managed."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.ollama.listing import read_details, read_running, read_stored
from llm_manager.clients.ollama.naming import is_offloaded, only_continues, registry_name, same_model
from llm_manager.clients.ollama.pulling import Fetching, read_progress
from llm_manager.clients.ollama.updating import update_of
from llm_manager.clients.who import Who
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import (
    ConfigurationError,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    PolicyBlocked,
    StreamInterrupted,
)
from llm_manager.domain.local_models import LocalModel, ModelUpdate, PullProgress
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.wire_requests import WireReply
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.local_models import LocalModels
from llm_manager.services.transport import Envelope, Transport
from llm_manager.testing import run_virtual
from tests.clients.ollama.test_transport import CLOUD, HIDDEN, LLAMA, client, failing
from tests.loopback import Chunked, Received, Respond, Script
from tests.ollama_server import NDJSON, Kept, State, carried, lines, ollama

WHO = Who(provider="ollama", model="llama3.2:3b")
AIRGAP = RoutingPolicy(airgap=True)


def managed(script: Script | Transport, settings: ProviderSettings | None = None, **parts: Any) -> LocalModels:
    models = client(script, settings, **parts).local_models
    assert models is not None
    return models


def pulled(models: LocalModels, name: str) -> list[Settled[PullProgress, LLMError]]:
    async def listen() -> list[Settled[PullProgress, LLMError]]:
        async with aclosing(models.pull(name)) as progress:
            return [sealed(told) async for told in progress]

    return run_virtual(listen())


def test_what_is_on_disk_and_in_memory() -> None:
    models = managed(ollama(LLAMA, HIDDEN, state=State(models={}, running={"llama3.2:3b": 8192})))

    async def look() -> None:
        first, second = (await settle(models.stored())).unwrap()
        assert first == LocalModel(
            name="llama3.2:3b",
            size_bytes=2_000_000_000,
            digest="a" * 64,
            family="llama",
            parameters="3.2B",
            quantization="Q4_K_M",
            modified="2026-11-01T12:00:00Z",
        )
        assert second.remote_host == "https://ollama.com"
        (running,) = (await settle(models.running())).unwrap()
        assert (running.name, running.size_bytes, running.vram_bytes) == ("llama3.2:3b", 2_500_000_000, 2_000_000_000)
        assert (running.context_length, running.expires) == (8192, "2026-11-20T09:05:00Z")
        shown = (await settle(models.show("llama3.2:3b"))).unwrap()
        assert (shown.context_window, shown.capabilities, shown.license) == (131_072, ("completion", "tools"), "free")
        assert shown.told["model_info"]["llama.block_count"] == 28
        assert isinstance((await settle(models.show("gone"))).failure(), ModelUnavailable)

    run_virtual(look())


def test_fetching_tells_how_far_it_has_come() -> None:
    """Added up over layers, ending with one that is done."""
    told = [each.unwrap() for each in pulled(managed(ollama()), "llama3.2:1b")]
    assert [(each.completed_bytes, each.total_bytes) for each in told] == [
        (0, 0),
        (0, 1000),
        (400, 1000),
        (1000, 1000),
        (1010, 1010),
        (1010, 1010),
        (1010, 1010),
        (1010, 1010),
    ]
    assert [each.done for each in told] == [False] * 7 + [True]
    assert {each.model for each in told} == {"llama3.2:1b"}
    assert told[0].status == "pulling manifest"


def test_what_nobody_offers_cannot_be_fetched() -> None:
    *_, last = pulled(managed(ollama()), "nobodys")
    error = last.failure()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "permanent"


def chunked(*pieces: bytes, status: int = 200) -> Script:
    return lambda _: Chunked(pieces, headers=NDJSON, status=status)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (chunked(lines({"status": "pulling manifest"})), StreamInterrupted),
        (chunked(b'{"status": "pull'), MalformedResponse),
        (chunked(b"<html>\n"), MalformedResponse),
        (chunked(b"x" * 1_100_000), StreamInterrupted),
        (chunked(b'{"error": "model \'x\' ', b'not found"}', status=404), ModelUnavailable),
    ],
    ids=("ends", "cut line", "a page", "a line without end", "refused"),
)
def test_a_fetching_that_fails(script: Script, kind: type) -> None:
    assert isinstance(pulled(managed(script), "x")[-1].failure(), kind)


def test_a_fetching_that_breaks() -> None:
    """As the way to the server tells it; one that could not begin says how to start the server."""
    server = carried(ollama())

    async def broken(envelope: Envelope) -> Any:
        opened = (await server.open(envelope)).unwrap()

        async def chunks() -> Any:
            yield Success(lines({"status": "pulling manifest"}))
            yield Failure(NetworkError(model="x", message="reset", sent=True))

        return Success(type(opened)(status=200, headers=(), chunks=chunks()))

    async def refused(_: Envelope) -> Any:
        return Failure(NetworkError(model="x", message="refused"))

    first, last = pulled(managed(Transport(send=server.send, open=broken, close=server.close)), "x")
    assert isinstance(first, Success)
    assert isinstance(last.failure(), NetworkError)
    (only,) = pulled(managed(Transport(send=server.send, open=refused, close=server.close)), "x")
    error = only.failure()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "not_running"


def test_leaving_a_fetching_ends_it() -> None:
    async def leave() -> None:
        async for told in managed(ollama()).pull("mistral"):
            assert isinstance(told, Success)
            break

    run_virtual(leave())


def test_models_are_removed_loaded_and_unloaded() -> None:
    state = State(models={})
    models = managed(ollama(LLAMA, Kept("nomic-embed-text", capabilities=("embedding",)), state=state))

    async def manage() -> None:
        assert (await settle(models.load("llama3.2:3b"))) == Success(None)
        assert (await settle(models.load("nomic-embed-text"))) == Success(None)
        assert sorted(state.running) == ["llama3.2:3b", "nomic-embed-text"]
        assert (await settle(models.unload("llama3.2:3b"))) == Success(None)
        assert sorted(state.running) == ["nomic-embed-text"]
        assert (await settle(models.delete("llama3.2:3b"))) == Success(None)
        assert isinstance((await settle(models.delete("llama3.2:3b"))).failure(), ModelUnavailable)

    run_virtual(manage())
    assert state.asked[:3] == ["/api/generate", "/api/embed", "/api/generate"]


def test_under_airgap_nothing_leaves() -> None:
    """No fetching, no registry, no question that the server would pass on."""
    state = State(models={})
    models = managed(ollama(LLAMA, state=state), ProviderSettings(check_updates=True), routing=AIRGAP)

    async def manage() -> list[LLMError]:
        outcomes: list[Settled[Any, LLMError]] = [
            await settle(models.updates()),
            await settle(models.show(CLOUD)),
            await settle(models.load(CLOUD)),
            await settle(models.unload(CLOUD)),
        ]
        return [outcome.failure() for outcome in outcomes]

    errors = [*run_virtual(manage()), *(told.failure() for told in pulled(models, "mistral"))]
    assert len(errors) == 5
    assert all(isinstance(error, PolicyBlocked) and error.policy == "airgap" for error in errors)
    assert state.asked == []


MANIFEST = {"schemaVersion": 2, "config": {"digest": "sha256:c"}, "layers": [{"digest": "sha256:d", "size": 3}]}
BODY = json.dumps(MANIFEST).encode()
COMPACT = json.dumps(MANIFEST, separators=(",", ":")).encode()


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("local", "headers", "newer"),
    [
        (digest(BODY), (), False),
        (f"sha256:{digest(COMPACT)}", (), False),
        ("e" * 64, (("ollama-content-digest", "e" * 64),), False),
        ("e" * 64, (("docker-content-digest", "sha256:" + "e" * 64),), False),
        ("e" * 64, (), True),
        ("", (), None),
    ],
)
def test_a_newer_version_has_another_digest(local: str, headers: Sequence[tuple[str, str]], newer: bool | None) -> None:
    model = LocalModel(name="llama3.2:3b", digest=local)
    assert update_of(model, WireReply(status=200, headers=tuple(headers), body=BODY)) == ModelUpdate(name="llama3.2:3b", newer=newer)


@pytest.mark.parametrize(
    "reply", [WireReply(status=404), WireReply(status=200, body=b"<html>"), WireReply(status=200, body=b'{"layers": 1}')]
)
def test_what_the_registry_does_not_tell_stays_open(reply: WireReply) -> None:
    assert update_of(LocalModel(name="m", digest="e" * 64), reply).newer is None


def test_looking_for_updates_is_a_setting() -> None:
    """Only the registry is asked, over https, and only about models that it may have."""

    async def look(models: LocalModels) -> Settled[Any, LLMError]:
        return await settle(models.updates())

    off = run_virtual(look(managed(ollama(LLAMA)))).failure()
    assert isinstance(off, ConfigurationError)
    assert "check_updates = true" in off.message

    sent: list[Envelope] = []

    def answer(received: Received) -> Any:
        if received.path == "/v2/library/mistral/manifests/latest":
            return Respond(404)
        if received.path.startswith("/v2/"):
            return Respond(200, (("ollama-content-digest", "a" * 64),), BODY)
        return ollama(LLAMA, Kept("mistral"), HIDDEN, Kept(CLOUD), Kept("hf.co/someone/thing:Q4"))(received)

    on = ProviderSettings(check_updates=True)
    found = run_virtual(look(managed(answer, on, sent=sent))).unwrap()
    assert [(each.name, each.newer) for each in found] == [
        ("llama3.2:3b", False),
        ("mistral", None),
        ("mine", None),
        (CLOUD, None),
        ("hf.co/someone/thing:Q4", None),
    ]
    asked = [envelope for envelope in sent if "/v2/" in envelope.url]
    assert [envelope.url for envelope in asked] == [
        "https://registry.ollama.ai/v2/library/llama3.2/manifests/3b",
        "https://registry.ollama.ai/v2/library/mistral/manifests/latest",
    ]
    assert not any(envelope.local for envelope in asked)
    assert not any(name == b"authorization" for envelope in asked for name, _ in envelope.headers)
    assert isinstance(run_virtual(look(managed(failing("/api/tags", 500, ollama()), on))), Failure)

    async def lost(envelope: Envelope) -> Any:
        if "/v2/" in envelope.url:
            return Failure(NetworkError(model="m", message="no way"))
        return await carried(ollama(LLAMA)).send(envelope)

    server = carried(ollama())
    away = run_virtual(look(managed(Transport(send=lost, open=server.open, close=server.close), on))).unwrap()
    assert [each.newer for each in away] == [None]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("llama3.2", "/v2/library/llama3.2/manifests/latest"),
        ("someone/thing:7b", "/v2/someone/thing/manifests/7b"),
        ("registry.ollama.ai/library/llama3.2:3b", "/v2/library/llama3.2/manifests/3b"),
        ("hf.co/someone/thing:Q4", None),
        ("a/b/c/d", None),
        ("../../secret", None),
        ("x:y z", None),
        ("", None),
    ],
)
def test_where_the_registry_keeps_a_model(name: str, path: str | None) -> None:
    found = registry_name(name)
    assert (None if found is None else found.path) == path


@given(st.text(max_size=40))
def test_any_name_is_judged(name: str) -> None:
    """And what is kept in the registry has a path without surprises."""
    is_offloaded(name), only_continues(name)
    assert same_model(same_model(name)) == same_model(name)
    found = registry_name(name)
    assert found is None or (".." not in found.path.split("/") and " " not in found.path)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["models", "name", "model", "size", "details", "model_info", "general.architecture", "a.context_length", "remote_host"]
            )
            | st.sampled_from(["status", "digest", "total", "completed", "error", "capabilities", "license"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(values.map(json.dumps).map(str.encode) | st.binary(max_size=20), st.sampled_from([200, 404, 500]))
def test_any_answer_is_read_or_an_error(body: bytes, status: int) -> None:
    reply = WireReply(status=status, body=body)
    assert isinstance(read_stored(reply, WHO, wall=0.0), Success | Failure)
    assert isinstance(read_running(reply, WHO, wall=0.0), Success | Failure)
    assert isinstance(read_details(reply, WHO, "m", wall=0.0), Success | Failure)
    update_of(LocalModel(name="m", digest="x"), reply)


@settings(max_examples=150, deadline=None)
@given(st.lists(values.map(json.dumps).map(str.encode) | st.binary(max_size=20), max_size=6))
def test_any_lines_are_progress_that_never_goes_back(told: list[bytes]) -> None:
    fetching, before = Fetching(model="m"), 0
    for line in told:
        over = fetching.over
        fetching, event = read_progress(fetching, line, WHO, wall=0.0)
        assert event is None or not over
        if isinstance(event, Success):
            progress = event.unwrap()
            assert 0 <= before <= progress.completed_bytes
            before = progress.completed_bytes
