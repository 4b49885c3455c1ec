"""The innermost step: give an attempt to the client of its provider."""

from collections.abc import Callable, Mapping

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import AttemptStarted
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import OpenStream, Step

Clients = Callable[[], Mapping[str, ModelClient]]


def asking_clients(clients: Clients, journal: Journal, now: Callable[[], float]) -> Step[Attempt, LLMResponse]:
    """Ask for a whole answer; the journal hears of every request that leaves."""

    async def ask(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        journal.emit(_started(attempt, now()))
        return await clients()[attempt.model.provider].answer(attempt)

    return ask


def opening_clients(clients: Clients, journal: Journal, now: Callable[[], float]) -> Step[Attempt, OpenStream]:
    """Ask for a stream; the journal hears of every request that leaves."""

    async def open_stream(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        journal.emit(_started(attempt, now()))
        return await clients()[attempt.model.provider].open(attempt)

    return open_stream


def _started(attempt: Attempt, now: float) -> AttemptStarted:
    return AttemptStarted(
        at=now,
        call_id=attempt.call_id,
        number=attempt.number,
        provider=attempt.model.provider,
        model=attempt.model.name,
    )
