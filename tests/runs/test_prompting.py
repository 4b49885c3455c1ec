"""Braces around a column's name are replaced, once; all others are left alone or refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, InvalidRequest
from llm_manager.runs.prompting import fill, read_prompt


def filled(text: str, /, **row: object) -> str:
    return fill(read_prompt(text, row).unwrap(), row).unwrap()


def refused(text: str, *columns: str) -> str:
    outcome = read_prompt(text, columns)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ConfigurationError)
    return describe(outcome.failure())


def test_each_slot_gets_its_columns_value() -> None:
    assert filled("{a} and {b}, {a}.", a="x", b="y") == "x and y, x."


def test_a_few_shot_prompt_may_hold_json() -> None:
    assert filled('{"kind": {"of": {}}} {} {1} {a b} {text} {text:>3}', text="T") == '{"kind": {"of": {}}} {} {1} {a b} T {text:>3}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{text}} {text}", "{text} T"),
        ("{{no_column}} {text}", "{no_column} T"),
        ("{{{text}}}", "{T}"),
        ('{{"a": {{"b": "{text}"}}}}', '{"a": {"b": "T"}}'),
        ('{{"a": {"b": "{text}"}}}', '{"a": {"b": "T"}}'),
        ('{"a": {"b": 1}} {{name}} {text}', '{"a": {"b": 1}} {name} T'),
        ("{{ {text}", "{ T"),
        ("{text} }} }", "T }} }"),
    ],
)
def test_doubled_braces_are_braces(text: str, said: str) -> None:
    assert filled(text, text="T") == said
    assert read_prompt("Say {{x}}", ["text"], fixed=True).unwrap().text == "Say {x}"


def test_a_slot_that_is_not_closed_is_told_as_such() -> None:
    for text in ("Say {text", "Say {text\nand {n}", "{n} {text and"):
        assert refused(text, "text", "n") == "the prompt opens {text and does not close it: write {text}"
    assert filled("{n} {other and", n="1", text="x") == "1 {other and"


def test_a_column_may_have_any_name() -> None:
    assert fill(read_prompt("<{first name}>", ["first name"]).unwrap(), {"first name": "Ada"}).unwrap() == "<Ada>"


def test_what_a_cell_holds_is_never_expanded() -> None:
    assert filled("{a}{b}", a="{b}", b="{a}{c}") == "{b}{a}{c}"


def test_values_that_are_no_text_go_in_as_json() -> None:
    assert filled("{a} {b} {c} {d}", a=1.5, b=True, c=[1, "x"], d={"k": None}) == '1.5 true [1,"x"] {"k":null}'


def test_an_unknown_identifier_names_the_nearest_column() -> None:
    assert "{txet}" in refused("Say {txet}", "text", "label")
    assert "({{txet}} says it with its braces)" in refused("Say {txet}", "text", "label")
    assert "did you mean {text}?" in refused("Say {txet} {text}", "text", "label")
    assert "columns: text, label" in refused("Say {zzz}", "text", "label")


def test_a_prompt_without_a_column_is_refused_with_an_example() -> None:
    assert "write {text}" in refused("Say something", "text")
    assert "write {column}" in refused("Say something")
    assert ", ..." in refused("Say", *map(str, range(20)))


@pytest.mark.parametrize("row", [{"other": "x"}, {"text": None}])
def test_a_row_without_the_value_is_an_error_of_the_row(row: dict[str, object]) -> None:
    outcome = fill(read_prompt("Say {text}", ["text"]).unwrap(), row)
    assert isinstance(outcome.failure(), InvalidRequest)
    assert "'text'" in describe(outcome.failure())


_NAMES = st.text(st.characters(exclude_characters="{}", codec="utf-8"), min_size=1, max_size=6)


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="{}")), _NAMES), min_size=1, max_size=5), st.data())
def test_a_prompt_is_its_words_and_the_values_in_turn(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    row = {name: data.draw(st.text(max_size=9)) for _, name in pairs}
    text = "".join(f"{words}{{{name}}}" for words, name in pairs)
    assert filled(text, **row) == "".join(words + row[name] for words, name in pairs)


@given(st.text(max_size=60), st.lists(_NAMES, max_size=3))
def test_any_prompt_is_read_or_refused(text: str, columns: list[str]) -> None:
    outcome = read_prompt(text, columns)
    if not isinstance(outcome, Failure) and "{{" not in text:
        row = {name: f"{{{name}}}" for name in columns}
        assert fill(outcome.unwrap(), row).unwrap() == text


_NO_BRACES = st.text(st.characters(exclude_characters="{}"), min_size=1)


@given(st.dictionaries(_NO_BRACES, st.integers() | _NO_BRACES, min_size=1))
def test_any_json_object_in_a_prompt_stays_as_it_is(example: dict[str, object]) -> None:
    shown = json.dumps(example)
    assert filled(f"{shown} {{text}}", text="x") == f"{shown} x"


def test_a_text_that_may_be_fixed_needs_no_column_and_obeys_the_same_rules() -> None:
    fixed = read_prompt('Say {"a": 1}', ["text"], fixed=True).unwrap()
    assert (fixed.fixed, fixed.text) == (True, 'Say {"a": 1}')
    assert not read_prompt("Say {text}", ["text"], fixed=True).unwrap().fixed
    assert "the system prompt names {txt}" in describe(read_prompt("{txt}", ["text"], name="system prompt", fixed=True).failure())
