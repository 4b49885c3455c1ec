"""Asking every endpoint at once: how it is, and which models it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeAlias

from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.usage import Credits
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ModelClient

Clients: TypeAlias = Callable[[], Mapping[str, ModelClient]]
Forbidden: TypeAlias = Callable[[Endpoint], str | None]
"""Why an endpoint may not be asked; None when it may."""


def checking_health(clients: Clients, forbidden: Forbidden) -> Callable[[], FutureResult[tuple[Health, ...], LLMError]]:
    """Ask every client side by side; an endpoint that fails, or may not be asked, is unhealthy, never an error."""

    async def health() -> Settled[tuple[Health, ...], LLMError]:
        known = clients()
        async with asyncio.TaskGroup() as group:
            tasks = {
                name: group.create_task(settle(client.health())) for name, client in known.items() if forbidden(client.endpoint) is None
            }
        return Success(
            tuple(
                _health(name, tasks[name].result())
                if name in tasks
                else Health(provider=name, healthy=False, error_message=forbidden(client.endpoint))
                for name, client in known.items()
            )
        )

    return publish(health)


def _health(name: str, outcome: Settled[Health, LLMError]) -> Health:
    if isinstance(outcome, Failure):
        error = outcome.failure()
        return Health(provider=name, healthy=False, error_message=describe(error), error_tag=error.tag)
    return outcome.unwrap()


def listing_models(clients: Clients, forbidden: Forbidden) -> Callable[[], FutureResult[tuple[ModelProfile, ...], LLMError]]:
    """The models of every endpoint that answers; those named in settings stand for one that does not, or may not be asked."""

    async def models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        known = clients()
        async with asyncio.TaskGroup() as group:
            tasks = {
                name: group.create_task(settle(client.list_models()))
                for name, client in known.items()
                if forbidden(client.endpoint) is None
            }
        found: list[ModelProfile] = []
        for name, client in known.items():
            outcome = tasks[name].result() if name in tasks else None
            found.extend(outcome.unwrap() if isinstance(outcome, Success) else client.profiles)
        return Success(tuple(found))

    return publish(models)


def telling_credits(clients: Clients, forbidden: Forbidden) -> Callable[[], FutureResult[tuple[Credits, ...], LLMError]]:
    """What is left to spend at each provider that tells; when none of those asked answers, why."""

    async def told() -> Settled[tuple[Credits, ...], LLMError]:
        asked = [client.credits for client in clients().values() if client.credits is not None and forbidden(client.endpoint) is None]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(settle(ask())) for ask in asked]
        outcomes = [task.result() for task in tasks]
        known = tuple(outcome.unwrap() for outcome in outcomes if isinstance(outcome, Success))
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        return failed[0] if failed and not known else Success(known)

    return publish(told)
