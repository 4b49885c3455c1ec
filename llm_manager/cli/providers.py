"""`llm-manager providers`: every provider there is, how it is, and how many models it offers."""

import asyncio

from returns.result import Failure

from llm_manager.cli.documents import provider_document
from llm_manager.cli.exits import OK
from llm_manager.cli.session import Session
from llm_manager.domain.configuration import LLMConfig
from llm_manager.effects import settle
from llm_manager.policies.provider_infos import ProviderStatus, provider_statuses
from llm_manager.policies.standing_words import standing_lines
from llm_manager.wiring import list_providers


async def providers(session: Session) -> int:
    """Show every provider, set up or not: what it is, its state, and its models in groups."""
    await settle(session.manager.discover())
    async with asyncio.TaskGroup() as group:
        listing = group.create_task(settle(session.manager.models()))
        checking = group.create_task(settle(session.manager.health()))
    offered, told = listing.result(), checking.result()
    if isinstance(told, Failure):
        return session.output.failure(told.failure())
    statuses = provider_statuses(list_providers(), told.unwrap(), () if isinstance(offered, Failure) else offered.unwrap())
    if session.output.json:
        session.output.document([provider_document(status, state(status, session.config)) for status in statuses])
    else:
        rows = (_row(status, session.config) for status in statuses)
        session.output.table(("provider", "also", "where", "state", "models", "besides chat", "what it is"), rows)
    for line in standing_lines(session.manager.standing()):
        session.output.note(f"note: {line}")
    return OK


def state(status: ProviderStatus, config: LLMConfig) -> str:
    """How a provider is, in words; for one that is not set up, how it would be."""
    settings, info = config.providers.get(status.info.name), status.info
    if status.health is not None:
        return "healthy" if status.health.healthy else f"down: {status.health.error_message or 'it does not answer'}"
    if settings is not None and not settings.enabled:
        return "switched off"
    return "not configured" + (f": set {info.key_variable}" if info.key_variable else "")


def _row(status: ProviderStatus, config: LLMConfig) -> tuple[str, ...]:
    info = status.info
    besides = ", ".join(ability.replace("_", " ") for ability in info.abilities)
    count = str(len(status.models)) if status.models else ""
    return info.name, ", ".join(info.aliases), info.where, state(status, config), count, besides, info.description
