"""What differs between two runs is told field by field, cut to where it differs."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.run_changes import changed_error, changes, fingerprint

_PLAIN: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("xy", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=6,
)
_SETTINGS = st.dictionaries(st.text("xy", min_size=1, max_size=2), _PLAIN, max_size=3)


@given(_SETTINGS, _SETTINGS)
def test_equal_settings_have_one_fingerprint_and_no_changes(then: dict[str, Any], now: dict[str, Any]) -> None:
    assert changes(then, then) == ()
    if fingerprint(then) == fingerprint(now):
        assert changes(then, now) == ()


def test_long_texts_are_cut_to_where_they_differ() -> None:
    error = changed_error("r1", changes({"prompt": "x" * 500 + "one"}, {"prompt": "x" * 500 + "two"}))
    (fault,) = error.faults
    assert "one" in fault.problem
    assert "two" in fault.problem
    assert len(fault.problem) < 200


def test_what_was_not_set_is_said_so() -> None:
    (fault,) = changed_error("r1", changes({}, {"seed": 3})).faults
    assert (fault.source, fault.problem) == ("seed", "was not set, is 3")
