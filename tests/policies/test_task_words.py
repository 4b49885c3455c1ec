"""Every word that any vocabulary has for a task finds its place on the three axes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.task_words import KEYWORDS, TASK_ORDER, TaskAxes, task_word


@pytest.mark.parametrize(
    "word",
    [
        "SIMPLE",
        "MODERATE",
        "COMPLEX",
        "CREATIVE",
        "simple",
        "complex",
        "sensitive",
        "creative",
        "privacy",
        "tools",
        "short",
        "code",
        "complex analysis",
        "default",
        "analysis",
        "UI generation",
        "ui_generation",
        "config management",
        "config-management",
        "general",
        "sql",
    ],
)
def test_every_known_word_says_something(word: str) -> None:
    assert task_word(word) not in {None, TaskAxes()}


def test_words_stand_on_their_axis() -> None:
    assert task_word("sensitive") == TaskAxes(sensitivity="private")
    assert task_word("Moderate") == TaskAxes(complexity="moderate")
    assert task_word("complex analysis") == TaskAxes(task_type="analysis", complexity="complex")


@given(st.text(max_size=200))
def test_any_other_word_says_nothing_or_something(word: str) -> None:
    assert task_word(word) is None or isinstance(task_word(word), TaskAxes)


def test_every_task_but_the_general_one_has_keywords() -> None:
    assert set(KEYWORDS.values()) == set(TASK_ORDER)
    assert all(word == word.lower() and word.isalnum() for word in KEYWORDS)
