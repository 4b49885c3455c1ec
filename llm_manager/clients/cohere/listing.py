"""Reading which models are on offer."""

from collections.abc import Callable
from typing import Final

from attrs import evolve
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.cohere import errors
from llm_manager.clients.loosely import Count, reader
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelKind, ModelProfile
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

_LONGEST_NAME: Final = 200


class Row(Struct, gc=False):
    """A model as it is listed: its window, and what it is asked for."""

    name: str = ""
    endpoints: list[str] | None = None
    context_length: Count | None = None


class _List(Struct, gc=False):
    models: list[Row] | None = None


_READ: Final = reader(_List)


def read_list(reply: WireReply, who: Who, *, wall: float) -> Settled[tuple[Row, ...], LLMError]:
    """The models that have a name."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    told = _READ(reply.body)
    if told is None or told.models is None:
        return Failure(endings.malformed("the answer is not a list of models", who, raw=reply.body, reply=reply))
    return Success(tuple(row for row in told.models if 0 < len(row.name) <= _LONGEST_NAME))


def described(row: Row, profile: Callable[[str], ModelProfile]) -> ModelProfile:
    """A model of the list: what is said of it takes the place of what is known."""
    known = profile(row.name)
    return evolve(known, kind=_kind(row, known), context_window=row.context_length or known.context_window)


def _kind(row: Row, known: ModelProfile) -> ModelKind:
    if row.endpoints is None:
        return known.kind
    return "chat" if "chat" in row.endpoints else "embedding" if "embed" in row.endpoints else "other"
