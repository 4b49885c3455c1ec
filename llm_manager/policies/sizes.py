"""How large a request is, to be charged before it is sent: as a guess, and as what it can be at most."""

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.messages import DocumentData, ImageData, ImageUrl, Part, TextPart
from llm_manager.domain.requests import LLMRequest
from llm_manager.policies.tokens import estimate_request_tokens, estimate_tokens

_FRAME: Final = 16
"""Tokens that a provider may put around what it is sent."""
_TOOLS_FRAME: Final = 1000
"""What a provider may tell its model of how tools are called, on top of the tools themselves."""

MOST_PER_IMAGE: Final = 50_000
"""No provider of a chat model counts one image for more, whatever its size on disk: the dearest known scale comes to 48,169."""
MOST_PER_DOCUMENT: Final = 1_000_000
"""What a document may take of a model whose window is not known; pages may be read as text and as pictures."""


@frozen(kw_only=True)
class Size:
    """Tokens of a prompt, guessed and at most, and those of its answer at most; None where nobody bounds that."""

    prompt_tokens: int
    most_prompt_tokens: int
    most_completion_tokens: int | None


def size_of(attempt: AnyAttempt) -> Size:
    """The size of an attempt."""
    guessed = estimate_request_tokens(attempt.request) if isinstance(attempt, Attempt) else attempt.prompt_tokens
    most, completion = most_tokens(attempt)
    return Size(prompt_tokens=guessed, most_prompt_tokens=max(guessed, most), most_completion_tokens=completion)


def most_tokens(attempt: AnyAttempt) -> tuple[int, int | None]:
    """How long a prompt and its answer can be at most; None for an answer that nobody bounds.

    No token is shorter than a byte, so a body of so many bytes has at most as many. What is not text is counted apart: an image
    by what the dearest provider takes for one, a document by the window it must fit.
    """
    if not isinstance(attempt, Attempt):
        return attempt.most_prompt_tokens, None if attempt.operation == "create_image" else 0
    request, profile = attempt.request, attempt.model
    most = len(attempt.wire.body) + _FRAME
    if request.tools:
        most += _TOOLS_FRAME
    if request.messages:
        most = _with_attachments(request, most, profile.context_window)
    return most, request.preferences.max_tokens or profile.max_output_tokens or profile.context_window


def _with_attachments(request: LLMRequest, most: int, window: int | None) -> int:
    written, attached, any_attached = most, 0, False
    for message in request.messages:
        for part in message.content:
            if isinstance(part, TextPart) or _is_text(part):
                continue
            any_attached = True
            if isinstance(part, ImageData | DocumentData):
                written -= -(-len(part.data) // 3) * 4
            attached += MOST_PER_IMAGE if isinstance(part, ImageUrl | ImageData) else MOST_PER_DOCUMENT if window is None else window
    if not any_attached:
        return most
    whole = max(_FRAME, written) + attached
    return whole if window is None else min(whole, window)


def _is_text(part: Part) -> bool:
    """Say whether a document is sent as the text it is, of which no token is shorter than a byte either."""
    return isinstance(part, DocumentData) and part.media_type.startswith("text/")


def texts_size(texts: Iterable[str]) -> tuple[int, int]:
    """Tokens of some texts, guessed and at most."""
    guessed = most = 0
    for text in texts:
        guessed += estimate_tokens(text)
        most += len(text.encode("utf-8", "surrogatepass")) + _FRAME
    return guessed, most
