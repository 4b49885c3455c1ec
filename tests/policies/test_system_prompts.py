"""Templates declare their variables, and filling them in evaluates nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError
from llm_manager.outcomes import sealed
from llm_manager.policies.system_prompts import SYSTEM_PROMPTS, PromptTemplate, render, system_prompt

GREETING = PromptTemplate(name="greeting", text="Hello {who}, it is {day}. {{Bye, {who}}}", variables=("who", "day"))


def faults(template: PromptTemplate, **variables: str) -> set[str]:
    """The keys that are at fault."""
    outcome = sealed(render(template, **variables))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    assert all(fault.fix for fault in error.faults)
    return {fault.key for fault in error.faults}


@pytest.mark.parametrize("template", SYSTEM_PROMPTS, ids=lambda template: template.name)
def test_every_built_in_prompt_uses_all_that_it_declares(template: PromptTemplate) -> None:
    given_values = {name: f"<{name}>" for name in template.variables}
    text = render(template, **given_values).unwrap()
    assert all(value in text for value in given_values.values())
    assert "{" not in text
    assert template.variables
    assert faults(template) == set(template.variables)


def test_the_main_prompt_says_what_it_is_for() -> None:
    text = system_prompt("operating_assistant").unwrap().text
    assert all(f"- {category}: " in text for category in ("Filesystem", "Applications", "Browser", "Git", "System"))
    assert all(f"\n{number}. " in text for number in range(1, 6))
    assert text.count("User: ") >= 3


def test_the_conversation_prompt_lists_abilities_and_five_guidelines() -> None:
    text = system_prompt("conversation").unwrap().text
    assert text.count("\n- ") == 5
    assert [line[0] for line in text.splitlines() if line[1:3] == ". "] == list("12345")


def test_a_name_nobody_has_is_told_with_those_there_are() -> None:
    assert describe(system_prompt("conversations").failure()).endswith("there are conversation")
    assert "operating_assistant" in str(system_prompt("zzz"))


def test_missing_unknown_and_undeclared_come_at_once() -> None:
    assert faults(GREETING, who="you", whom="me") == {"day", "whom"}
    assert faults(PromptTemplate(name="x", text="{a} {b} {", variables=("a",)), a="1") == {"b", "text"}
    assert faults(PromptTemplate(name="x", text="}", variables=())) == {"text"}
    untyped: dict[str, Any] = {"who": 3, "day": "x"}
    assert faults(GREETING, **untyped) == {"who"}


@given(st.text(), st.text())
def test_values_go_in_as_they_are(who: str, day: str) -> None:
    assert render(GREETING, who=who, day=day) == Success(f"Hello {who}, it is {day}. {{Bye, {who}}}")


@pytest.mark.parametrize("value", ["{day}", "{0.__class__}", "%(x)s", "${HOME}", "{{", "}", "\\1", "\\g<0>", "__import__('os')"])
def test_nothing_in_a_value_is_read(value: str) -> None:
    assert value in render(GREETING, who=value, day="Monday").unwrap()


@given(st.text(alphabet="{}ab_ "))
def test_any_text_is_a_prompt_or_a_fault(text: str) -> None:
    outcome = sealed(render(PromptTemplate(name="x", text=text, variables=("a",)), a="{b}"))
    assert isinstance(outcome, Success | Failure)
