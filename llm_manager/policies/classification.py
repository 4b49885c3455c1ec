"""What a request is about, how hard it is, and whether it must stay local: ``classify(request) -> TaskClassification``.

The request's own words on these always win. Otherwise complexity and task type are read from the first 4 KB of what the
user asked last, word by word and in linear time, and sensitivity from every text that is sent.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Literal

from llm_manager.domain.plans import PrivateRule, RoutingPolicy, TaskClassification
from llm_manager.domain.requests import Complexity, LLMRequest, Sensitivity, TaskType
from llm_manager.policies.sensitivity import plain, said_in, sensitivity_of
from llm_manager.policies.task_words import COMPLEX_WORDS, KEYWORDS, TASK_ORDER

_HEAD = 4096
_SIMPLE_BELOW = 5
_MODERATE_BELOW = 15
_SHORT_BELOW = 20
_FAR = 30

_TO_WORDS = bytes(byte | 32 if 65 <= byte <= 90 else byte if byte >= 128 or chr(byte).isalnum() else 32 for byte in range(256))
"""Bytes of UTF-8 to lower-case words between spaces."""
_NOT_EAST_ASIAN = bytes(byte for byte in range(256) if not 0xE3 <= byte <= 0xED)
"""All but the first bytes of the letters of scripts that put no spaces between words: two of those count as a word."""
_MARKS = re.compile(r"[^\w\x00-\x7f]+")

_IN_PHRASES = frozenset(b"set create explain open list what show code react query queries select story stories".split())
_SPEAKING = COMPLEX_WORDS | KEYWORDS.keys() | _IN_PHRASES
_OF_TASKS = frozenset(b"code react query queries select story stories".split()) | KEYWORDS.keys()

_OTHER_CODES = frozenset(b"zip postal post area dress promo discount qr bar country building penal civil tax moral".split())
_TABLES = frozenset(b"database databases table tables postgres postgresql mysql sqlite".split())
_COMPONENTS = frozenset(b"component components hook hooks app frontend page".split())
_TELLING = frozenset(b"write tell invent imagine continue".split())


def is_private(request: LLMRequest, policy: RoutingPolicy) -> bool:
    """Say whether a request must stay local, by its label or by what adds one.

    >>> is_private(LLMRequest("the patient sleeps"), RoutingPolicy())
    True
    """
    found = classify(request, default_sensitivity=policy.default_sensitivity, private_rule=policy.private_rule)
    return found.sensitivity == "private"


def classify(
    request: LLMRequest, *, default_sensitivity: Sensitivity = "public", private_rule: PrivateRule | None = None
) -> TaskClassification:
    """Classify a request.

    Complex patterns come before simple ones, those before the number of words (under 5 simple, under 15 moderate); a
    simple pattern is believed in a prompt of under 20 words only. ``prefers_local`` says that a local model will do:
    for private text always, for a short prompt unless it is complex by pattern or label, for code and general tasks;
    tools and the other tasks leave it to the ladders.

    >>> classify(LLMRequest("Debug this for me")).complexity
    'complex'
    """
    asked = _asked(request)
    text = asked if len(asked) <= _HEAD else asked[:_HEAD]
    count = len(text.split()) if text is asked else _SHORT_BELOW
    if text.isascii():
        words = text.encode().translate(_TO_WORDS).split()
    else:
        text = _MARKS.sub(" ", plain(text))
        encoded = text.encode("utf-8", "replace")
        count += len(encoded.translate(None, _NOT_EAST_ASIAN)) // 2
        words = encoded.translate(_TO_WORDS).split()
    spoken = _SPEAKING.intersection(words)

    complexity, complexity_from, why_complex = _complexity(request, words, spoken, count)
    task_type, why_task = _task(request, text, words, spoken)
    sensitivity, why_private = sensitivity_of(request.sensitivity, said_in(request), default_sensitivity, private_rule)

    if sensitivity == "private":
        prefers_local, why_local = True, "private text stays local"
    elif request.tools:
        prefers_local, why_local = False, "tools leave the place open"
    elif complexity == "complex" and complexity_from != "length":
        prefers_local, why_local = False, "complex work is not kept local for being short"
    elif count < _SHORT_BELOW:
        prefers_local, why_local = True, "under 20 words prefers local"
    elif task_type in {"code", "general"}:
        prefers_local, why_local = True, "this kind of task prefers local"
    else:
        prefers_local, why_local = False, "the task's ladder decides the place"
    return _said(task_type, complexity, complexity_from, sensitivity, prefers_local, (why_task, why_complex, why_private, why_local))


@lru_cache(maxsize=1024)
def _said(  # noqa: PLR0917 - what is positional is the key of the cache
    task_type: TaskType,
    complexity: Complexity,
    complexity_from: Literal["request", "pattern", "length"],
    sensitivity: Sensitivity,
    prefers_local: bool,
    reasons: tuple[str, ...],
) -> TaskClassification:
    """The one value for what was found: there are few, and this runs on every call."""
    return TaskClassification(
        task_type=task_type,
        complexity=complexity,
        sensitivity=sensitivity,
        prefers_local=prefers_local,
        complexity_from=complexity_from,
        reasons=reasons,
    )


def _asked(request: LLMRequest) -> str:
    if request.prompt is not None:
        return request.prompt
    for message in reversed(request.messages):
        if message.role == "user":
            return message.text
    return ""


def _complexity(
    request: LLMRequest, words: list[bytes], spoken: Collection[bytes], count: int
) -> tuple[Complexity, Literal["request", "pattern", "length"], str]:
    if request.complexity is not None:
        return request.complexity, "request", "complexity is named in the request"
    if spoken:
        if _is_complex(words, spoken):
            return "complex", "pattern", "a complex pattern matched"
        if count < _SHORT_BELOW and _is_simple(words, spoken):
            return "simple", "pattern", "a simple pattern matched"
    if count < _SIMPLE_BELOW:
        return "simple", "length", "under 5 words"
    if count < _MODERATE_BELOW:
        return "moderate", "length", "under 15 words"
    return "complex", "length", "15 words or more"


def _is_complex(words: list[bytes], spoken: Collection[bytes]) -> bool:
    return (
        not COMPLEX_WORDS.isdisjoint(spoken)
        or (b"set" in spoken and _next(words, b"set", (b"up",)))
        or (b"create" in spoken and any(b"create" in _before(words, at) for at in _places(words, b"project")))
        or (b"explain" in spoken and any(_in_detail(words, at) for at in _places(words, b"detail")))
    )


def _is_simple(words: list[bytes], spoken: Collection[bytes]) -> bool:
    return (
        (b"open" in spoken and b"open" in words[:-1])
        or (b"show" in spoken and b"show" in words[:-1])
        or (b"list" in spoken and _next(words, b"list", (b"files", b"directory")))
        or (b"what" in spoken and b"time" in words and _next(words, b"what", (b"time",)))
    )


def _places(words: list[bytes], word: bytes) -> list[int]:
    return [at for at, each in enumerate(words) if each == word]


def _before(words: list[bytes], at: int) -> list[bytes]:
    """The words before one, but for its neighbour."""
    return words[max(0, at - _FAR) : max(0, at - 1)]


def _in_detail(words: list[bytes], at: int) -> bool:
    before = _before(words, at)
    return b"explain" in before and words[at - 1] == b"in"


def _next(words: list[bytes], first: bytes, seconds: tuple[bytes, ...]) -> bool:
    flat = b" %b " % b" ".join(words)
    return any(b" %b %b " % (first, second) in flat for second in seconds)


def _task(request: LLMRequest, text: str, words: list[bytes], spoken: Collection[bytes]) -> tuple[TaskType, str]:
    if request.task_type is not None:
        return request.task_type, "the task is named in the request"
    if not _OF_TASKS.isdisjoint(spoken):
        found = {KEYWORDS[word] for word in spoken if word in KEYWORDS} | _of_phrases(text, words, spoken)
        for task in TASK_ORDER:
            if task in found:
                return task, "words of the task"
    return "general", "no words of another task"


def _of_phrases(text: str, words: list[bytes], spoken: Collection[bytes]) -> set[TaskType]:
    """Tasks told by words that need company: a zip code is no code, a user story no story."""
    found: set[TaskType] = set()
    if (b"query" in spoken or b"queries" in spoken) and not _TABLES.isdisjoint(words):
        found.add("sql")
    if b"select" in spoken and "SELECT " in text and "FROM " in text:
        found.add("sql")
    if b"react" in spoken and not _COMPONENTS.isdisjoint(words):
        found.add("ui_generation")
    if b"code" in spoken and any(_is_program(words, at) for at in _places(words, b"code")):
        found.add("code")
    if (b"story" in spoken or b"stories" in spoken) and not _TELLING.isdisjoint(words) and b"user" not in words:
        found.add("creative")
    return found


def _is_program(words: list[bytes], at: int) -> bool:
    return (at == 0 or words[at - 1] not in _OTHER_CODES) and words[at + 1 : at + 2] != [b"of"]
