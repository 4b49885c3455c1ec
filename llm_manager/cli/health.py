"""`llm-manager health`: which endpoints answer."""

from collections.abc import Iterable

from returns.result import Failure

from llm_manager.cli.documents import health_document
from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.session import Session
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.models import Health
from llm_manager.effects import settle
from llm_manager.policies.names import KEY_VARIABLES, PROVIDERS, canonical_provider, nearest
from llm_manager.policies.standing_words import standing_lines

_SHOWN_MODELS = 5
_TOY = "embedded"


async def health(session: Session, provider: str | None = None) -> int:
    """Ask every endpoint whether it answers; it is a failure when none of those does that calls are for, or not the one named."""
    named = None if provider is None else canonical_provider(provider)
    if provider is not None and named is None:
        return session.output.failure(_nobody(provider))
    outcome = await settle(session.manager.health())
    if isinstance(outcome, Failure):
        return session.output.failure(outcome.failure())
    standing = session.manager.standing()
    found = tuple(one for one in outcome.unwrap() if named in (None, one.provider))
    if named is not None and not found:
        key = f": set {KEY_VARIABLES[named]}" if named in KEY_VARIABLES else ""
        return session.output.failure(ConfigurationError(message=f"{named} is not configured{key}"))
    if session.output.json:
        session.output.document([health_document(one, standing) for one in found])
    else:
        session.output.table(("provider", "state", "seconds", "models or reason"), map(_row, found))
    for line in standing_lines(standing):
        session.output.note(f"note: {line}")
    if any_answers(found, session.config) or (named is not None and any(one.healthy for one in found)):
        return OK
    alive = any(one.healthy for one in found)
    who = "nothing that is configured answers, and the embedded model does not stand in for it" if alive else "no endpoint answers"
    session.output.note(f"error: {who}; llm-manager config show tells what is configured")
    return FAILED


def _nobody(provider: str) -> ConfigurationError:
    near = nearest(provider, PROVIDERS)
    hint = f"did you mean {near[0]}?" if near else f"providers: {', '.join(PROVIDERS)}"
    return ConfigurationError(message=f"there is no provider {provider!r}; {hint}")


def any_answers(found: Iterable[Health], config: LLMConfig) -> bool:
    """Say whether an endpoint is well that calls go to: the embedded model is one when it is enabled, or alone."""
    known = tuple(found)
    alone = not remote(known) and not any(settings.enabled for settings in config.providers.values())
    return any(one.healthy for one in (known if alone or config.embedded.enabled else remote(known)))


def remote(found: Iterable[Health]) -> tuple[Health, ...]:
    """The endpoints that are servers."""
    return tuple(one for one in found if one.provider != _TOY)


def _row(one: Health) -> tuple[str, ...]:
    seconds = "" if one.latency_seconds is None else f"{one.latency_seconds:.3f}"
    more = f", and {len(one.models) - _SHOWN_MODELS} more" if len(one.models) > _SHOWN_MODELS else ""
    told = ", ".join(one.models[:_SHOWN_MODELS]) + more if one.healthy else one.error_message or ""
    return one.provider, "healthy" if one.healthy else "down", seconds, told
