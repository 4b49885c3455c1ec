"""The innermost step: give an attempt to the client of its provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import OpenStream, Step

Clients: TypeAlias = Callable[[], Mapping[str, ModelClient]]


def asking_clients(clients: Clients) -> Step[Attempt, LLMResponse]:
    """Ask for a whole answer."""

    async def ask(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        return await clients()[attempt.model.provider].answer(attempt)

    return ask


def opening_clients(clients: Clients) -> Step[Attempt, OpenStream]:
    """Ask for a stream."""

    async def open_stream(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        return await clients()[attempt.model.provider].open(attempt)

    return open_stream
