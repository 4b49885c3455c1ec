"""Asking every endpoint at once: how it is, and which models it has."""

import asyncio
from collections.abc import Callable, Mapping

from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ModelClient


def checking_health(
    clients: Callable[[], Mapping[str, ModelClient]],
) -> Callable[[], FutureResult[tuple[Health, ...], LLMError]]:
    """Ask every client side by side; an endpoint that fails is unhealthy, never an error."""

    async def health() -> Settled[tuple[Health, ...], LLMError]:
        asked = clients()
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(settle(client.health())) for name, client in asked.items()}
        return Success(tuple(_health(name, task.result()) for name, task in tasks.items()))

    return publish(health)


def _health(name: str, outcome: Settled[Health, LLMError]) -> Health:
    if isinstance(outcome, Failure):
        return Health(provider=name, healthy=False, error_message=describe(outcome.failure()))
    return outcome.unwrap()


def listing_models(
    clients: Callable[[], Mapping[str, ModelClient]],
) -> Callable[[], FutureResult[tuple[ModelProfile, ...], LLMError]]:
    """The models of every endpoint that answers; those named in settings stand for one that does not."""

    async def models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        asked = clients()
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(settle(client.list_models())) for name, client in asked.items()}
        found: list[ModelProfile] = []
        for name, task in tasks.items():
            outcome = task.result()
            found.extend(asked[name].profiles if isinstance(outcome, Failure) else outcome.unwrap())
        return Success(tuple(found))

    return publish(models)
