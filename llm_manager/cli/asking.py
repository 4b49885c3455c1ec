"""From what was typed to a request: the prompt, what was piped in, images and documents."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TextIO

from returns.result import Failure, Success

from llm_manager.cli.attachments import read_document, read_image
from llm_manager.cli.files import is_piped, prompt_text, read_stream
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.messages import Message, Part, TextPart
from llm_manager.domain.requests import LLMRequest, Preferences, Reasoning, Sensitivity, TaskType
from llm_manager.outcomes import Settled
from llm_manager.policies.names import AUTO


def make_request(
    prompt: str,
    *,
    stdin: TextIO,
    system: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    stop: Sequence[str] = (),
    seed: int | None = None,
    reasoning: Reasoning | None = None,
    task_type: TaskType | None = None,
    sensitivity: Sensitivity | None = None,
    images: Sequence[str] = (),
    documents: Sequence[str] = (),
    fallback: bool = False,
    timeout_seconds: float | None = None,
    max_cost_usd: Decimal | None = None,
    fresh: bool = False,
    tell: Callable[[str], object] = lambda _: None,
) -> Settled[LLMRequest, LLMError]:
    """Make the request from the prompt and what is piped into ``stdin``; images and documents are read now.

    Who is named is asked and nobody else, unless ``fallback`` lets others stand in. One that is ``fresh`` is not answered from memory.
    """
    words = _words(prompt, stdin, tell)
    if isinstance(words, Failure):
        return words
    asked = words.unwrap()
    if not asked.strip() and not images and not documents:
        return Failure(InvalidRequest(message="the prompt is empty: give it as an argument, or - to read standard input"))
    told = Success(None) if system is None else prompt_text(system)
    if isinstance(told, Failure):
        return told
    parts: list[Part] = []
    for part in _attached(images, documents):
        if isinstance(part, Failure):
            return part
        parts.append(part.unwrap())
    said = (TextPart(text=asked),) if asked.strip() else ()
    named = model is not None or provider not in (None, AUTO)
    preferences = Preferences(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        stop=tuple(stop),
        seed=seed,
        reasoning=reasoning,
        model=model,
        provider=provider,
        exact=named and not fallback,
    )
    return Success(
        LLMRequest(
            prompt=None if parts else asked,
            messages=(Message(role="user", content=(*said, *parts)),) if parts else (),
            system=told.unwrap(),
            task_type=task_type,
            sensitivity=sensitivity,
            preferences=preferences,
            timeout_ms=None if timeout_seconds is None else max(1, round(timeout_seconds * 1000)),
            max_cost_usd=max_cost_usd,
            cache="refresh" if fresh else "use",
        )
    )


def _words(prompt: str, stdin: TextIO, tell: Callable[[str], object]) -> Settled[str, LLMError]:
    """The prompt, ``-`` for standard input and ``@`` for a file; what is piped in besides comes after it."""
    if prompt == "-":
        return read_stream(stdin, tell)
    asked = prompt_text(prompt)
    if isinstance(asked, Failure) or not is_piped(stdin):
        return asked
    piped = read_stream(stdin, tell)
    if isinstance(piped, Failure) or not piped.unwrap().strip():
        return piped if isinstance(piped, Failure) else asked
    return Success("\n\n".join(filter(str.strip, (asked.unwrap(), piped.unwrap()))))


def _attached(images: Sequence[str], documents: Sequence[str]) -> Iterator[Settled[Part, LLMError]]:
    yield from map(read_image, images)
    yield from map(read_document, documents)
