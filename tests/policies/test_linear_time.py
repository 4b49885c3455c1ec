"""No input of 100 KB keeps a pattern or a decision on text busy: time grows with length, not with its square."""

import importlib
import inspect
import pkgutil
import re
import sys
import time
from collections.abc import Callable
from functools import partial

import pytest

import llm_manager.policies
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest
from llm_manager.policies.classification import classify
from llm_manager.policies.names import canonical_provider, nearest, provider_of_model
from llm_manager.policies.printing import one_line, printable
from llm_manager.policies.references import references
from llm_manager.policies.sensitivity import keyword_rule, private_word
from llm_manager.policies.system_prompts import PromptTemplate, render
from llm_manager.policies.tokens import estimate_tokens

SIZES = (1_000, 10_000, 100_000)
MOST_SECONDS = 0.05 * (6 if "coverage" in sys.modules else 1)
"""For 100 KB; where lines are counted, Python's own steps take several times as long. Squares would take seconds."""
UNITS = [
    " ",
    "\t\n",
    "a",
    "a ",
    "a/",
    "a:",
    "-",
    "/.",
    "\u200b",
    "create ",
    "create a ",
    "project ",
    "create project ",
    "explain ",
    "in detail ",
    "explain in ",
    "set up",
    "set ",
    "open ",
    "show",
    "impatient ",
    "patient_",
    "PHI",
    "PHIX ",
    "hipaaa ",
    "llama-",
    "gpt-",
    "code ",
    "query ",
    "\u0315\u0300\u0345",
    "\u05b0\u0327\u0300",
    "a\u0300",
    "слово ",
    "漢字",
    "\ufdfa",
    "ｐａｔ",
    "\x1b",
    "\x1b]0;",
    "\x9b31m",
    "\u202e",
    '"',
    '"a',
    "'",
    "“",
    "(",
    ")",
    "`x",
    "http://",
    "://",
    "/a.b ",
    "C:\\",
    "{",
    "{a}",
]


USES = ("search", "match", "fullmatch", "findall", "split", "sub")


def patterns() -> list[tuple[str, Callable[[str], object]]]:
    """Every compiled pattern of the policies, called in each way its module calls it."""
    found: list[tuple[str, Callable[[str], object]]] = []
    for module in pkgutil.iter_modules(llm_manager.policies.__path__):
        loaded = importlib.import_module(f"llm_manager.policies.{module.name}")
        source = inspect.getsource(loaded)
        for name, value in vars(loaded).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                calls = [use for use in USES if f"{name}.{use}(" in source]
                for use in calls:
                    act: Callable[..., object] = getattr(value, use)
                    found.append((f"{module.name}.{name}.{use}", partial(act, " ") if use == "sub" else act))
    return found


def seconds(work: Callable[[], object]) -> float:
    """What this thread takes, the best of three, so that a busy machine does not fail the test."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
        if best < MOST_SECONDS / 5:
            break
    return best


def filled(unit: str, size: int, ending: str = "") -> str:
    """Text of about ``size`` bytes."""
    return unit * (size // len(unit.encode())) + ending


@pytest.mark.parametrize(("name", "act"), patterns(), ids=[name for name, _ in patterns()])
def test_every_shipped_pattern_is_quick(name: str, act: Callable[[str], object]) -> None:
    for unit in UNITS:
        for ending in ("", "!", "\n", ":free"):
            for size in SIZES:
                text = filled(unit, size, ending)
                assert seconds(partial(act, text)) < MOST_SECONDS, (name, unit, size)


KEYWORDS = keyword_rule(["project heron", "create a", "a" * 60, "\u6f22\u5b57", "set up x"]) or str
DECISIONS: dict[str, Callable[[str], object]] = {
    "classify": lambda text: classify(LLMRequest(text)),
    "private_word": private_word,
    "keyword_rule": KEYWORDS,
    "estimate_tokens": estimate_tokens,
    "provider_of_model": provider_of_model,
    "canonical_provider": canonical_provider,
    "references": lambda text: references([Message(role="user", content=text)]),
    "printable": printable,
    "one_line": one_line,
    "render": lambda text: render(PromptTemplate(name="x", text=text)),
    "nearest": lambda text: nearest(text, ["openai", "anthropic", "gemini"]),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_every_decision_on_text_is_quick(decision: str) -> None:
    decide = DECISIONS[decision]
    for unit in UNITS:
        for size in SIZES:
            text = filled(unit, size)
            assert seconds(partial(decide, text)) < MOST_SECONDS, (decision, unit, size)
