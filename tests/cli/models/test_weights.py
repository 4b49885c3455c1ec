"""Fetching the weights shows how far it is, and says plainly when it fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.cli.models.weights import OnProgress, fetch_showing, pull
from llm_manager.clients.embedded.weights import find_weights
from llm_manager.domain.configuration import EmbeddedSettings
from llm_manager.domain.errors import LLMError, NetworkError
from llm_manager.outcomes import Settled

Setting = Callable[..., Any]


def _fetching(outcome: Settled[Path, LLMError]) -> Callable[[OnProgress], Any]:
    async def fetch(on_progress: OnProgress) -> Settled[Path, LLMError]:
        for done in (0, 10, 26, 27, 60, 100):
            on_progress(done, 100)
        return outcome

    return fetch


_LOST = _fetching(Failure(NetworkError(model="m", message="no route")))


async def test_a_pipe_gets_a_line_now_and_then(scene: Setting) -> None:
    at = scene()
    await fetch_showing(at.session.output, _fetching(Success(Path("there"))))
    assert at.err.getvalue().splitlines() == [
        "fetching the embedded model (98 MB, once)",
        "fetching the embedded model: 25 %",
        "fetching the embedded model: 50 %",
        "fetched the embedded model (98 MB, once)",
    ]
    assert at.out.getvalue() == ""


async def test_a_terminal_gets_a_bar(scene: Setting) -> None:
    at = scene(terminal=True)
    assert await fetch_showing(at.session.output, _fetching(Success(Path("there")))) == Success(Path("there"))
    assert at.out.getvalue() == ""
    assert at.err.getvalue().rstrip().endswith("fetched the embedded model (98 MB, once)")


async def test_a_failure_is_handed_on(scene: Setting) -> None:
    failure: Settled[Path, LLMError] = Failure(NetworkError(model="m", message="no route"))
    at = scene()
    assert await fetch_showing(at.session.output, _fetching(failure)) == failure
    assert "fetched" not in at.err.getvalue()


def test_weights_that_are_here_are_not_fetched(scene: Setting, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    embedded = EmbeddedSettings(model_path=str(tmp_path / "mine.gguf"))
    at = scene()
    assert pull(at.session.output, embedded, {}, _LOST) == 0
    assert at.out.getvalue() == f"{tmp_path / 'mine.gguf'}\n"
    at = scene(json=True)
    assert pull(at.session.output, embedded, {}, _LOST) == 0
    assert json.loads(at.out.getvalue()) == {"path": str(tmp_path / "mine.gguf")}


def test_a_named_file_that_is_missing_is_never_replaced(scene: Setting, tmp_path: Path) -> None:
    at = scene()
    assert pull(at.session.output, EmbeddedSettings(model_path=str(tmp_path / "absent.gguf")), {}, _LOST) == 2
    assert "absent.gguf" in at.err.getvalue()


def test_missing_weights_are_pulled(scene: Setting, tmp_path: Path) -> None:
    at = scene()
    environ = {"LLM_MANAGER_CACHE_DIR": str(tmp_path)}
    if find_weights(EmbeddedSettings(), environ) is not None:
        pytest.skip("the weights are installed here")
    assert pull(at.session.output, EmbeddedSettings(), environ, _fetching(Success(Path("there")))) == 0
    assert at.out.getvalue() == "there\n"
    at = scene()
    assert pull(at.session.output, EmbeddedSettings(), environ, _LOST) == 1
    assert "no route" in at.err.getvalue()


def test_under_airgap_nothing_is_pulled(scene: Setting, tmp_path: Path) -> None:
    environ = {"LLM_MANAGER_CACHE_DIR": str(tmp_path)}
    if find_weights(EmbeddedSettings(), environ) is not None:
        pytest.skip("the weights are installed here")
    at = scene()
    assert pull(at.session.output, EmbeddedSettings(), environ, _fetching(Success(Path("there"))), airgap=True) == 2
    assert (at.out.getvalue(), "airgap" in at.err.getvalue()) == ("", True)
