"""A mapping that never changes."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.shelves import Shelf, items, kept, put, without

CHANGES = st.lists(st.tuples(st.booleans(), st.integers(-5, 200), st.integers()), max_size=300)


@given(CHANGES)
def test_it_holds_what_a_dict_would(changes: list[tuple[bool, int, int]]) -> None:
    """And what it was before stays as it was."""
    shelf: Shelf[int, int] = {}
    plain: dict[int, int] = {}
    before, was = shelf, dict(plain)
    for number, (adding, key, value) in enumerate(changes):
        if number == len(changes) // 2:
            before, was = shelf, dict(plain)
        if adding:
            shelf = put(shelf, key, value)
            plain[key] = value
        else:
            shelf = without(shelf, key)
            plain.pop(key, None)
    assert dict(items(shelf)) == plain
    assert dict(items(before)) == was
    assert all(kept(shelf, key) == plain.get(key) for key in range(-5, 201))


class Alike:
    """A key whose hash is that of every other."""

    def __hash__(self) -> int:
        return 7


def test_keys_that_all_hash_alike_are_kept_apart() -> None:
    """In one leaf that grows."""
    shelf: Shelf[Alike, int] = {}
    keys = [Alike() for _ in range(100)]
    for number, key in enumerate(keys):
        shelf = put(shelf, key, number)
    assert [kept(shelf, key) for key in keys] == list(range(100))
