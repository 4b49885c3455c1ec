"""The innermost step: give an attempt to the client of its provider."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import OpenStream, Step

Clients: TypeAlias = Callable[[], Mapping[str, ModelClient]]


def asking_clients(clients: Clients) -> Step[Attempt, LLMResponse]:
    """Ask for a whole answer."""

    def ask(attempt: Attempt) -> Coroutine[Any, Any, Settled[LLMResponse, LLMError]]:
        return clients()[attempt.model.provider].answer(attempt)

    return ask


def opening_clients(clients: Clients) -> Step[Attempt, OpenStream]:
    """Ask for a stream."""

    def open_stream(attempt: Attempt) -> Coroutine[Any, Any, Settled[OpenStream, LLMError]]:
        return clients()[attempt.model.provider].open(attempt)

    return open_stream
