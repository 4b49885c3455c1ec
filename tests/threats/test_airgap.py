"""Under airgap no connection leaves this machine and no name is looked up, whatever is asked and however the rest is set.

A hook of the interpreter hears every connection and every lookup. (`tests/conftest.py` keeps one for every other test, which
refuses whatever is not loopback; `tests/integration/test_spine.py` asks the same of models on disk.)
"""

import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager import LLMManager, LLMRequest, PolicyBlocked, default_deps, load_config, make_llm_manager, settle
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import LLMError
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import Preferences
from llm_manager.policies.names import KEY_VARIABLES
from llm_manager.real_world import real_world
from tests.loopback import FaultServer, Received, Respond, fault_server, json_reply

_heard: list[tuple[str, object]] | None = None
REACHING = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if _heard is not None and event in REACHING:
        _heard.append((event, args[1] if event.startswith(("socket.connect", "socket.send")) else args[0]))


sys.addaudithook(_hear)


@contextmanager
def hearing() -> Iterator[list[tuple[str, object]]]:
    global _heard
    heard = list[tuple[str, object]]()
    _heard = heard
    try:
        yield heard
    finally:
        _heard = None


def reached(heard: list[tuple[str, object]]) -> set[str]:
    """The hosts that were connected to or looked up, but for this machine's own address."""
    hosts = {str(place[0]) if isinstance(place, tuple) else str(place) for _, place in heard if isinstance(place, tuple | str | bytes)}
    return {host for host in hosts if not _is_here(host)}


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def local_model(received: Received) -> Respond:
    """A server of one's own."""
    if received.path.endswith("/chat/completions"):
        return json_reply({"choices": [{"message": {"content": "here"}, "finish_reason": "stop"}]})
    if received.path.endswith("/embeddings"):
        return json_reply({"data": [{"index": 0, "embedding": [0.5]}]})
    return json_reply({"data": [{"id": "tiny"}], "count": 3})


async def everything(manager: LLMManager) -> list[object]:
    """Whatever a manager can be asked, named for a cloud and not."""
    told: list[object] = []
    for provider in (None, "openai", "anthropic", "gemini", "vllm"):
        request = LLMRequest("hello", preferences=Preferences(provider=provider), sensitivity="public")
        told.append(await settle(manager.generate(request)))
        async with aclosing(manager.stream(request)) as events:
            told += [event async for event in events]
        told.append(await settle(manager.count_tokens(request)))
        told.append(await settle(manager.embed(EmbedRequest(texts=("hello",), provider=provider))))
        told.append(await settle(manager.moderate(ModerationRequest(texts=("hello",), provider=provider))))
        told.append(await settle(manager.create_image(ImageRequest(prompt="a heron", provider=provider))))
    told += [await settle(manager.health()), await settle(manager.models()), await settle(manager.credits())]
    told.append(await settle(manager.discover()))
    async with aclosing(manager.generate_all([LLMRequest("a"), LLMRequest("b")])) as rows:
        told += [row async for row in rows]
    return told


def surroundings(tmp_path: Path, proxy: FaultServer, **more: str) -> dict[str, str]:
    """Keys of every cloud, one of them in a file, and proxies in every variable that anybody reads."""
    (tmp_path / "keys").write_text("sk-from-a-file\n", "utf-8")
    keys = {variable: f"sk-canary-{name}" for name, variable in KEY_VARIABLES.items() if name != "groq"}
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    return {
        "HOME": str(tmp_path),
        "LLM_AIRGAP_MODE": "true",
        "GROQ_API_KEY_FILE": str(tmp_path / "keys"),
        **keys,
        **dict.fromkeys(names, proxy.url),
        **more,
    }


@pytest.mark.parametrize("local", [True, False])
async def test_nothing_but_this_machine_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: bool) -> None:
    with fault_server(local_model) as server, fault_server(json_reply({})) as proxy:
        environ = surroundings(tmp_path, proxy, **({"VLLM_ENDPOINT": f"{server.url}/v1"} if local else {}))
        for name, value in environ.items():
            monkeypatch.setenv(name, value)  # whatever library looks there for itself
        config = load_config(None, environ).unwrap()
        assert config.routing.airgap
        assert config.network.proxy is not None
        with hearing() as heard:
            async with make_llm_manager(config, default_deps(config, real_world(environ)).unwrap()).unwrap() as manager:
                told = await everything(manager)
    assert reached(heard) == set()
    assert [event for event, _ in heard if "get" in event and event != "socket.getaddrinfo"] == []
    assert proxy.connections == 0
    assert bool(server.requests) is local
    answers = [each.unwrap().content for each in told if isinstance(each, Success) and hasattr(each.unwrap(), "content")]
    assert (set(answers) == {"here"}) is local or not answers
    sent = [value for received in server.requests for value in received.headers.values()]
    assert not [value for value in sent if "sk-" in value]


async def test_what_is_blocked_says_so(tmp_path: Path) -> None:
    with fault_server(json_reply({})) as proxy:
        config = load_config(None, surroundings(tmp_path, proxy)).unwrap()
    async with make_llm_manager(config, default_deps(config, real_world({})).unwrap()).unwrap() as manager:
        outcome = await settle(manager.generate(LLMRequest("hello", preferences=Preferences(provider="openai", exact=True))))
        planned = manager.plan(LLMRequest("hello"))
    assert isinstance(outcome, Failure)
    error: LLMError = outcome.failure()
    assert isinstance(error, PolicyBlocked)
    assert error.policy == "airgap"
    assert "start a local server" in error.message
    assert isinstance(planned, Failure)
    assert isinstance(planned.failure(), PolicyBlocked)
