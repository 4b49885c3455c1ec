"""Records that are made quickly are made the same."""

import copy
import inspect
import pickle

import pytest
from attrs import evolve, field, frozen
from attrs.exceptions import FrozenInstanceError

from llm_manager.domain.quick_making import quickly_made


@quickly_made
@frozen(kw_only=True, weakref_slot=False)
class Quick:
    """Some of everything."""

    name: str = field(kw_only=False)
    size: int = field(converter=int)
    label: str | None = None
    parts: list[int] = field(factory=list, repr=False)
    told: tuple[str, ...] = field(default=("a",), eq=False)


@frozen(kw_only=True, weakref_slot=False)
class Usual:
    """The same, as attrs makes it."""

    name: str = field(kw_only=False)
    size: int = field(converter=int)
    label: str | None = None
    parts: list[int] = field(factory=list, repr=False)
    told: tuple[str, ...] = field(default=("a",), eq=False)


def test_its_fields_are_those_given_and_the_defaults() -> None:
    one, other = Quick("n", size=1), Quick("n", size=1, told=("b",))
    assert type(one) is Quick
    assert (one.name, one.size, one.label, one.parts, one.told) == ("n", 1, None, [], ("a",))
    assert one == other
    assert one.parts is not other.parts
    assert repr(one) == repr(Usual("n", size=1)).replace("Usual", "Quick")


def test_it_is_frozen_and_changes_by_copies() -> None:
    one = Quick("n", size=1)
    with pytest.raises(FrozenInstanceError):
        one.size = 2  # type: ignore[misc]  # that is what is tried
    assert evolve(one, size=2) == Quick("n", size="2")
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one


def test_it_is_made_with_the_same_words() -> None:
    assert str(inspect.signature(Quick)) == str(inspect.signature(Usual))
    with pytest.raises(TypeError, match="size"):
        Quick("n")  # type: ignore[call-arg]  # that is what is tried
