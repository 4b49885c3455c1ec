"""Parameters by any name: aliases agree, ranges hold, a misspelt one finds the nearest, nothing is repeated."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.requests import Preferences
from llm_manager.outcomes import sealed
from llm_manager.policies.parameters import PARAMETER_NAMES, Parameters, read_parameters


def problem(given_: dict[str, Any]) -> str:
    outcome = sealed(read_parameters(given_))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    return error.message


def test_every_documented_alias_may_stand_beside_its_equal() -> None:
    read = read_parameters(
        {
            "temperature": 0.7,
            "temp": 0.7,
            "top_p": 0.9,
            "nucleus_sampling": 0.9,
            "max_tokens": 2000,
            "max_length": 2000,
            "context": 32768,
            "context_length": 32768,
            "ctx_size": 32768,
        }
    )
    assert read == Success(Parameters(preferences=Preferences(temperature=0.7, top_p=0.9, max_tokens=2000), context_length=32768))


@pytest.mark.parametrize(
    ("given_", "preferences"),
    [
        ({}, Preferences()),
        ({"maxTokens": 5, "stopSequences": ["a", "b"]}, Preferences(max_tokens=5, stop=("a", "b"))),
        ({"STOP": "x", "Seed": -1}, Preferences(stop=("x",), seed=-1)),
        ({"stop": []}, Preferences()),
        ({"temperature": None, "temp": 1}, Preferences(temperature=1.0)),
        ({"model": "gpt-4o ", "provider": "claude"}, Preferences(model="gpt-4o", provider="anthropic")),
        ({"provider": "auto"}, Preferences()),
    ],
)
def test_names_are_read_without_case_and_separators(given_: dict[str, Any], preferences: Preferences) -> None:
    assert read_parameters(given_).unwrap().preferences == preferences


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"tempreature": 1}, "did you mean temperature"),
        ({"zzz": 1}, "known are temperature"),
        ({"temp": 0.5, "temperature": 0.6}, "temp and temperature mean the same and differ"),
        ({"temperature": 2.1}, "from 0 to 2"),
        ({"temperature": math.nan}, "from 0 to 2"),
        ({"top_p": True}, "from 0 to 1"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_tokens": 5.0}, "at least 1"),
        ({"seed": "1"}, "whole number"),
        ({"stop": ["a", ""]}, "none of them empty"),
        ({"stop": {"a": 1}}, "a list of texts"),
        ({"stop": ""}, "none of them empty"),
        ({"model": " "}, "must be a name"),
        ({"provider": "opnai"}, "did you mean openai"),
        ({"provider": "zzz"}, "must be one of"),
        ({"provider": 1}, "must be a name"),
        ({"a\nb": 1}, "a parameter is not"),
        ({"temp": 3, "seed": "x"}, "temp must be a number from 0 to 2; seed must be"),
    ],
)
def test_what_is_wrong_is_told(given_: dict[str, Any], words: str) -> None:
    assert words in problem(given_)


def test_a_value_is_never_repeated() -> None:
    assert "sk-secret" not in problem({"temperature": "sk-secret", "provider": "sk-secret", "seed": "sk-secret"})


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.text(max_size=3))
SPELLINGS = [*PARAMETER_NAMES, *(alias for aliases in PARAMETER_NAMES.values() for alias in aliases)]


@given(st.dictionaries(st.sampled_from(SPELLINGS) | st.text(max_size=10), VALUES, max_size=6))
def test_any_mapping_is_read_or_refused(given_: dict[str, Any]) -> None:
    outcome = sealed(read_parameters(given_))
    if isinstance(outcome, Success):
        preferences = outcome.unwrap().preferences
        assert preferences.temperature is None or 0 <= preferences.temperature <= 2
        assert preferences.max_tokens is None or preferences.max_tokens >= 1
    else:
        assert outcome.failure().tag == "InvalidRequest"
