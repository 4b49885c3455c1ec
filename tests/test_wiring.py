"""The composition root: the order of layers, and which settings make which clients."""

import os
import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import Budget, EmbeddedSettings, LLMConfig, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, PolicyBlocked
from llm_manager.domain.plans import RoutingPolicy, Snapshot
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.services.manager import ManagerDeps
from llm_manager.testing import fake_world, scripted, scripted_deps
from llm_manager.wiring import (
    check_local_model_health,
    create_default_local_client,
    default_deps,
    load_config,
    make_guards,
    make_llm_manager,
    make_model_client,
    make_model_router,
)

KEYED = ProviderSettings(api_key=Secret("sk-test"))


def test_with_nothing_configured_the_toy_is_there_and_a_server_is_looked_for() -> None:
    deps = default_deps(LLMConfig(), fake_world()).unwrap()
    assert list(deps.clients) == ["embedded"]
    assert list(deps.servers) == ["lmstudio", "ollama", "llamacpp", "vllm"]
    assert all(client.key is None and client.endpoint.locality == "local" for client in deps.servers.values())
    assert {gone.provider: gone.reason for gone in deps.unavailable}["openai"] == "not configured: set OPENAI_API_KEY"
    assert {gone.provider: gone.rule for gone in deps.unavailable}["openai"] == "unconfigured"


def test_a_server_that_is_switched_off_is_not_looked_for() -> None:
    deps = default_deps(LLMConfig(providers={"vllm": ProviderSettings(enabled=False)}), fake_world()).unwrap()
    assert list(deps.servers) == ["lmstudio", "ollama", "llamacpp"]
    assert {gone.provider: gone.reason for gone in deps.unavailable}["vllm"] == "switched off in settings"


def test_a_configured_provider_is_a_client_and_nothing_is_looked_for() -> None:
    config = LLMConfig(providers={"openai": KEYED, "groq": ProviderSettings(), "anthropic": KEYED, "vllm": ProviderSettings(enabled=False)})
    deps = default_deps(config, fake_world()).unwrap()
    assert sorted(deps.clients) == ["anthropic", "embedded", "openai"]
    assert deps.servers == {}
    reasons = {gone.provider: gone.reason for gone in deps.unavailable}
    assert reasons["groq"] == "no key: set GROQ_API_KEY"
    assert reasons["vllm"] == "switched off in settings"


@pytest.mark.parametrize(
    "settings",
    [ProviderSettings(base_url="http://127.0.0.1:8000/v1"), ProviderSettings(custom_headers={"authorization": "Bearer other"})],
    ids=["a server of one's own", "a header of one's own"],
)
def test_a_cloud_kind_of_provider_that_needs_no_key_is_a_client(settings: ProviderSettings) -> None:
    deps = default_deps(LLMConfig(providers={"openai": settings}), fake_world()).unwrap()
    assert sorted(deps.clients) == ["embedded", "openai"]


def test_a_provider_at_a_forbidden_address_is_a_configuration_error() -> None:
    config = LLMConfig(providers={"openai": ProviderSettings(api_key=Secret("sk"), base_url="http://api.example.com/v1")})
    refused = make_llm_manager(config)
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), ConfigurationError)


def test_the_embedded_model_joins_a_cloud_only_when_enabled() -> None:
    for enabled, expected in ((False, ["openai"]), (True, ["embedded", "openai"])):
        config = LLMConfig(providers={"openai": KEYED}, embedded=EmbeddedSettings(enabled=enabled))
        plan = make_llm_manager(config).unwrap().plan(LLMRequest("hi")).unwrap()
        assert sorted({step.profile.provider for step in plan.steps}) == expected


def test_a_private_prompt_with_only_a_cloud_is_blocked_and_told_how_to_go_on() -> None:
    manager = make_llm_manager(LLMConfig(providers={"openai": KEYED})).unwrap()
    refused = manager.plan(LLMRequest("This patient has a cough"))
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), PolicyBlocked)


def test_the_router_is_a_service_of_its_own() -> None:
    router = make_model_router(LLMConfig(routing=RoutingPolicy(strategy="cost"))).unwrap()
    snapshot = scripted_deps(scripted("x"))
    assert isinstance(router.route(LLMRequest("hi"), _snapshot(snapshot)), Success)


def _snapshot(deps: ManagerDeps) -> Snapshot:
    from llm_manager.domain.statistics import Statistics
    from llm_manager.orchestration.knowing import Knowledge, Known

    return Knowledge(Known(clients=deps.clients), Statistics).snapshot(LLMRequest("hi"))


def test_a_client_is_made_by_alias_and_a_misspelt_one_is_refused() -> None:
    assert make_model_client("llama").unwrap().endpoint.provider == "lmstudio"
    refused = make_model_client("opnai")
    assert isinstance(refused, Failure)
    assert "openai" in str(refused.failure())


def test_load_config_reads_the_environment_it_is_given(tmp_path: object) -> None:
    environ = {"HOME": str(tmp_path), "OPENAI_API_KEY": "sk-test", "LLM_ROUTING_STRATEGY": "cost"}
    config = load_config(environ=environ).unwrap()
    assert config.routing.strategy == "cost"
    assert "sk-test" not in repr(config)


def test_making_a_manager_twice_shares_nothing() -> None:
    one, other = make_llm_manager(LLMConfig()).unwrap(), make_llm_manager(LLMConfig()).unwrap()
    assert one.stats() == other.stats()
    assert one.generate is not other.generate
    assert isinstance(one.plan(LLMRequest("x", preferences=Preferences(provider="embedded"))), Success)


async def test_under_airgap_the_weights_are_not_fetched_though_settings_allow_it(tmp_path: Path) -> None:
    world = evolve(fake_world(environ={"LLM_MANAGER_CACHE_DIR": str(tmp_path)}), now=real_world().now)
    config = LLMConfig(routing=RoutingPolicy(airgap=True), embedded=EmbeddedSettings(enabled=True, fetch="allowed"))
    manager = make_llm_manager(config, default_deps(config, world).unwrap()).unwrap()
    outcome = await settle(manager.generate(LLMRequest("hi")))
    assert isinstance(outcome, Failure)
    assert "its weights are not in" in str(outcome.failure())


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that says nothing, in an empty folder."""
    for name in list(os.environ):
        if name not in ("PATH", "TMPDIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_the_local_client_goes_by_all_of_the_settings(environment: pytest.MonkeyPatch) -> None:
    assert create_default_local_client().unwrap().endpoint.base_url == "http://localhost:1234/v1"
    environment.setenv("LM_STUDIO_ENDPOINT", "http://192.168.7.7:1234/v1")
    environment.setenv("LLM_MANAGER_NETWORK__LOCAL_HOSTS", "192.168.7.7")
    assert create_default_local_client().unwrap().endpoint.locality == "local"


async def test_under_airgap_a_local_client_is_local(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LLM_AIRGAP_MODE", "true")
    environment.setenv("LM_STUDIO_ENDPOINT", "https://models.example.com/v1")
    for refused in (create_default_local_client(), await settle(check_local_model_health("https://models.example.com/v1"))):
        assert isinstance(refused, Failure)
        assert isinstance(refused.failure(), PolicyBlocked)


async def test_a_local_server_that_is_not_there_is_told_as_ill(environment: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    health = (await settle(check_local_model_health(f"http://127.0.0.1:{port}/v1"))).unwrap()
    assert not health.healthy
    assert "nothing answers" in (health.error_message or "")


def test_a_router_knows_whose_model_it_is_that_nobody_at_hand_has() -> None:
    router = make_model_router(LLMConfig()).unwrap()
    error = router.route(LLMRequest("hi", preferences=Preferences(model="gpt-4o-mnii", exact=True)), Snapshot()).failure()
    assert "did you mean gpt-4o-mini (openai: not configured)?" in describe(error)


def test_managers_share_what_lets_requests_through() -> None:
    """Limits, budgets, breakers and keys are one, and so are the keys that clients choose from."""
    two = ProviderSettings(api_keys=(Secret("sk-one-1111"), Secret("sk-two-2222")))
    config = LLMConfig(providers={"openai": two}, budgets=(Budget(name="b", limit=Decimal(1)),))
    guards = make_guards(config)
    one, other = (default_deps(config, guards=guards).unwrap() for _ in range(2))
    assert one.guards is other.guards is guards
    assert one.keys is other.keys is guards.keys
    managers = [make_llm_manager(config, deps).unwrap() for deps in (one, other)]
    assert managers[0].standing().budgets == managers[1].standing().budgets != ()
    assert default_deps(LLMConfig(providers={"openai": ProviderSettings(api_key=Secret("sk-1"))}), guards=guards).unwrap().keys is None


@pytest.mark.parametrize("strange", ["guards", 5, object(), LLMConfig(), [], False])
def test_what_are_no_guards_is_told(strange: Any) -> None:
    """As an error with its name, not as a traceback."""
    deps = default_deps(LLMConfig()).unwrap()
    for outcome in (make_llm_manager(LLMConfig(), evolve(deps, guards=strange)), default_deps(LLMConfig(), guards=strange)):
        wrong = outcome.failure()
        assert isinstance(wrong, ConfigurationError)
        assert wrong.message.startswith("guards is of type")
    wrong = make_llm_manager(LLMConfig(), strange).failure()
    assert isinstance(wrong, ConfigurationError)
    assert wrong.message.startswith("deps is of type")
