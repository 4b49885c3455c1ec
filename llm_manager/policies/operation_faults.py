"""What is wrong with a request that is no chat, whoever is asked: found before anything is planned, sent or paid."""

from typing import Final, assert_never, get_args

from llm_manager.domain.embeddings import EmbedRequest, Purpose
from llm_manager.domain.errors import ContextTooLarge, InvalidRequest
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import CachePolicy, Sensitivity
from llm_manager.policies.choosing import Besides
from llm_manager.policies.request_faults import patience_fault
from llm_manager.policies.tokens import estimate_tokens
from llm_manager.policies.value_faults import choice_fault, kind, text_fault, whole_fault

_SENSITIVITIES: Final = get_args(Sensitivity)
_NAMES: Final = ("model", "provider", "size", "quality")
_SURELY: Final = 1.5
"""Tokens are guessed: a text is refused when the guess passes the window by half, as in routing."""


def check_operation(asked: Besides) -> InvalidRequest | None:
    """Say what no provider could do; None when there is nothing.

    >>> check_operation(EmbedRequest(("a", ""))).message
    'texts[1]: it is empty; give it a text, or leave it out'
    """
    wrong = _label(asked.sensitivity) or _names(asked) or _fault(asked) or patience_fault(asked)
    return None if wrong is None else InvalidRequest(message=wrong)


def too_large(asked: EmbedRequest, profile: ModelProfile) -> ContextTooLarge | None:
    """Say which text surely passes the window of the model; None when all may fit, or the window is not known."""
    window = profile.context_window
    if window is None:
        return None
    for index, text in enumerate(asked.texts):
        if len(text) > window // 2 and (tokens := estimate_tokens(text)) > window * _SURELY:
            message = f"texts[{index}] has about {tokens} tokens, more than its window of {window}; split it"
            return ContextTooLarge(model=profile.name, token_count=tokens, limit=window, message=message)
    return None


def _label(sensitivity: object) -> str | None:
    wrong = None if sensitivity is None else choice_fault(sensitivity, _SENSITIVITIES)
    return None if wrong is None else f"sensitivity: {wrong}"


def _names(asked: Besides) -> str | None:
    for field in _NAMES:
        name = getattr(asked, field, None)
        if name is not None and not isinstance(name, str):
            return f"{field}: it is of type {kind(name)}; give a text"
    return None


def _fault(asked: Besides) -> str | None:
    match asked:
        case EmbedRequest():
            return _texts(asked.texts, may_be_empty=False) or _of_vectors(asked)
        case ModerationRequest(texts=texts):
            return _texts(texts, may_be_empty=True) if texts else "texts: there is none to judge; give at least one"
        case ImageRequest(prompt=prompt, count=count):
            if (wrong := text_fault(prompt)) is not None:
                return f"prompt: {wrong}"
            if (wrong := whole_fault(count, 1, "ask for one at least")) is not None:
                return f"count: {wrong}"
            return None if prompt.strip() else "prompt: it has no words; say what is to be drawn"
        case _:
            assert_never(asked)


def _of_vectors(asked: EmbedRequest) -> str | None:
    if asked.dimensions is not None and (wrong := whole_fault(asked.dimensions, 1, "leave it out for the model's own")) is not None:
        return f"dimensions: {wrong}"
    if asked.purpose is not None and (wrong := choice_fault(asked.purpose, get_args(Purpose))) is not None:
        return f"purpose: {wrong}"
    wrong = choice_fault(asked.cache, get_args(CachePolicy))
    return None if wrong is None else f"cache: {wrong}"


def _texts(texts: tuple[object, ...], *, may_be_empty: bool) -> str | None:
    for index, text in enumerate(texts):
        if text == "" and not may_be_empty:
            return f"texts[{index}]: it is empty; give it a text, or leave it out"
        if (wrong := text_fault(text)) is not None:
            return f"texts[{index}]: {wrong}"
    return None
