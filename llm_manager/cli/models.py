"""`llm-manager models`: what can be asked, and at what price."""

import asyncio
from collections.abc import Iterable

from returns.result import Failure

from llm_manager.cli.documents import model_document, price_words
from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.health import any_answers, remote
from llm_manager.cli.session import Session
from llm_manager.domain.models import Health, Locality, ModelProfile
from llm_manager.effects import settle
from llm_manager.policies.names import nearest


async def models(
    session: Session,
    *,
    name: str | None = None,
    provider: str | None = None,
    locality: Locality | None = None,
    commands: Iterable[str] = (),
) -> int:
    """List the models that can be asked; it is a failure when a filter leaves none, or no endpoint tells its own.

    ``commands`` are the words that a misspelt one may stand for, rather than for a part of a model's name.
    """
    await settle(session.manager.discover())
    async with asyncio.TaskGroup() as group:
        listing = group.create_task(settle(session.manager.models()))
        checking = group.create_task(settle(session.manager.health()))
    outcome, told = listing.result(), checking.result()
    if isinstance(outcome, Failure):
        return session.output.failure(outcome.failure())
    asked = () if isinstance(told, Failure) else _of(provider, remote(told.unwrap()))
    for one in asked:
        if not one.healthy:
            session.output.note(f"warning: {_silence(one)}; the models shown for it are those known beforehand")
    shown = matching(outcome.unwrap(), name=name, provider=provider, locality=locality)
    if session.output.json:
        session.output.document([model_document(profile) for profile in shown])
    elif shown:
        session.output.table(("model", "provider", "where", "tier", "window", "$ per million in / out", "can"), map(_row, shown))
    if not shown:
        meant = "".join(f"; did you mean llm-manager models {word}?" for word in nearest(name or "", commands))
        session.output.note(f"error: no model matches; llm-manager models lists all of them{meant}")
        return FAILED
    if asked and not any_answers(asked, session.config):
        session.output.note("error: no endpoint told its models; llm-manager health asks each whether it answers")
        return FAILED
    return OK


def matching(
    profiles: Iterable[ModelProfile],
    *,
    name: str | None = None,
    provider: str | None = None,
    locality: Locality | None = None,
) -> tuple[ModelProfile, ...]:
    """The models whose name holds ``name``, of that provider, at that place; None asks for nothing."""
    return tuple(
        profile
        for profile in profiles
        if (name is None or name.casefold() in profile.name.casefold())
        and _is(provider, profile.provider)
        and (locality is None or locality == profile.locality)
    )


def _is(wanted: str | None, provider: str) -> bool:
    return wanted is None or wanted.casefold() == provider.casefold()


def _of(provider: str | None, found: Iterable[Health]) -> tuple[Health, ...]:
    return tuple(one for one in found if _is(provider, one.provider))


def _silence(one: Health) -> str:
    return (
        f"{one.provider} did not tell its models ({one.error_message})" if one.error_message else f"{one.provider} did not tell its models"
    )


def _row(profile: ModelProfile) -> tuple[str, ...]:
    abilities = {"images": profile.vision, "tools": profile.tools, "schema": profile.json_schema}
    able = ", ".join(word for word, has in abilities.items() if has)
    retired = f"retired, use {profile.replaced_by}" if profile.replaced_by else "retired"
    return (
        profile.name,
        profile.provider,
        profile.locality,
        profile.tier,
        "unknown" if profile.context_window is None else str(profile.context_window),
        price_words(profile.price),
        retired if profile.retired else able,
    )
