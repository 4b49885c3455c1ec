"""`llm-manager models`: what can be asked, and at what price."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.cli.documents import model_document, price_words
from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.health import any_answers, remote
from llm_manager.cli.session import Session
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Health, Locality, ModelKind, ModelProfile
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.policies.model_order import ModelOrder, costing_at_most, in_order
from llm_manager.policies.model_search import cheapest, search_models
from llm_manager.policies.names import canonical_provider, nearest

Can: TypeAlias = Literal["images", "documents", "tools", "schema", "reasoning"]


@frozen(kw_only=True)
class Sought:
    """Which models to show, and how: in the given order, else by provider."""

    words: str = ""
    provider: str | None = None
    locality: Locality | None = None
    kind: ModelKind | None = None
    most_usd: float | None = None
    least_window: int = 0
    can: frozenset[Can] = frozenset()
    order: ModelOrder | None = None
    cheapest: bool = False
    known: bool = False
    """Whether to list every model known by data, of providers that are not configured too; nobody is asked."""


_HEADINGS: Final = ("provider", "model", "where", "tier", "window", "$ per million in / out", "can")
_OF_SETTINGS: Final = frozenset({"AuthenticationFailed", "ConfigurationError", "MalformedResponse"})


async def models(session: Session, sought: Sought | None = None, *, commands: Iterable[str] = ()) -> int:
    """List the models that can be asked, or all that are known; it is a failure when a filter leaves none.

    So it is when no endpoint tells its models, and one of them by a fault of the settings. Where nobody can be asked but
    a toy, all that are known are listed. ``commands`` are the words that a misspelt one may stand for, rather than for a
    part of a model's name.
    """
    sought = sought or Sought()
    asked: tuple[Health, ...] = ()
    profiles: tuple[ModelProfile, ...] = ()
    if not sought.known:
        told = await known_models(session, sought.provider)
        if isinstance(told, Failure):
            return session.output.failure(told.failure())
        profiles, asked = told.unwrap()
    lacks: dict[tuple[str, str], str | None] = {}
    if sought.known or (not asked and not any(not profile.toy for profile in profiles)):
        catalogue = session.catalogue()
        lacks = {(profile.provider, profile.name): lack for profile, lack in catalogue}
        if catalogue and not sought.known:
            session.output.note("note: no model can be asked but the embedded one; these are known beforehand (models --known)")
        profiles = tuple(profile for profile, _ in catalogue) or profiles
    shown = matching(profiles, sought)
    if session.output.json:
        session.output.document([model_document(profile, lacks.get((profile.provider, profile.name))) for profile in shown])
    elif shown:
        rows = _rows(shown, lacks, grouped=session.output.terminal and sought.order is None)
        session.output.table((*_HEADINGS, "state") if lacks else _HEADINGS, rows)
    if not shown:
        meant = "".join(f"; did you mean llm-manager models {word}?" for word in nearest(sought.words, commands))
        more = "" if lacks else "; --known looks among those of all providers"
        session.output.note(f"error: no model matches; llm-manager models lists all of them{meant or more}")
        return FAILED
    if asked and not any_answers(asked, session.config):
        ours = any(one.error_tag in _OF_SETTINGS for one in asked)
        session.output.note(f"{'error' if ours else 'note'}: no endpoint told its models; llm-manager health asks each whether it answers")
        return FAILED if ours else OK
    return OK


async def known_models(
    session: Session, provider: str | None = None
) -> Settled[tuple[tuple[ModelProfile, ...], tuple[Health, ...]], LLMError]:
    """Every model that can be asked, and the servers asked for theirs; those that do not answer are told of."""
    await settle(session.manager.discover())
    async with asyncio.TaskGroup() as group:
        listing = group.create_task(settle(session.manager.models()))
        checking = group.create_task(settle(session.manager.health()))
    outcome, told = listing.result(), checking.result()
    if isinstance(outcome, Failure):
        return outcome
    asked = () if isinstance(told, Failure) else _of(provider, remote(told.unwrap()))
    for one in asked:
        if not one.healthy:
            session.output.note(f"warning: {_silence(one)}; the models shown for it are those known beforehand")
    return Success((outcome.unwrap(), asked))


def matching(profiles: Iterable[ModelProfile], sought: Sought) -> tuple[ModelProfile, ...]:
    """The models that are sought: by provider in the order of the listing, or in the order that is asked for."""
    listed = tuple(profiles)
    found: tuple[ModelProfile, ...] = search_models(
        listed,
        sought.words,
        provider=sought.provider,
        kind=sought.kind or ("chat" if sought.cheapest else None),
        vision="images" in sought.can,
        documents="documents" in sought.can,
        tools="tools" in sought.can,
        json_schema="schema" in sought.can,
        reasoning="reasoning" in sought.can,
        context_window=sought.least_window,
        retired=not sought.cheapest,
    )
    found = tuple(profile for profile in found if sought.locality in (None, profile.locality))
    if sought.most_usd is not None:
        found = costing_at_most(found, Decimal(str(sought.most_usd)))
    if sought.cheapest:
        best = cheapest([profile for profile in found if not profile.toy]) or cheapest(found)
        return () if best is None else (best,)
    if sought.order is not None:
        return in_order(found, sought.order)
    places = {name: place for place, name in enumerate(dict.fromkeys(profile.provider for profile in listed))}
    return tuple(sorted(found, key=lambda profile: places[profile.provider]))


def _is(wanted: str | None, provider: str) -> bool:
    return wanted is None or (canonical_provider(wanted) or wanted) == provider


def _of(provider: str | None, found: Iterable[Health]) -> tuple[Health, ...]:
    return tuple(one for one in found if _is(provider, one.provider))


def _silence(one: Health) -> str:
    return (
        f"{one.provider} did not tell its models ({one.error_message})" if one.error_message else f"{one.provider} did not tell its models"
    )


def _rows(profiles: Iterable[ModelProfile], lacks: Mapping[tuple[str, str], str | None], *, grouped: bool) -> Iterator[tuple[str, ...]]:
    """A line for each model; in groups a provider is named once. ``lacks`` adds whether it can be asked."""
    before = None
    for profile in profiles:
        lack = lacks.get((profile.provider, profile.name))
        state = (lack_words(lack),) if lacks else ()
        yield ("" if grouped and profile.provider == before else profile.provider, *_row(profile), *state)
        before = profile.provider


def lack_words(lack: str | None) -> str:
    """Whether a model can be asked, in a word or two: how to change that stands in `llm-manager providers`."""
    return "configured" if lack is None else lack.partition(":")[0]


def _row(profile: ModelProfile) -> tuple[str, ...]:
    able = ", ".join(word for word, has in abilities(profile).items() if has)
    retired = f"retired, use {profile.replaced_by}" if profile.replaced_by else "retired"
    return (
        profile.name,
        profile.locality,
        profile.tier if profile.kind == "chat" else profile.kind,
        count_words(profile.context_window),
        price_words(profile.price),
        retired if profile.retired else able,
    )


def abilities(profile: ModelProfile) -> dict[Can, bool]:
    """What a model can do, by the words of the command line; nothing is said of one that is no model to chat with."""
    if profile.kind != "chat":
        return {}
    return {
        "images": profile.vision,
        "documents": profile.documents,
        "tools": profile.tools,
        "schema": profile.json_schema,
        "reasoning": profile.reasoning,
    }


def count_words(tokens: int | None) -> str:
    """A number of tokens, where it is known."""
    return "unknown" if tokens is None else str(tokens)
