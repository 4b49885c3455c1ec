"""What a server says is understood as far as it can be, whatever it puts where something else belongs."""

import json
from typing import Any

import pytest
from msgspec import Raw, Struct

from llm_manager.clients.loosely import NOTHING, Count, as_json, plain, reader


class Inner(Struct):
    """A part of a row."""

    text: str | None = None
    size: Count | None = None


class Row(Struct, rename="camel"):
    """A row of each kind of field."""

    own_name: str | None = None
    index: int = 0
    one: Inner | None = None
    many: list[Inner] | None = None
    rest: Raw = NOTHING


READ = reader(Row, {(Inner, "text"): as_json})


def read(told: Any) -> Row | None:
    """Read a value as a server would write it."""
    return READ(json.dumps(told).encode())


@pytest.mark.parametrize("wrong", [None, 1, -1, 1.5, True, "x", [], {}, [[]], [1, {"text": 2}], {"size": []}], ids=repr)
@pytest.mark.parametrize("name", ["ownName", "index", "one", "many"])
def test_one_wrong_value_spoils_nothing_else(name: str, wrong: object) -> None:
    """Each field holds its own kind of thing or nothing; the others are as they were told."""
    told = read({"ownName": "n", "index": 2, "one": {"text": "x"}, "many": [{"size": 1}], "rest": {"a": 1}, name: wrong})
    assert told is not None
    assert isinstance(told.own_name, str | None)
    assert isinstance(told.index, int)
    assert isinstance(told.one, Inner | None)
    assert told.many is None or all(isinstance(each, Inner) for each in told.many)
    assert plain(told.rest) == {"a": 1}
    if name != "ownName":
        assert told.own_name == "n"
    if name != "one":
        assert told.one == Inner(text="x")


def test_what_is_meant_is_taken() -> None:
    """Counts that are written as fractions, and what a mending knows."""
    assert read({"index": True, "one": {"size": 3.0, "text": {"a": [1]}}}) == Row(one=Inner(text='{"a":[1]}', size=3))
    assert read({"many": ["x", {"text": "y"}, None]}) == Row(many=[Inner(text="y")])
    assert READ(b'\xef\xbb\xbf{"index": 4}') == Row(index=4)


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"null", b"{", b'{"index": "x"', b'{"one":' * 50_000], ids=lambda body: repr(body[:9]))
def test_what_is_no_object_is_nothing(body: bytes) -> None:
    """And nothing is raised."""
    assert READ(body) is None


def test_a_part_that_was_left_as_it_came_is_read_later() -> None:
    """Null and nothing are the same; what cannot be read is its text."""
    assert plain(NOTHING) is None
    assert plain(Raw(b"null")) is None
    assert plain(Raw(b'{"a": 1}')) == {"a": 1}
    assert plain(Raw(b"{")) == "{"
