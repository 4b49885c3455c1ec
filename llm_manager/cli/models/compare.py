"""`llm-manager models compare`: what is known of several models, side by side."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from returns.result import Failure

from llm_manager.cli.documents import model_document
from llm_manager.cli.exits import OK
from llm_manager.cli.models.listing import abilities, count_words, known_models, lack_words
from llm_manager.cli.session import Session
from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.policies.model_search import search_models
from llm_manager.policies.names import canonical_provider, nearest


async def models_compare(session: Session, names: Sequence[str]) -> int:
    """Show the facts of the named models, of providers that are not configured too; it is a failure when a name is not known."""
    told = await known_models(session)
    if isinstance(told, Failure):
        return session.output.failure(told.failure())
    at_hand = told.unwrap()[0]
    catalogue = session.catalogue()
    lacks = {(profile.provider, profile.name): lack for profile, lack in catalogue}
    known = tuple(profile for profile, _ in catalogue)
    chosen: list[ModelProfile] = []
    for name in names:
        found = exactly(at_hand, name) or exactly(known, name) or named(at_hand, name) or named(known, name)
        if found is None:
            near = nearest(name, (profile.name for profile in (*at_hand, *known)))
            meant = f"; did you mean {', '.join(near)}?" if near else "; llm-manager models --known lists all of them"
            return session.output.failure(ConfigurationError(message=f"no model that is known is called {name!r}{meant}"))
        chosen.append(found)
    states = tuple(None if profile in at_hand else lacks.get((profile.provider, profile.name)) for profile in chosen)
    if session.output.json:
        session.output.document([model_document(profile, lack) for profile, lack in zip(chosen, states, strict=True)])
    else:
        rows = [*facts(chosen), *([("state", *map(lack_words, states))] if any(states) else [])]
        session.output.table(("", *(profile.name for profile in chosen)), rows)
    return OK


def exactly(profiles: Iterable[ModelProfile], name: str) -> ModelProfile | None:
    """The model of this name, or of this provider/name."""
    vendor, _, rest = name.partition("/")
    for profile in profiles:
        if profile.name == name or (profile.name == rest and profile.provider == canonical_provider(vendor)):
            return profile
    return None


def named(profiles: Iterable[ModelProfile], name: str) -> ModelProfile | None:
    """The model of this name, of this provider/name, or the only one whose name holds these words."""
    known = tuple(profiles)
    found = search_models(known, name, retired=True)
    return exactly(known, name) or (found[0] if len(found) == 1 else None)


def facts(profiles: Sequence[ModelProfile]) -> Iterator[tuple[str, ...]]:
    """One line for each fact, one cell for each model."""
    yield ("provider", *(profile.provider for profile in profiles))
    yield ("where", *(profile.locality for profile in profiles))
    yield ("kind", *(profile.kind for profile in profiles))
    yield ("tier", *(profile.tier for profile in profiles))
    yield ("window", *(count_words(profile.context_window) for profile in profiles))
    yield ("longest answer", *(count_words(profile.max_output_tokens) for profile in profiles))
    yield ("$ per million in", *(_usd(profile, "input_usd") for profile in profiles))
    yield ("$ per million out", *(_usd(profile, "output_usd") for profile in profiles))
    yield ("$ per million from its cache", *(_usd(profile, "cache_read_usd") for profile in profiles))
    yield ("prices of", *(profile.price.version if isinstance(profile.price, KnownPrice) else "unknown" for profile in profiles))
    for word in ("images", "documents", "tools", "schema", "reasoning"):
        yield (word, *("yes" if abilities(profile).get(word) else "no" for profile in profiles))
    yield ("quality", *(f"{profile.quality:.2f}" for profile in profiles))
    yield ("seconds, declared", *(f"{profile.latency_seconds:g}" for profile in profiles))
    if any(profile.retired for profile in profiles):
        yield ("retired", *((profile.replaced_by or "yes") if profile.retired else "no" for profile in profiles))


def _usd(profile: ModelProfile, bucket: str) -> str:
    amount: Decimal | None = getattr(profile.price, bucket, None)
    return "unknown" if amount is None else f"{amount.normalize():f}"
