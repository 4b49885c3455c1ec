"""How long an answer of some form is likely to be, and the longest that fits it, in tokens.

A guess by what a schema allows: a word of a list, a number and a truth take few tokens, and free words share the usual length.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from llm_manager.domain.requests import AnyJson, JsonSchema, OutputForm, PlainText

USUAL_ANSWER_TOKENS: Final = 300
"""How long an answer is taken to be when nobody says."""

_LETTERS_OF_JSON: Final = 3
_NUMBER: Final = (4, 24)
_INTEGER: Final = (3, 20)
_TRUTH: Final = (2, 5)
_USUAL_ITEMS: Final = 3
_MOST_NODES: Final = 2000
_DEEPEST: Final = 24
_DEFINITION: Final = re.compile(r"#/(\$defs|definitions)/([^/]+)")


@frozen(kw_only=True)
class AnswerLength:
    """How many tokens are ``likely``, and the ``highest`` number for what fits; None where the form sets no bound.

    The highest counts a token a letter, written without spaces; what a model thinks before it answers is in neither.
    """

    likely: int
    highest: int | None = None


def answer_length(form: OutputForm, *, usual: int = USUAL_ANSWER_TOKENS) -> AnswerLength:
    """Say how long an answer of a form is, where free text is usually so long.

    >>> answer_length(JsonSchema(schema={"properties": {"mood": {"enum": ["happy", "sad"]}}}))
    AnswerLength(likely=6, highest=17)
    """
    if not isinstance(form, JsonSchema):
        return _unbound(form, usual)
    found = _Reader(schema=form.schema).read(form.schema, 0)
    share = usual // max(1, found.free)
    words = sum(count * (share if bound is None else min(share, max(1, bound // 4))) for bound, count in found.texts.items())
    likely = max(1, -(-found.letters // _LETTERS_OF_JSON) + words)
    return AnswerLength(likely=likely if found.highest is None else min(likely, found.highest), highest=found.highest)


def _unbound(_: PlainText | AnyJson, usual: int) -> AnswerLength:
    return AnswerLength(likely=usual)


@frozen(kw_only=True)
class _Part:
    """What a part of an answer takes: its letters but for free texts, and how many of those there are, by their longest."""

    letters: int = 0
    highest: int | None = 0
    texts: Mapping[int | None, int] = field(factory=dict)

    @property
    def free(self) -> int:
        return sum(self.texts.values())


@define(kw_only=True)
class _Reader:
    """Reads a schema, but no more of it than so many parts; the rest is taken for free text."""

    schema: Mapping[str, Any]
    left: int = _MOST_NODES

    def read(self, schema: Any, depth: int) -> _Part:
        self.left -= 1
        if not isinstance(schema, Mapping) or self.left < 0 or depth > _DEEPEST:
            return _text(None)
        if isinstance(named := schema.get("$ref"), str):
            return self.read(self._named(named), depth + 1)
        if "const" in schema:
            return _one_of((schema["const"],))
        if isinstance(values := schema.get("enum"), Sequence) and not isinstance(values, str) and values:
            return _one_of(values)
        for either in ("anyOf", "oneOf", "allOf"):
            if isinstance(parts := schema.get(either), Sequence) and not isinstance(parts, str) and parts:
                return _longest([self.read(part, depth + 1) for part in parts])
        kind = schema.get("type")
        kinds = tuple(kind) if isinstance(kind, Sequence) and not isinstance(kind, str) and kind else (kind,)
        return _longest([self._of_kind(schema, each, depth) for each in kinds])

    def _of_kind(self, schema: Mapping[str, Any], kind: Any, depth: int) -> _Part:
        if kind == "object" or (kind is None and isinstance(schema.get("properties"), Mapping)):
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "null":
            return _Part(letters=4, highest=4)
        if kind in ("boolean", "integer", "number"):
            likely, highest = {"boolean": _TRUTH, "integer": _INTEGER, "number": _NUMBER}[kind]
            return _Part(letters=likely, highest=highest)
        return _text(_whole(schema.get("maxLength")) if kind == "string" else None)

    def _object(self, schema: Mapping[str, Any], depth: int) -> _Part:
        properties = schema.get("properties")
        found = _Part(letters=2, highest=2)
        for name, part in (properties if isinstance(properties, Mapping) else {}).items():
            key = len(_written(name)) + 2
            found = _sum(found, _sum(_Part(letters=key, highest=key), self.read(part, depth + 1), 1), 1)
        if isinstance(properties, Mapping) and properties and schema.get("additionalProperties") in (None, False):
            return found
        return _sum(found, _text(None), 1)

    def _array(self, schema: Mapping[str, Any], depth: int) -> _Part:
        least, most = _whole(schema.get("minItems")) or 0, _whole(schema.get("maxItems"))
        count = max(least, _USUAL_ITEMS) if most is None else min(max(least, _USUAL_ITEMS), most)
        item = self.read(schema.get("items"), depth + 1)
        likely = _sum(_Part(letters=2 + count, highest=0), item, count)
        highest = None if most is None or item.highest is None else 2 + most * (item.highest + 1)
        return _Part(letters=likely.letters, highest=highest, texts=likely.texts)

    def _named(self, reference: str) -> Any:
        if reference == "#":
            return self.schema
        found = _DEFINITION.fullmatch(reference)
        definitions = None if found is None else self.schema.get(found[1])
        return definitions.get(found[2]) if found is not None and isinstance(definitions, Mapping) else None


def _text(longest: int | None) -> _Part:
    return _Part(letters=2, highest=None if longest is None else longest + 2, texts={longest: 1})


def _one_of(values: Sequence[Any]) -> _Part:
    lengths = [len(_written(value)) for value in values]
    return _Part(letters=max(lengths), highest=max(lengths))


def _longest(parts: Sequence[_Part]) -> _Part:
    highest = [part.highest for part in parts]
    bound = None if None in highest else max(each for each in highest if each is not None)
    longest = max(parts, key=lambda part: (part.free > 0, part.letters))
    return _Part(letters=longest.letters, highest=bound, texts=longest.texts)


def _sum(one: _Part, other: _Part, times: int) -> _Part:
    """One, and the other so many times."""
    texts = dict(one.texts)
    for bound, count in other.texts.items():
        texts[bound] = texts.get(bound, 0) + count * times
    highest = None if one.highest is None or other.highest is None else one.highest + other.highest * times
    return _Part(letters=one.letters + other.letters * times, highest=highest, texts=texts)


def _whole(number: Any) -> int | None:
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None


def _written(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(type(value))
