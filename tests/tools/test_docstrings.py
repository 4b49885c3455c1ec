"""What docstrings say, in each of the usual styles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.tools.docstrings import Described, read_docstring

GOOGLE = """
Find a book.

    It looks in all shelves.

Args:
    title (str, optional): Part of the title:
        any case.
    *words: Others.
    nobody: Not a parameter.
    year: When.

Raises:
    year: Not this.
"""

NUMPY = """
Find a book.

It looks in all shelves.

Parameters
----------
title : str
    Part of the title: any case.
words
    Others.
nobody : int
    Not a parameter.
year : int, optional
    When.

Returns
-------
year
    Not this.
"""

REST = """
Find a book.

It looks in all shelves.

:param str title: Part of the title:
    any case.
:param words: Others.
:type words: str
:param nobody: Not a parameter.
:param year: When.
:returns: Not this.
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["Google", "numpy", "reST"])
def test_every_style_says_the_same(text: str) -> None:
    assert read_docstring(text, ("title", "words", "year")) == Described(
        summary="Find a book. It looks in all shelves.",
        parameters={"title": "Part of the title: any case.", "words": "Others.", "year": "When."},
    )


def test_a_docstring_may_say_nothing() -> None:
    assert read_docstring("", ("a",)) == Described()
    assert read_docstring("Args:\n", ("a",)) == Described()
    assert read_docstring("Args:\n    a:\n    b: It.\nMore words: here.", ("a", "b")).parameters == {"b": "It."}
    assert read_docstring("Adds. Returns: the sum", ()).summary == "Adds. Returns: the sum"


@given(st.text(alphabet=" \n:-abcArgsParmets()", max_size=200))
def test_any_text_is_read(text: str) -> None:
    read = read_docstring(text, ("a", "b"))
    assert set(read.parameters) <= {"a", "b"}
