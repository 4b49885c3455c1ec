"""`llm-manager models`: what can be asked, and at what price."""

from collections.abc import Iterable

from returns.result import Failure

from llm_manager.cli.documents import model_document, price_words
from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.session import Session
from llm_manager.domain.models import Locality, ModelProfile
from llm_manager.effects import settle


async def models(session: Session, *, name: str | None = None, provider: str | None = None, locality: Locality | None = None) -> int:
    """List the models that can be asked; it is a failure when a filter leaves none."""
    await settle(session.manager.discover())
    outcome = await settle(session.manager.models())
    if isinstance(outcome, Failure):
        return session.output.failure(outcome.failure())
    shown = matching(outcome.unwrap(), name=name, provider=provider, locality=locality)
    if session.output.json:
        session.output.document([model_document(profile) for profile in shown])
    elif shown:
        session.output.table(("model", "provider", "where", "tier", "window", "$ per million in / out", "can"), map(_row, shown))
    if shown:
        return OK
    session.output.note("error: no model matches; llm-manager models lists all of them")
    return FAILED


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
        and (provider is None or provider.casefold() == profile.provider.casefold())
        and (locality is None or locality == profile.locality)
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
