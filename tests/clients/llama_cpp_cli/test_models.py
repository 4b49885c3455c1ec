"""The files of the models folder, and nothing outside it."""

import os
from pathlib import Path

import pytest
from returns.result import Failure, Success

from llm_manager.clients.llama_cpp_cli.models import located, stored
from llm_manager.clients.llama_cpp_cli.profile import ONLY_MODEL
from llm_manager.clients.who import Who
from llm_manager.domain.errors import ConfigurationError, LLMError, ModelUnavailable

WHO = Who(provider="llama_cpp_cli", model="small")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Models of every kind, and a link that leads outside."""
    models = tmp_path / "models"
    (models / "sub").mkdir(parents=True)
    for name in ("small.gguf", "sub/Big.GGUF", "mmproj-x.gguf", "two-00001-of-00002.gguf", "two-00002-of-00002.gguf", "notes.txt"):
        (models / name).write_bytes(b"GGUF")
    (tmp_path / "outside.gguf").write_bytes(b"GGUF")
    (models / "evil.gguf").symlink_to(tmp_path / "outside.gguf")
    (models / "link.gguf").symlink_to("small.gguf")
    (models / "round.gguf").symlink_to("round.gguf")
    return models


def error_of(folder: Path, name: str, limit_gb: float | None = None) -> LLMError:
    outcome = located(folder, name, limit_gb, WHO)
    assert isinstance(outcome, Failure)
    return outcome.failure()


def test_models_are_listed_by_their_names(folder: Path) -> None:
    assert stored(folder) == ("link.gguf", "small.gguf", "sub/Big.GGUF", "two-00001-of-00002.gguf")
    assert stored(folder / "gone") == ()


@pytest.mark.parametrize(
    ("name", "file"), [("small.gguf", "small.gguf"), ("small", "small.gguf"), ("link", "small.gguf"), ("sub/Big.GGUF", "sub/Big.GGUF")]
)
def test_a_name_means_a_file_inside(folder: Path, name: str, file: str) -> None:
    assert located(folder, name, None, WHO) == Success(folder.resolve() / file)


@pytest.mark.parametrize(
    "name",
    ["evil", "../outside.gguf", "sub/../small", "/etc/passwd", "round", "a\0b", "", ".", "sub", "notes.txt", "-h", "x" * 5000, "\ud800"],
)
def test_nothing_else_is_ever_used(folder: Path, name: str) -> None:
    """The answer tells which models there are, the likeliest first."""
    error = error_of(folder, name)
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "permanent"
    assert len(error.message) < 600


def test_an_absolute_path_outside_is_refused_like_an_unknown_name(folder: Path, tmp_path: Path) -> None:
    message = getattr(error_of(folder, str(tmp_path / "outside.gguf")), "message", "")
    assert "is no .gguf file inside" in message
    assert "small.gguf" in getattr(error_of(folder, "smal.gguf"), "message", "")


def test_the_only_model_needs_no_name(tmp_path: Path, folder: Path) -> None:
    lone = tmp_path / "lone"
    lone.mkdir()
    assert isinstance(error_of(lone, ONLY_MODEL), ConfigurationError)
    (lone / "x.gguf").write_bytes(b"GGUF")
    assert located(lone, ONLY_MODEL, None, WHO) == Success(lone.resolve() / "x.gguf")
    several = error_of(folder, ONLY_MODEL)
    assert isinstance(several, ConfigurationError)
    assert "small.gguf" in several.message


def test_a_model_larger_than_the_limit_is_not_loaded(folder: Path) -> None:
    os.truncate(folder / "small.gguf", 2_500_000_000)  # a hole: it takes no room on the disk
    error = error_of(folder, "small", 2.0)
    assert isinstance(error, ModelUnavailable)
    assert "2.5 GB" in error.message
    assert isinstance(located(folder, "small", 3.0, WHO), Success)
