"""Servers that people run, asked when they answer; and the tests that the specification names (S0.57, S1.15, S3.31).

LM Studio is looked for at port 1234 and Ollama at the OpenAI-compatible side of port 11434; by its own dialect it is
asked in tests/integration/test_ollama.py. Where none answers the tests are skipped and say so; the same tests always run
against the real model behind HTTP.

| named in the specification | tested in |
|---|---|
| provider health and unstreamed completion (S0.57) | here, tests/integration/test_spine.py::test_it_plans_lists_checks_and_counts |
| fallback from an unknown default provider (S0.57) | here |
| Ollama generation and errors | tests/integration/test_ollama.py, tests/clients/ollama/test_truths.py |
| Anthropic availability | here, tests/integration/test_anthropic_server.py |
| Anthropic errors | tests/clients/anthropic_messages/test_truths.py |
| breaker transitions, breaker state retrieval | tests/policies/test_breaker.py, tests/orchestration/test_failing_over.py |
| init and airgap | tests/test_wiring.py, tests/integration/test_spine.py::test_airgap_touches_nothing_but_loopback |
| classification of all task types | here, tests/policies/test_classification.py::test_the_task_is_read_from_whole_words |
| fallback on failure | tests/integration/test_spine.py::test_a_dead_server_is_left_for_a_live_one_and_the_answer_tells |
| health checks and stats | here, tests/orchestration/test_checking.py, tests/policies/test_statistics.py |
| integration tests when Ollama answers (S1.15), when LM Studio runs (S3.31) | tests/integration/test_ollama.py, here |
| mocked unit tests (S3.31) | scripted models instead: tests/orchestration/test_walking.py |
"""

import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError, LLMError, ModelUnavailable
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences, TaskType
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.policies.classification import classify
from llm_manager.services.manager import LLMManager
from llm_manager.settings import read_config
from llm_manager.testing import faults, scripted, scripted_manager
from tests.integration.managers import CAPITAL, MODEL, config_of, managing, served
from tests.integration.serving import EngineServer

ROOT = Path(__file__).parents[2]
SERVERS = {"LM Studio": 1234, "Ollama": 11434}
SHORT = LLMRequest("Say hello.", preferences=Preferences(max_tokens=16, temperature=0.0), cache="off")

# Servers that people run


@pytest.fixture(params=["the real model behind HTTP", *SERVERS])
async def running(request: pytest.FixtureRequest) -> AsyncIterator[LLMManager]:
    """A manager over a server that answers, with a model of its own as the default."""
    if request.param in SERVERS:
        base_url = f"http://127.0.0.1:{SERVERS[request.param]}/v1"
        _skip_unless_listening(request.param, SERVERS[request.param])
    else:
        base_url = request.getfixturevalue("engine_server").base_url
    async with managing(config_of({"lmstudio": ProviderSettings(base_url=base_url)})) as (manager, _):
        listed = [profile.name for profile in (await settle(manager.models())).unwrap() if profile.provider == "lmstudio"]
    able = [name for name in listed if "embed" not in name.lower()]
    if not able:
        pytest.skip(f"{request.param} answers, and has no model to chat with")
    async with managing(config_of({"lmstudio": ProviderSettings(base_url=base_url, default_model=able[0], timeout_ms=120_000)})) as (
        manager,
        _,
    ):
        yield manager


def _skip_unless_listening(name: str, port: int) -> None:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        pytest.skip(f"{name} does not answer at port {port}: start it to run this")


async def test_it_is_healthy_and_names_its_models(running: LLMManager) -> None:
    (health,) = [each for each in (await settle(running.health())).unwrap() if each.provider == "lmstudio"]
    assert health.healthy, health.error_message
    assert health.models


async def test_it_completes_whole_and_streamed(running: LLMManager) -> None:
    outcome = await settle(running.generate(SHORT))
    assert isinstance(outcome, Success), outcome
    answer = outcome.unwrap()
    assert answer.provider == "lmstudio"
    assert answer.content or answer.reasoning
    assert answer.usage is not None
    streamed = await collect(running.stream(SHORT))
    assert isinstance(streamed, Success), streamed
    stats = running.stats()
    assert (stats.calls, stats.answered, stats.failed) == (2, 2, 0)


async def test_a_model_it_does_not_have_is_told(running: LLMManager) -> None:
    """Servers that hold one model answer with that one; all others say that there is none."""
    request = evolve(SHORT, preferences=evolve(SHORT.preferences, provider="lmstudio", model="no-such-model-at-all"))
    outcome = await settle(running.generate(request))
    if isinstance(outcome, Failure):
        error: LLMError = outcome.failure()
        assert error.tag in ("ModelUnavailable", "InvalidRequest", "AllModelsFailed")
    else:
        assert outcome.unwrap().provider == "lmstudio"


# Tests that the specification names


def test_the_table_above_names_tests_that_are_there() -> None:
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", str(__doc__))
    assert len(named) > 8
    for path, name in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not name or f"def {name}(" in text


@pytest.mark.embedded
async def test_a_default_provider_that_is_not_there_gives_way_to_one_that_is(engine_server: EngineServer) -> None:
    """Known and without a client, known and without a key, and no provider at all: the others answer."""
    for default in ("ollama", "claude", "openai", "nonesuch"):
        config = config_of({"llamacpp": served(engine_server.base_url)}, default_provider=default)
        async with managing(config) as (manager, told):
            answer = (await settle(manager.generate(CAPITAL))).unwrap()
        assert (answer.provider, told.asked) == ("llamacpp", ["llamacpp"])


@pytest.mark.embedded
async def test_a_named_provider_that_is_not_there_gives_way_to_the_default_with_a_notice(engine_server: EngineServer) -> None:
    config = config_of({"llamacpp": served(engine_server.base_url)}, default_provider="llamacpp")
    async with managing(config) as (manager, _):
        answer = (await settle(manager.generate(evolve(CAPITAL, preferences=evolve(CAPITAL.preferences, provider="claude"))))).unwrap()
    assert answer.provider == "llamacpp"
    assert f"anthropic is not available; {MODEL} of llamacpp is asked instead" in answer.notices


def test_a_misspelt_default_provider_in_settings_is_a_fault_that_names_the_nearest(tmp_path: Path) -> None:
    outcome = read_config(None, {"HOME": str(tmp_path), "LLM_DEFAULT_PROVIDER": "olama"})
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    assert "ollama" in str(error.faults[0])


async def test_claude_is_told_as_not_available_with_the_reason() -> None:
    """With its key set and its client not there, and without its key."""
    for config in (LLMConfig(), LLMConfig(providers={"anthropic": ProviderSettings()})):
        async with managing(config) as (manager, told):
            outcome = manager.plan(evolve(CAPITAL, preferences=Preferences(provider="claude")))
            assert isinstance(outcome, Failure)
            error = outcome.failure()
            assert isinstance(error, ConfigurationError)
            assert "anthropic cannot be asked" in error.message
            assert "anthropic" in error.message
            assert told.asked == []


ONE_OF_EACH: dict[TaskType, str] = {
    "general": "What is the capital of France?",
    "analysis": "Analyze the latencies of last week and find anomalies",
    "ui_generation": "Write a React component with a table of orders",
    "config_management": "Validate this configuration of the collector",
    "sql": "Write a SQL query for monthly sales",
    "code": "Write a Python function that parses dates",
    "creative": "Write a poem about the sea",
}


@pytest.mark.parametrize("task", get_args(TaskType))
def test_every_task_type_is_recognised_and_planned(task: TaskType) -> None:
    """Read off the prompt, and taken over when the request names it; either way somebody may be asked."""
    assert classify(LLMRequest(ONE_OF_EACH[task])).task_type == task
    manager = scripted_manager(scripted("a", provider="lmstudio"), scripted("b", provider="openai", locality="cloud"))
    for request in (LLMRequest(ONE_OF_EACH[task]), LLMRequest("Do it.", task_type=task)):
        plan = manager.plan(request).unwrap()
        assert plan.classification.task_type == task
        assert len(plan.steps) == 2


async def test_health_and_stats_tell_of_both_kinds_of_end() -> None:
    """One server that answers and one whose key is wrong: counts, tokens, latency and errors of each."""
    well = scripted("fine", provider="lmstudio", model="good")
    ill = scripted(faults.wrong_key(), provider="openai", model="bad", locality="cloud")
    config = LLMConfig(routing=RoutingPolicy(fallback_order=("openai", "lmstudio")))
    async with scripted_manager(ill, well, config=config) as manager:
        answer = (await settle(manager.generate(LLMRequest("hi")))).unwrap()
        healths = {health.provider: health.healthy for health in (await settle(manager.health())).unwrap()}
        stats = manager.stats()
    assert [type(record.error) for record in answer.attempts] == [AuthenticationFailed, type(None)]
    assert healths == {"openai": True, "lmstudio": True}
    assert (stats.calls, stats.answered, stats.failed) == (1, 1, 0)
    good, bad = stats.models["lmstudio/good"], stats.models["openai/bad"]
    assert (good.attempts, good.successes, good.usage.completion_tokens > 0) == (1, 1, True)
    assert good.latency_seconds is not None
    assert (bad.attempts, bad.successes, dict(bad.errors)) == (1, 0, {"AuthenticationFailed": 1})
    assert bad.latency_seconds is None


async def test_everybody_down_is_one_error_that_names_them_all() -> None:
    """And a single one is that one's own error."""
    down = scripted(ModelUnavailable(model="one", message="down", reason="permanent"), provider="lmstudio")
    gone = scripted(faults.quota_exhausted(), provider="openai", locality="cloud")
    async with scripted_manager(down, gone) as manager:
        error = (await settle(manager.generate(LLMRequest("hi")))).failure()
    assert error.tag == "AllModelsFailed"
    async with scripted_manager(down) as manager:
        assert (await settle(manager.generate(LLMRequest("hi")))).failure().tag == "ModelUnavailable"
