"""Reading which models a server offers, and whether it is well."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.openai_chat import errors
from llm_manager.clients.openai_chat.offers import told_of
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

_LONGEST_NAME: Final = 200


def read_models(
    reply: WireReply, who: Who, profile: Callable[[str], ModelProfile], *, wall: float
) -> Settled[tuple[ModelProfile, ...], LLMError]:
    """The models of an answer to ``/models``, described; a window that the server tells takes the place of a known one."""
    told = rows_of(reply, who, wall)
    if isinstance(told, Failure):
        return told
    today = datetime.fromtimestamp(wall, UTC).date().isoformat()
    return Success(tuple(told_of(row, profile(row["id"]), today) for row in told.unwrap()))


def is_well(reply: WireReply, who: Who, *, wall: float) -> Settled[tuple[str, ...], LLMError]:
    """The names of the models on offer, when the answer has the shape of a server that is well: a list, or its status."""
    told = _json(reply, who, wall)
    if isinstance(told, Failure):
        return told
    value = told.unwrap()
    if isinstance(value, Mapping) and value.get("status") == "ok":
        return Success(())
    rows = _listed(value)
    if rows is None:
        return Failure(endings.malformed("the server answers, but not as one of this kind", who, raw=reply.body, reply=reply))
    return Success(tuple(row["id"] for row in rows))


def is_own(reply: WireReply, who: Who, owner: str, *, wall: float) -> Settled[tuple[str, ...], LLMError]:
    """The names of the models on offer, when the server calls itself the owner of each: whatever else is there is none of its kind."""
    told = rows_of(reply, who, wall)
    if isinstance(told, Failure):
        return told
    rows = told.unwrap()
    if not rows or not all(row.get("owned_by") == owner for row in rows):
        return Failure(endings.malformed("a program answers there that is not of this kind", who, raw=reply.body, reply=reply))
    return Success(tuple(row["id"] for row in rows))


def _json(reply: WireReply, who: Who, wall: float) -> Settled[object, LLMError]:
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        return Success(msgspec.json.decode(reply.body))
    except (ValueError, RecursionError):
        return Failure(endings.malformed("the answer is not JSON", who, raw=reply.body, reply=reply))


def rows_of(reply: WireReply, who: Who, wall: float) -> Settled[list[Mapping[str, Any]], LLMError]:
    """The rows of an answer to a question for models."""
    told = _json(reply, who, wall)
    if isinstance(told, Failure):
        return told
    rows = _listed(told.unwrap())
    if rows is None:
        return Failure(endings.malformed("the answer is not a list of models", who, raw=reply.body, reply=reply))
    return Success(rows)


def _listed(told: object) -> list[Mapping[str, Any]] | None:
    """The rows that name a model; Together sends a bare list, the others put it under ``data``."""
    rows = told.get("data") if isinstance(told, Mapping) else told
    if not isinstance(rows, list):
        return None
    return [row for row in rows if isinstance(row, Mapping) and isinstance(row.get("id"), str) and 0 < len(row["id"]) <= _LONGEST_NAME]
