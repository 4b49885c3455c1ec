"""Reading which models a server offers, page by page, and how many tokens a request is."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.anthropic_messages import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.usage import TokenCount
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

MODELS_PATH: Final = "/v1/models?limit=1000"
_LONGEST_NAME = 200
_MOST_TOKENS = 2**53


@frozen(kw_only=True)
class Page:
    """One page of the list: its rows, and after which model the next one begins, when there is one."""

    rows: tuple[Mapping[str, Any], ...]
    after: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The models on it."""
        return tuple(row["id"] for row in self.rows)


def next_path(after: str) -> str:
    """Where the page after this model is."""
    return f"{MODELS_PATH}&after_id={after}"


def read_page(reply: WireReply, who: Who, *, wall: float) -> Settled[Page, LLMError]:
    """Read a page of ``/v1/models``; a name that could not stand in an address ends the list."""
    told = _object(reply, who, wall)
    if isinstance(told, Failure):
        return told
    value = told.unwrap()
    rows = value.get("data")
    if not isinstance(rows, list):
        return Failure(endings.malformed("the answer is not a list of models", who, raw=reply.body, reply=reply))
    after = value.get("last_id") if value.get("has_more") is True else None
    return Success(
        Page(
            rows=tuple(
                row for row in rows if isinstance(row, Mapping) and isinstance(row.get("id"), str) and 0 < len(row["id"]) <= _LONGEST_NAME
            ),
            after=after if isinstance(after, str) and who.safe_id(after) and not set(after) & set("/+=@|~:") else None,
        )
    )


def described(row: Mapping[str, Any], profile: Callable[[str], ModelProfile]) -> ModelProfile:
    """A model of the list: what the server tells of it takes the place of what is known."""
    known = profile(row["id"])
    meta = row.get("meta")
    told = row.get("capabilities")
    can: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    window = row.get("max_input_tokens", meta.get("n_ctx") if isinstance(meta, Mapping) else None)
    return evolve(
        known,
        context_window=_tokens(window) or known.context_window,
        max_output_tokens=_tokens(row.get("max_tokens")) or known.max_output_tokens,
        vision=_can(can, "image_input", known.vision),
        documents=_can(can, "pdf_input", known.documents),
        json_schema=_can(can, "structured_outputs", known.json_schema),
        reasoning=_can(can, "thinking", known.reasoning),
        retired=known.retired or row.get("lifecycle") == "retired",
    )


def read_count(reply: WireReply, who: Who, wall: float) -> Settled[TokenCount, LLMError]:
    """Read how many tokens a request is, as the model itself counts."""
    told = _object(reply, who, wall)
    if isinstance(told, Failure):
        return told
    tokens = told.unwrap().get("input_tokens")
    if type(tokens) is not int or not 0 <= tokens <= _MOST_TOKENS:
        return Failure(endings.malformed("the answer holds no count of tokens", who, raw=reply.body, reply=reply))
    return Success(TokenCount(tokens=tokens, model=who.model, provider=who.provider, exact=True))


def _object(reply: WireReply, who: Who, wall: float) -> Settled[Mapping[str, Any], LLMError]:
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        told = msgspec.json.decode(reply.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, Mapping):
        return Failure(endings.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    return Success(told)


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST_TOKENS else None


def _can(told: Mapping[str, Any], name: str, known: bool) -> bool:
    """Whether the server says that the model can; what is known, when it does not say."""
    ability = told.get(name)
    supported = ability.get("supported") if isinstance(ability, Mapping) else None
    return supported if isinstance(supported, bool) else known
