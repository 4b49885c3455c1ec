"""Reading which models are on offer, page by page."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.gemini import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelKind, ModelProfile
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

MOST_PAGES: Final = 20
_LONGEST_NAME: Final = 200
_LONGEST_TOKEN: Final = 2000
_MOST_TOKENS: Final = 2**53
_PREFIX: Final = "models/"


@frozen(kw_only=True)
class Page:
    """Some of the models, as they were told, and where the next page begins."""

    rows: tuple[Mapping[str, Any], ...]
    next: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """How the models are called in requests."""
        return tuple(name_of(row) for row in self.rows)


def read_page(reply: WireReply, who: Who, *, wall: float) -> Settled[Page, LLMError]:
    """One page of the list; a list without any model is none."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        told = msgspec.json.decode(reply.body)
    except (ValueError, RecursionError):
        told = None
    rows = told.get("models") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(rows, list):
        return Failure(endings.malformed("the answer is not a list of models", who, raw=reply.body, reply=reply))
    token = told.get("nextPageToken")
    named = tuple(row for row in rows if isinstance(row, Mapping) and _is_named(row))
    return Success(Page(rows=named, next=token if isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN else None))


def described(row: Mapping[str, Any], profile: Callable[[str], ModelProfile]) -> ModelProfile:
    """A model of the list: what it says of itself takes the place of what is known."""
    known = profile(name_of(row))
    return evolve(
        known,
        kind=_kind(row, known),
        context_window=_tokens(row, "inputTokenLimit") or known.context_window,
        max_output_tokens=_tokens(row, "outputTokenLimit") or known.max_output_tokens,
        reasoning=row["thinking"] if isinstance(row.get("thinking"), bool) else known.reasoning,
    )


def name_of(row: Mapping[str, Any]) -> str:
    """The name without what stands before every model's."""
    return str(row["name"]).removeprefix(_PREFIX)


def _is_named(row: Mapping[str, Any]) -> bool:
    name = row.get("name")
    return isinstance(name, str) and 0 < len(name.removeprefix(_PREFIX)) <= _LONGEST_NAME


def _kind(row: Mapping[str, Any], known: ModelProfile) -> ModelKind:
    """What it is asked for, by the methods that it answers."""
    methods = row.get("supportedGenerationMethods")
    if not isinstance(methods, list):
        return known.kind
    if "generateContent" in methods:
        return "chat"
    if "embedContent" in methods:
        return "embedding"
    return "image" if "predict" in methods and known.name.startswith("imagen") else "other"


def _tokens(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return value if type(value) is int and 0 < value < _MOST_TOKENS else None
