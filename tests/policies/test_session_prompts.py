"""What a conversation's model is told first: templates filled in, the same words for every turn of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Result

from llm_manager.domain.moments import moment
from llm_manager.policies.session_prompts import session_prompt
from llm_manager.policies.system_prompts import SYSTEM_PROMPTS

ENVIRON = {"PWD": "/home/ada", "USER": "ada"}


@pytest.mark.parametrize("template", [template.name for template in SYSTEM_PROMPTS])
def test_every_built_in_template_is_filled_in(template: str) -> None:
    text = session_prompt(template, began=0.0, now=1.0, environ={}).unwrap()
    assert "{" not in text


def test_the_beginning_stays_the_same_while_time_goes_on() -> None:
    told = {session_prompt("conversation", began=3600.0, now=now, environ={}).unwrap() for now in (0.0, 1e6, 1e9)}
    assert len(told) == 1
    assert "1970-01-01 01:00 UTC" in told.pop()


def test_who_and_where_come_from_the_environment() -> None:
    text = session_prompt("operating_assistant", began=0.0, now=0.0, environ=ENVIRON).unwrap()
    assert "/home/ada" in text
    assert text.rstrip().endswith("User: ada")
    assert "User: unknown" in session_prompt("operating_assistant", began=0.0, now=0.0, environ={}).unwrap()


@pytest.mark.parametrize("template", ["nobody", "Hello {whom}.", "Open { brace.", ""])
def test_what_cannot_be_filled_in_is_said(template: str) -> None:
    assert isinstance(session_prompt(template, began=0.0, now=0.0, environ={}), Failure)


@given(st.text(), st.floats(), st.floats())
def test_any_template_gets_a_result(template: str, began: float, now: float) -> None:
    assert isinstance(session_prompt(template, began=began, now=now, environ={}), Result)
    assert moment(began)
