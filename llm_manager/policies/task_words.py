"""Words about tasks, as data: what callers may call a task, and what in a prompt points to one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from llm_manager.domain.requests import Complexity, Sensitivity, TaskType


@frozen(kw_only=True)
class TaskAxes:
    """What one word says on the three axes; None where it says nothing."""

    task_type: TaskType | None = None
    complexity: Complexity | None = None
    sensitivity: Sensitivity | None = None


TASK_WORDS: Final[Mapping[str, TaskAxes]] = MappingProxyType(
    {
        "simple": TaskAxes(complexity="simple"),
        "moderate": TaskAxes(complexity="moderate"),
        "complex": TaskAxes(complexity="complex"),
        "public": TaskAxes(sensitivity="public"),
        "private": TaskAxes(sensitivity="private"),
        "privacy": TaskAxes(sensitivity="private"),
        "sensitive": TaskAxes(sensitivity="private"),
        "general": TaskAxes(task_type="general"),
        "default": TaskAxes(task_type="general"),
        "short": TaskAxes(complexity="simple"),
        "tools": TaskAxes(task_type="general"),
        "analysis": TaskAxes(task_type="analysis"),
        "complexanalysis": TaskAxes(task_type="analysis", complexity="complex"),
        "ui": TaskAxes(task_type="ui_generation"),
        "uigeneration": TaskAxes(task_type="ui_generation"),
        "config": TaskAxes(task_type="config_management"),
        "configmanagement": TaskAxes(task_type="config_management"),
        "sql": TaskAxes(task_type="sql"),
        "code": TaskAxes(task_type="code"),
        "coding": TaskAxes(task_type="code"),
        "creative": TaskAxes(task_type="creative"),
    }
)
"""Every word by which a task, its difficulty or its privacy may be called, without case and separators."""


def task_word(word: str) -> TaskAxes | None:
    """Read a word about a task; None when it is not known.

    >>> task_word("Config Management")
    TaskAxes(task_type='config_management', complexity=None, sensitivity=None)
    """
    return TASK_WORDS.get("".join(word[:64].split()).replace("_", "").replace("-", "").lower())


def _by_word(words: Mapping[TaskType, str]) -> Mapping[bytes, TaskType]:
    return {word: task for task, listed in words.items() for word in listed.encode().split()}


KEYWORDS: Final = _by_word(
    {
        "sql": "sql plsql nl2sql",
        "ui_generation": "ui frontend css jsx tsx tailwind svelte",
        "code": "python javascript typescript golang java kotlin haskell bash numpy coding programming codebase debug "
        "refactor regex regexp traceback stacktrace segfault docstring pytest unittest compiler",
        "config_management": "config configs configuration configurations configure ansible terraform dockerfile kubernetes nginx",
        "analysis": "analysis analyses analyze analyse analyzing analysing anomaly anomalies",
        "creative": "poem poems poetry haiku limerick lyrics screenplay fairytale fiction",
    }
)
"""Whole words that point to a task by themselves, as lower-case bytes."""

TASK_ORDER: Final[tuple[TaskType, ...]] = ("sql", "ui_generation", "code", "config_management", "analysis", "creative")
"""Which task is meant when words of several are found: the narrower first."""

COMPLEX_WORDS: Final = frozenset({b"configure", b"analyze", b"analyse", b"debug"})
"""Whole words that make a request complex by themselves."""
