"""What a docstring says of a function and of its parameters, in the style of Google, of numpy or of reST; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc

from attrs import field, frozen

_ARGUMENTS = re.compile(r"(?:Args|Arguments|Parameters|Params|Keyword Args|Other Parameters):?")
_SECTION = re.compile(
    r"(?:Args|Arguments|Parameters|Params|Keyword Args|Other Parameters|Returns?|Yields?|Raises|Examples?|Notes?|See Also|Warnings?):?"
)
_RULE = re.compile(r"-{3,}")
_FIELD = re.compile(r":(\w+)(?: ([^:]*))?:\s*(.*)")


@frozen(kw_only=True)
class Described:
    """What a function does, and what each parameter is for, where the docstring says so."""

    summary: str = ""
    parameters: Mapping[str, str] = field(factory=dict)


def read_docstring(text: str, names: Iterable[str]) -> Described:
    """Read a docstring; only the parameters called ``names`` are looked for.

    >>> read_docstring("Add.\\n\\nArgs:\\n    a (int): The first,\\n        a number.\\n    b: The second.", ("a", "b")).parameters
    {'a': 'The first, a number.', 'b': 'The second.'}
    """
    lines = cleandoc(text).splitlines()
    known = frozenset(names)
    first = next((at for at, line in enumerate(lines) if _begins_section(lines, at) or _FIELD.match(line)), len(lines))
    found = {**_in_sections(lines, known), **_in_fields(lines, known)}
    return Described(summary=" ".join(" ".join(lines[:first]).split()), parameters=found)


def _begins_section(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    ruled = at + 1 < len(lines) and _RULE.fullmatch(lines[at + 1].strip()) is not None
    return _SECTION.fullmatch(line) is not None and (ruled or line.endswith(":"))


def _in_sections(lines: Sequence[str], known: frozenset[str]) -> dict[str, str]:
    """``name (type): words`` below ``Args:``, or words below ``name : type`` below a ruled ``Parameters``."""
    found: dict[str, list[str]] = {}
    inside, depth, name = False, 0, ""
    for at, line in enumerate(lines):
        if _begins_section(lines, at):
            inside, depth, name = _ARGUMENTS.fullmatch(line) is not None, -1, ""
            continue
        if not inside or not line.strip() or _RULE.fullmatch(line.strip()):
            continue
        indent = len(line) - len(line.lstrip())
        depth = indent if depth < 0 else depth
        if indent > depth:
            found.get(name, []).append(line.strip())
            continue
        head, _, words = line.strip().partition(":")
        name = head.strip().partition(" ")[0].partition("(")[0].strip("*`,")
        if indent < depth or name not in known:
            name = ""
            continue
        found[name] = [] if head.endswith(" ") else [words.strip()]
    return {name: told for name, words in found.items() if (told := " ".join(filter(None, words)))}


def _in_fields(lines: Sequence[str], known: frozenset[str]) -> dict[str, str]:
    """``:param name: words`` and ``:param type name: words``, with what is indented below."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        marked = _FIELD.match(line)
        if marked is not None:
            kind, said, words = marked.groups()
            name = (said or "").rpartition(" ")[2] if kind in ("param", "parameter", "arg", "argument") else ""
            if name in known:
                found[name] = [words.strip()]
        elif line[:1].isspace():
            found.get(name, []).append(line.strip())
        else:
            name = ""
    return {name: told for name, words in found.items() if (told := " ".join(filter(None, words)))}
