"""The public names are those agreed on, and each can be touched in any order."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import llm_manager
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.streaming import StreamEvent

AGREED = {
    "BlockingManager",
    "Failure",
    "LLMConfig",
    "LLMError",
    "LLMManager",
    "LLMRequest",
    "LLMResponse",
    "ManagerDeps",
    "Result",
    "Settled",
    "Structured",
    "Success",
    "blocking",
    "check_local_model_health",
    "classify",
    "collect",
    "create_default_llm_manager",
    "create_default_local_client",
    "default_deps",
    "load_config",
    "make_llm_manager",
    "make_model_client",
    "make_model_router",
    "programs",
    "sealed",
    "settle",
}


def test_the_agreed_names_are_public() -> None:
    """Functions, services and results."""
    assert set(llm_manager.__all__) >= AGREED


def test_every_error_and_event_is_public() -> None:
    """Whoever matches on them must be able to name them."""
    members = {*get_args(LLMError), *get_args(Event), *get_args(StreamEvent)}
    assert set(llm_manager.__all__) >= {member.__name__ for member in members}


def test_names_are_listed_once_and_shown_by_dir() -> None:
    """No name twice, and completion finds them all."""
    assert len(set(llm_manager.__all__)) == len(llm_manager.__all__)
    assert set(dir(llm_manager)) >= set(llm_manager.__all__)


def test_nothing_private_is_public() -> None:
    """No name begins with an underscore."""
    assert not [name for name in llm_manager.__all__ if name.startswith("_")]


def test_type_checkers_see_the_same_names() -> None:
    """What is loaded lazily is imported for type checkers, each under its own name."""
    source = Path(llm_manager.__file__).read_text(encoding="utf-8")
    imported = {name for name, again in re.findall(r"(\w+) as (\w+)", source) if name == again}
    assert imported == set(llm_manager.__all__)


_TOUCH = """
import sys, llm_manager
from types import ModuleType
names = sorted(llm_manager.__all__, reverse=sys.argv[1] == "backwards")
wrong = [n for n in names if isinstance(getattr(llm_manager, n), ModuleType) is not (n == "programs")]
again = [n for n in names if isinstance(getattr(llm_manager, n), ModuleType) is not (n == "programs")]
print(wrong + again)
"""


def test_each_name_is_itself_whichever_is_touched_first() -> None:
    """A module of the same name never takes its place."""
    for order in ("forwards", "backwards"):
        ran = subprocess.run([sys.executable, "-c", _TOUCH, order], capture_output=True, text=True, check=False)
        assert ran.stdout == "[]\n", ran.stdout + ran.stderr


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for any module."""
    assert not hasattr(llm_manager, "LLMManger")
