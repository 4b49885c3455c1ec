"""Classification: the patterns and thresholds, whole words only, labels first, linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.messages import Message, ToolCall, ToolSpec
from llm_manager.domain.plans import TaskClassification
from llm_manager.domain.requests import Complexity, LLMRequest, Sensitivity, TaskType
from llm_manager.policies.classification import classify


def words(count: int) -> str:
    return " ".join(["word"] * count)


@pytest.mark.parametrize(
    ("prompt", "complexity"),
    [
        ("", "simple"),
        (words(4), "simple"),
        (words(5), "moderate"),
        (words(14), "moderate"),
        (words(15), "complex"),
        ("open firefox for me right now", "simple"),
        ("please list files in this folder", "simple"),
        ("list directory contents of my home", "simple"),
        ("tell me what time it is", "simple"),
        ("SHOW me all of the images taken here", "simple"),
        ("set up a server", "complex"),
        ("Configure it", "complex"),
        ("create a new Django project", "complex"),
        ("explain recursion in detail", "complex"),
        ("explain in detail why", "complex"),
        ("analyze this", "complex"),
        ("analyse this", "complex"),
        ("debug, please", "complex"),
        ("open the log and debug it", "complex"),
        ("it is misconfigured", "simple"),
        ("the debugger", "simple"),
        ("reopen it", "simple"),
        ("the list of many good filesystems today", "moderate"),
        ("create project", "simple"),
        ("a project to create", "simple"),
        ("detail the plan and then explain", "moderate"),
        ("project create project", "simple"),
        ("open source licences are a wide field and " + words(13), "complex"),
    ],
)
def test_complexity_follows_patterns_then_length(prompt: str, complexity: Complexity) -> None:
    assert classify(LLMRequest(prompt)).complexity == complexity


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Translate this into French", "general"),
        ("Write an SQL statement for monthly sales", "sql"),
        ("Write a query over the orders table", "sql"),
        ("What does SELECT a FROM b do?", "sql"),
        ("select the best from these", "general"),
        ("A React component with a button", "ui_generation"),
        ("How would you react to that?", "general"),
        ("Some css for a header", "ui_generation"),
        ("Write python to parse dates", "code"),
        ("Review the code below", "code"),
        ("code review", "code"),
        ("What is the zip code of Bern?", "general"),
        ("Summarise our code of conduct", "general"),
        ("Validate this configuration", "config_management"),
        ("An analysis of churn", "analysis"),
        ("Find anomalies here", "analysis"),
        ("Write a haiku", "creative"),
        ("Tell me a story", "creative"),
        ("Write a user story", "general"),
        ("The story so far", "general"),
        ("Write python code for an analysis", "code"),
        ("encode, decode, recode", "general"),
        ("“debug” this", "code"),
    ],
)
def test_the_task_is_read_from_whole_words(prompt: str, task: TaskType) -> None:
    assert classify(LLMRequest(prompt)).task_type == task


@pytest.mark.parametrize(
    "text",
    [
        "Patient John Doe's schedule",
        "the PATIENT's file",
        "HIPAA rules",
        "hipaa-compliant",
        "our PHI policy",
        "columns: patient_id, age",
        "ｐａｔｉｅｎｔ notes",
        "pa\u200btient notes",
        "pati\u00adent notes",
        "Ünlü: PHI",
        "é " * 5000 + "patient",
        words(3000) + " hipaa",
    ],
)
def test_a_private_word_makes_any_text_private(text: str) -> None:
    told = classify(LLMRequest(text))
    assert (told.sensitivity, told.prefers_local) == ("private", True)
    everywhere = [
        LLMRequest("hello", system=text),
        LLMRequest(messages=(Message(role="user", content=text), Message(role="user", content="hello"))),
        LLMRequest(messages=(Message(role="tool", content=text, tool_call_id="1"), Message(role="user", content="hello"))),
        LLMRequest("hello", messages=(Message(role="assistant", tool_calls=(ToolCall(id="1", name="f", arguments=text),)),)),
    ]
    assert {classify(request).sensitivity for request in everywhere} == {"private"}


@pytest.mark.parametrize(
    "text", ["", "impatient outpatients", "phi-3 and phi", "the letter φ", "DELPHI", "PHISHING", "patiently", "hipaax"]
)
def test_lookalikes_are_public(text: str) -> None:
    assert classify(LLMRequest(text)).sensitivity == "public"


@pytest.mark.parametrize("default", ["public", "private"])
def test_an_explicit_label_wins(default: Sensitivity) -> None:
    assert classify(LLMRequest("patient", sensitivity="public"), default_sensitivity=default).sensitivity == "public"
    assert classify(LLMRequest("hello", sensitivity="private"), default_sensitivity=default).sensitivity == "private"
    assert classify(LLMRequest("hello"), default_sensitivity=default).sensitivity == default


def test_what_the_request_names_wins() -> None:
    told = classify(LLMRequest("debug this python", task_type="creative", complexity="simple"))
    assert (told.task_type, told.complexity, told.complexity_from) == ("creative", "simple", "request")


TOOLS = (ToolSpec(name="f"),)


@pytest.mark.parametrize(
    ("request_", "prefers_local"),
    [
        (LLMRequest("hello"), True),
        (LLMRequest(words(19)), True),
        (LLMRequest("an analysis of " + words(16)), True),
        (LLMRequest("an analysis of " + words(17)), False),
        (LLMRequest("python " + words(30)), True),
        (LLMRequest(words(30)), True),
        (LLMRequest("debug this"), False),
        (LLMRequest("debug this", complexity="simple"), True),
        (LLMRequest("hello", complexity="complex"), False),
        (LLMRequest("hello", tools=TOOLS), False),
        (LLMRequest("the patient", tools=TOOLS), True),
        (LLMRequest("debug the patient"), True),
    ],
)
def test_local_is_preferred_by_the_rules_in_their_order(request_: LLMRequest, prefers_local: bool) -> None:
    assert classify(request_).prefers_local is prefers_local


def test_where_the_complexity_comes_from_is_told() -> None:
    assert classify(LLMRequest("debug this")).complexity_from == "pattern"
    assert classify(LLMRequest("hello")).complexity_from == "length"


def test_the_last_words_of_the_user_are_classified() -> None:
    history = (
        Message(role="user", content="debug this"),
        Message(role="assistant", content="Which one?"),
        Message(role="user", content="the other"),
        Message(role="assistant", content="configure"),
    )
    assert classify(LLMRequest(messages=history)).complexity == "simple"
    assert classify(LLMRequest(messages=(Message(role="assistant", content="debug"),))).complexity == "simple"


def test_only_the_first_four_kilobytes_count_for_complexity() -> None:
    assert classify(LLMRequest("x" * 4091 + " sql")).task_type == "sql"
    assert classify(LLMRequest("x" * 4097 + " sql")).task_type == "general"
    assert classify(LLMRequest("x" * 5000)).complexity == "complex"


def test_languages_without_spaces_have_words_too() -> None:
    assert classify(LLMRequest("法国的首都是哪里")).complexity == "moderate"
    assert classify(LLMRequest("你好")).complexity == "simple"
    assert classify(LLMRequest("こんにちは。" * 10)).complexity == "complex"


LABELS = st.builds(
    LLMRequest,
    st.none() | st.text(max_size=80) | st.sampled_from(["set up", "explain a in detail", "create a b project", "patient"]),
    messages=st.lists(
        st.builds(Message, role=st.sampled_from(["user", "assistant", "tool", "system"]), content=st.text(max_size=20)),
        max_size=3,
    ).map(tuple),
    system=st.none() | st.text(max_size=20),
    task_type=st.none() | st.sampled_from(["sql", "code", "creative"]),
    complexity=st.none() | st.sampled_from(["simple", "complex"]),
    sensitivity=st.none() | st.sampled_from(["public", "private"]),
)


@given(LABELS, st.sampled_from(["public", "private"]))
def test_any_request_is_classified_the_same_way_twice(request_: LLMRequest, default: Sensitivity) -> None:
    told = classify(request_, default_sensitivity=default)
    assert isinstance(told, TaskClassification)
    assert told == classify(request_, default_sensitivity=default)
    assert told.prefers_local or told.sensitivity == "public"
    assert request_.sensitivity in {None, told.sensitivity}
    assert request_.task_type in {None, told.task_type}
    assert request_.complexity in {None, told.complexity}
