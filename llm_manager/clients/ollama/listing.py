"""Reading what a server tells of its models: those on its disk, one in detail, those in its memory."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.ollama import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.local_models import LocalModel, LocalModelDetails, RunningModel
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

_LARGEST: Final = 20_000_000
_LONGEST_NAME: Final = 300
_MOST: Final = 2**62
_MOST_TOKENS: Final = 2**53
_TOLD_APART: Final = frozenset({"template", "license", "details", "capabilities", "remote_host", "remote_model"})


def read_stored(reply: WireReply, who: Who, *, wall: float) -> Settled[tuple[LocalModel, ...], LLMError]:
    """The models of an answer to ``/api/tags``."""
    rows = _rows(reply, who, wall)
    return rows if isinstance(rows, Failure) else Success(tuple(_stored(row) for row in rows.unwrap()))


def read_running(reply: WireReply, who: Who, *, wall: float) -> Settled[tuple[RunningModel, ...], LLMError]:
    """The models of an answer to ``/api/ps``."""
    rows = _rows(reply, who, wall)
    return rows if isinstance(rows, Failure) else Success(tuple(_running(row) for row in rows.unwrap()))


def read_details(reply: WireReply, who: Who, name: str, *, wall: float) -> Settled[LocalModelDetails, LLMError]:
    """What an answer to ``/api/show`` tells of a model."""
    told = _object(reply, who, wall)
    if isinstance(told, Failure):
        return told
    fields = told.unwrap()
    info, details, capabilities = fields.get("model_info"), fields.get("details"), fields.get("capabilities")
    if not isinstance(info, Mapping) and not isinstance(details, Mapping):
        return Failure(endings.malformed("the answer tells of no model", who, raw=reply.body, reply=reply))
    named: Mapping[str, Any] = details if isinstance(details, Mapping) else {}
    return Success(
        LocalModelDetails(
            name=name,
            context_window=_window(info if isinstance(info, Mapping) else {}),
            capabilities=tuple(one for one in capabilities if isinstance(one, str)) if isinstance(capabilities, list) else (),
            template=_text(fields.get("template")),
            license=_text(fields.get("license")),
            family=_text(named.get("family")),
            parameters=_text(named.get("parameter_size")),
            quantization=_text(named.get("quantization_level")),
            remote_host=_remote(fields),
            told={key: value for key, value in fields.items() if key not in _TOLD_APART},
        )
    )


def _object(reply: WireReply, who: Who, wall: float) -> Settled[Mapping[str, Any], LLMError]:
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        told = msgspec.json.decode(reply.body) if len(reply.body) <= _LARGEST else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return Failure(endings.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    return Success(told)


def _rows(reply: WireReply, who: Who, wall: float) -> Settled[list[Mapping[str, Any]], LLMError]:
    told = _object(reply, who, wall)
    if isinstance(told, Failure):
        return told
    rows = told.unwrap().get("models")
    if not isinstance(rows, list):
        return Failure(endings.malformed("the server answers, but not as Ollama does", who, raw=reply.body, reply=reply))
    return Success([row for row in rows if isinstance(row, dict) and 0 < len(_name(row)) <= _LONGEST_NAME])


def _stored(row: Mapping[str, Any]) -> LocalModel:
    told = row.get("details")
    details: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    return LocalModel(
        name=_name(row),
        size_bytes=_count(row.get("size")),
        digest=_text(row.get("digest")),
        family=_text(details.get("family")),
        parameters=_text(details.get("parameter_size")),
        quantization=_text(details.get("quantization_level")),
        modified=_text(row.get("modified_at")),
        remote_host=_remote(row),
    )


def _running(row: Mapping[str, Any]) -> RunningModel:
    return RunningModel(
        name=_name(row),
        size_bytes=_count(row.get("size")),
        vram_bytes=_count(row.get("size_vram")),
        context_length=_count(row.get("context_length")) or None,
        expires=_text(row.get("expires_at")),
    )


def _name(row: Mapping[str, Any]) -> str:
    return _text(row.get("model")) or _text(row.get("name"))


def _remote(fields: Mapping[str, Any]) -> str | None:
    """Where a model is really answered; a server that names the model there and not the place means its own cloud."""
    return _text(fields.get("remote_host")) or ("ollama.com" if _text(fields.get("remote_model")) else None)


def _window(info: Mapping[str, Any]) -> int | None:
    """The window a model was trained for, which stands under the name of its architecture."""
    architecture = _text(info.get("general.architecture"))
    for value in (info.get(f"{architecture}.context_length"), *_windows(info)):
        if type(value) is int and 0 < value < _MOST_TOKENS:
            return value
    return None


def _windows(info: Mapping[str, Any]) -> Iterator[object]:
    return (value for key, value in info.items() if key.endswith(".context_length"))


def _text(told: object) -> str:
    return told if isinstance(told, str) else ""


def _count(told: object) -> int:
    return told if type(told) is int and 0 <= told <= _MOST else 0
