"""No pattern of the package is slow on any text: 1, 10 and 100 KB of what it likes best take at most 50 ms each.

Those of `policies`, which meet what users write, are asked with many more texts in `tests/policies/test_linear_time.py`.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest

import llm_manager
from llm_manager.clients import redaction
from llm_manager.clients.data.openai_chat import OPENAI
from tests.policies.test_linear_time import MOST_SECONDS, SIZES, USES, filled

UNITS = (
    " ",
    "\n",
    "a",
    "a ",
    "0",
    "0.",
    "1e",
    "-",
    "/",
    ".",
    ":",
    "\\",
    "%",
    '"',
    "'",
    "[",
    "(",
    "{",
    "{a",
    "=",
    "&#",
    "\u00e9",
    "sk-",
    "a@",
)
READ = {"clients.redaction._SHAPES.sub": redaction._SCANNED}
"""Patterns that are given no more than so many characters."""
ENDINGS = ("", "!", "\n")
OF_DATA = {"llm_manager.clients.openai_responses.transport: facts.responses_only or '(?!)'": OPENAI.responses_only or ""}
"""Patterns that the package keeps as data."""
Act = Callable[[str], object]


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(llm_manager.__path__, "llm_manager."):
        if not module.name.endswith("__main__") and not module.name.startswith("llm_manager.policies."):
            yield module.name


def patterns() -> dict[str, tuple[re.Pattern[str], Act]]:
    """Every pattern that a module compiles, called in each way the module calls it, and searched with when it passes it on."""
    found: dict[str, tuple[re.Pattern[str], Act]] = {}
    for name in modules():
        loaded = importlib.import_module(name)
        source = inspect.getsource(loaded)
        own = {target.id for node in ast.walk(ast.parse(source)) for target in _assigned(node)}
        for word, value in vars(loaded).items():
            if word in own and isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                for use in [use for use in (*USES, "finditer") if f"{word}.{use}(" in source] or ["search"]:
                    found[f"{name.removeprefix('llm_manager.')}.{word}.{use}"] = (value, _act(value, use))
    for text in OF_DATA.values():
        found[f"of data: {text[:20]}"] = (re.compile(text), re.compile(text).match)
    return found


def _assigned(node: ast.AST) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def _act(pattern: re.Pattern[str], use: str) -> Act:
    if use == "sub":
        return partial(pattern.sub, " ")
    if use == "finditer":
        return lambda text: sum(1 for _ in pattern.finditer(text))
    made: Act = getattr(pattern, use)
    return made


def liked(pattern: re.Pattern[str]) -> list[str]:
    """What the pattern itself begins with or holds: its literal words, and pairs of them."""
    words = [word for word in re.findall(r"[A-Za-z0-9 _/.:-]{2,}", pattern.pattern) if word.strip()][:6]
    return [*words, *(f"{one}{other}" for one, other in pairwise(words))][:9]


PATTERNS = patterns()


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 50
    assert any(name.startswith("clients.redaction.") for name in PATTERNS)


@pytest.mark.parametrize("name", PATTERNS)
def test_it_is_quick(name: str) -> None:
    pattern, act = PATTERNS[name]
    for unit in (*UNITS, *liked(pattern)):
        for ending in ENDINGS:
            for size in (min(size, READ.get(name, size)) for size in SIZES):
                assert _is_quick(act, filled(unit, size, ending)), (name, unit, size)


def _is_quick(act: Act, text: str) -> bool:
    """Once in three times at least, so that a busy machine does not fail the test."""
    for _ in range(3):
        began = time.thread_time()
        act(text)
        if time.thread_time() - began < MOST_SECONDS:
            return True
    return False


def test_no_other_pattern_is_made() -> None:
    """A pattern stands at the head of a module, where it is found, or is one character class; none is made of what users write."""
    made: list[str] = []
    for name in modules():
        tree = ast.parse(inspect.getsource(importlib.import_module(name)))
        within = [node for function in ast.walk(tree) if isinstance(function, ast.FunctionDef | ast.Lambda) for node in ast.walk(function)]
        calls = {node for node in within if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")}
        made += [f"{name}: {ast.unparse(call.args[0])}" for call in calls if not _plain(call.args[0])]
    assert made == list(OF_DATA)


def _plain(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) and re.fullmatch(r"\[[^\]]+\]\+?", str(argument.value)) is not None
