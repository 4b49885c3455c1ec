"""Calls told apart."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.messages import ToolCall
from llm_manager.policies.tool_calls import told_apart

IDS = st.sampled_from(("", "a", "b", "a_1", "a_2", "call", "call_1"))


@given(st.lists(IDS, max_size=8), st.sets(IDS))
def test_no_two_have_the_same_id_and_no_more_are_changed_than_must(ids: list[str], taken: set[str]) -> None:
    apart = told_apart((ToolCall(id=each, name="x", arguments=str(place)) for place, each in enumerate(ids)), taken)
    fresh = [call.id for call in apart]
    assert len({*fresh} - taken) == len(ids)
    assert all(fresh)
    assert [call.arguments for call in apart] == [str(place) for place in range(len(ids))]
    if len({*ids} - taken - {""}) == len(ids):
        assert fresh == ids
