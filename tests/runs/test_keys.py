"""A row is known by what is asked, not by where it stands, and tables of digests forget nothing."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.runs.keys import keying
from llm_manager.runs.offsets import Offsets

_REQUEST = LLMRequest(system="s", preferences=Preferences(model="m"))


def test_the_key_is_the_same_in_every_version_and_process() -> None:
    assert keying(LLMRequest())("hello") == "1de738d591d7b5980eed3e633eafd32869a2b324dbf6acce70f8f644e387b086"


def test_all_that_decides_the_answer_is_in_the_key() -> None:
    asked = [
        _REQUEST,
        evolve(_REQUEST, system=None),
        evolve(_REQUEST, system="t"),
        evolve(_REQUEST, preferences=Preferences(model="n")),
        evolve(_REQUEST, preferences=Preferences(model="m", provider="p")),
        evolve(_REQUEST, preferences=Preferences(model="m", temperature=0.0)),
        evolve(_REQUEST, output=JsonSchema(schema={"a": 1})),
        evolve(_REQUEST, output=JsonSchema(schema={"a": 2})),
    ]
    assert len({keying(request)("prompt") for request in asked}) == len(asked)


def test_how_long_an_answer_may_be_makes_no_row_another() -> None:
    longer = evolve(_REQUEST, preferences=Preferences(model="m", max_tokens=9))
    assert keying(longer)("prompt") == keying(_REQUEST)("prompt")


@given(st.text(), st.text(), st.none() | st.text(), st.none() | st.text())
def test_keys_are_equal_only_for_equal_prompts_and_systems(one: str, other: str, system: str | None, another: str | None) -> None:
    left, right = keying(LLMRequest(system=system))(one), keying(LLMRequest(system=another))(other)
    assert (left == right) == ((one, system) == (other, another))


@given(st.lists(st.tuples(st.text(max_size=4), st.integers(0, 2**32 - 2))))
def test_a_table_of_digests_is_a_mapping(entries: list[tuple[str, int]]) -> None:
    table, expected = Offsets(len(entries)), dict(entries)
    for text, number in entries:
        table.put(text, number)
    assert len(table) == len(expected)
    assert {text: table.get(text) for text in expected} == expected
    assert table.get("no such text, longer than any") is None


def test_a_table_of_digests_holds_as_many_as_it_was_made_for() -> None:
    table = Offsets(5000)
    for number in range(5000):
        table.put(f"text {number}", number)
    assert len(table) == 5000
    assert all(table.get(f"text {number}") == number for number in range(5000))
    assert all(table.get(f"text {number}") is None for number in range(5000, 10_000))
