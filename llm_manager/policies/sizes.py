"""How large a request is, to be charged before it is sent: as a guess, and as what it can be at most."""

from collections.abc import Iterable

from attrs import frozen

from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.policies.tokens import estimate_request_tokens, estimate_tokens

_FRAME = 16
"""Tokens that a provider may put around what it is sent."""


@frozen(kw_only=True)
class Size:
    """Tokens of a prompt, guessed and at most, and those of its answer at most; None where nobody bounds that."""

    prompt_tokens: int
    most_prompt_tokens: int
    most_completion_tokens: int | None


def size_of(attempt: AnyAttempt) -> Size:
    """The size of an attempt. No token is shorter than a byte, so a body of so many bytes has at most as many."""
    if isinstance(attempt, Attempt):
        request, profile = attempt.request, attempt.model
        guessed = estimate_request_tokens(request)
        return Size(
            prompt_tokens=guessed,
            most_prompt_tokens=max(guessed, len(attempt.wire.body) + _FRAME),
            most_completion_tokens=request.preferences.max_tokens or profile.max_output_tokens or profile.context_window,
        )
    return Size(prompt_tokens=attempt.prompt_tokens, most_prompt_tokens=attempt.most_prompt_tokens, most_completion_tokens=0)


def texts_size(texts: Iterable[str]) -> tuple[int, int]:
    """Tokens of some texts, guessed and at most."""
    guessed = most = 0
    for text in texts:
        guessed += estimate_tokens(text)
        most += len(text.encode("utf-8", "surrogatepass")) + _FRAME
    return guessed, most
