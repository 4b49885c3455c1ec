"""One fence around a whole answer goes; everything else stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.fences import unfenced


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"a":1}\n```',
        '```\n{"a":1}\n```',
        ' ```JSON \r\n{"a":1}\r\n```\n',
        '````json\n{"a":1}\n````',
        '```json\n{"a":1}```',
        '```json {"a":1}```',
        '```{"a":1}```',
    ],
)
def test_a_fence_around_the_whole_goes(text: str) -> None:
    assert unfenced(text) == '{"a":1}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "``",
        "`````",
        ' {"a":1} ',
        '`{"a":1}`',
        'Here: ```{"a":1}```',
        '```json\n{"a":1}\n``` as asked',
        "```json\n1\n```\n```json\n2\n```",
        "```json\n1\n```\nor\n```json\n2\n```",
        '```json\n{"a":1}\n',
        '```{"a":\n1}\n```',
    ],
)
def test_any_other_text_stays(text: str) -> None:
    assert unfenced(text) == text


_VALUES = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(_VALUES, st.sampled_from(["", "json", "JSON"]), st.integers(3, 6), st.sampled_from([None, 2]))
def test_no_json_is_harmed(value: object, word: str, ticks: int, indent: int | None) -> None:
    """Whatever a value holds, fences included, it comes out of its fence as it went in, and stays as it is without one."""
    text, fence = json.dumps(value, indent=indent), "`" * ticks
    assert json.loads(unfenced(text)) == value
    assert unfenced(f"{fence}{word}\n{text}\n{fence}") == text


@given(st.text(alphabet="`\n jsonx{}1", max_size=60))
def test_nothing_is_added_to_any_text(text: str) -> None:
    assert unfenced(text) in text
