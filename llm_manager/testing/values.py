"""A Hypothesis strategy for any of our classes, read off its fields, so that a new field is tried the day it is added."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st
from msgspec import Struct

texts = st.text(max_size=12)
names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)
counts = st.integers(0, 10**9)
seconds = st.floats(0, 10**6, allow_nan=False)
moneys = st.decimals(0, 1000, places=6, allow_nan=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
json_objects: st.SearchStrategy[dict[str, Any]] = st.dictionaries(texts, json_values, max_size=3)

_PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bool: st.booleans(),
    int: counts,
    float: seconds,
    bytes: st.binary(max_size=12),
    Decimal: moneys,
    NoneType: st.none(),
    Any: json_values,
}

_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "name": names,
    "model": names,
    "provider": names,
    "quality": st.floats(0, 1),
    "success_rate": st.none() | st.floats(0, 1),
    "concurrency": st.integers(1, 1000),
    "context_window": st.none() | st.integers(1024, 10**7),
    "max_output_tokens": st.none() | st.integers(1, 10**6),
    "max_retries": st.integers(0, 10),
    "temperature": st.none() | st.floats(0, 2),
    "top_p": st.none() | st.floats(0, 1),
    "max_tokens": st.none() | st.integers(1, 10**6),
    "timeout_ms": st.integers(1, 10**7),
    "deadline_ms": st.integers(1, 10**7),
    "seed": st.integers(-(2**31), 2**31),
}
"""Fields whose values have bounds that their type does not tell."""


_GIVERS: dict[type, Callable[[], st.SearchStrategy[Any]]] = {}

_Giver = TypeVar("_Giver", bound=Callable[[], st.SearchStrategy[Any]])


def gives(form: type) -> Callable[[_Giver], _Giver]:
    """Let a function give all values of a class whose fields must agree with one another."""

    def entered(giver: _Giver) -> _Giver:
        _GIVERS[form] = giver
        return giver

    return entered


@cache
def values_of(form: Any) -> st.SearchStrategy[Any]:
    """Values of a type: plain ones, literals, unions, tuples, mappings, and attrs classes and structs of these."""
    if form in _PLAIN:
        return _PLAIN[form]
    if form in _GIVERS:
        return _GIVERS[form]()
    origin, inside = get_origin(form), get_args(form)
    if origin is Literal:
        return st.sampled_from(inside)
    if origin in (Union, UnionType):
        return st.one_of(*(values_of(member) for member in inside))
    if origin is tuple and inside[-1:] == (Ellipsis,):
        return st.lists(values_of(inside[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(values_of(member) for member in inside))
    if origin is Callable:  # nobody makes up a function: where one may be left out, it is
        return st.nothing()
    if origin in (dict, Mapping):
        return st.dictionaries(values_of(inside[0]), values_of(inside[1]), max_size=3)
    if isinstance(form, type) and (attrs.has(form) or issubclass(form, Struct)):
        return st.builds(form, **fields_of(form))
    raise TypeError(f"no values are known for {form!r}")


def fields_of(form: Any) -> dict[str, st.SearchStrategy[Any]]:
    """A strategy for each field of an attrs class that tells two of its values apart, or of a struct."""
    types = get_type_hints(form)
    if issubclass(form, Struct):
        return {name: _field(name, types[name]) for name in form.__struct_fields__}
    return {one.alias: _field(one.name, types[one.name]) for one in attrs.fields(form) if one.eq}


def _field(name: str, form: Any) -> st.SearchStrategy[Any]:
    bounded = _FIELDS.get(name)
    if bounded is None or form not in (str, int, float, int | None, float | None):
        return st.deferred(lambda: values_of(form))
    optional = form in (int | None, float | None)
    return bounded | st.none() if optional else bounded.filter(lambda value: value is not None)
