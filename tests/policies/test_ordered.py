"""A sorted mapping that is a value."""

from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.policies.ordered import Tree, get, least, put, take, values, weight_of, weight_of_name


def depth(tree: Tree) -> int:
    return 0 if tree is None else 1 + max(depth(tree[0]), depth(tree[4]))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20))))
def test_it_is_what_a_dictionary_sorted_would_be(steps: list[tuple[bool, int]]) -> None:
    tree: Tree = None
    kept: dict[int, str] = {}
    for adding, key in steps:
        before, had = tree, dict(kept)
        if adding:
            tree = put(tree, key, f"{key}!", weight_of(key))
            kept[key] = f"{key}!"
        else:
            tree = take(tree, key)
            kept.pop(key, None)
        assert values(before) == [had[each] for each in sorted(had)]  # what was is still as it was
        assert values(tree) == [kept[each] for each in sorted(kept)]
        assert get(tree, key) == kept.get(key)
        assert least(tree) == (min(kept.items()) if kept else None)


def test_it_is_as_deep_as_a_tree_should_be_and_the_same_however_it_was_made() -> None:
    up: Tree = None
    down: Tree = None
    for key in range(5000):
        up = put(up, key, key, weight_of(key))
        down = put(down, 4999 - key, 4999 - key, weight_of(4999 - key))
    assert depth(up) < 50
    assert up == down


def test_a_name_weighs_the_same_everywhere() -> None:
    assert weight_of_name("tenant") == 3471477280
