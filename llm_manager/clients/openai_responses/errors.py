"""What an answer means that has failed although its status was good; statuses and codes are judged as in chat completions."""

from collections.abc import Mapping

from llm_manager.clients.loosely import plain
from llm_manager.clients.openai_chat.errors import error_inside, error_of
from llm_manager.clients.openai_responses.shapes import Happening, Response

__all__ = ["error_inside", "error_of", "problem_in", "problem_told"]

_FAILED = {"error": {"code": "server_error", "message": "the provider could not finish the answer"}}


def problem_in(response: Response) -> object:
    """The error that an answer holds, as told; None when it holds none."""
    problem = plain(response.error)
    if problem is not None:
        return {"error": problem}
    return _FAILED if response.status in ("failed", "cancelled") else None


def problem_told(event: Happening, payload: bytes) -> object:
    """The error that an event of a stream is: it stands in ``error``, in its response, or is the event itself."""
    problem = plain(event.error)
    if isinstance(problem, Mapping):
        return {"error": problem}
    if event.response is not None:
        return problem_in(event.response) or _FAILED
    told = _fields(payload)
    return {"error": {key: value for key, value in told.items() if key not in ("type", "error")}} if told.get("message") else _FAILED


def _fields(payload: bytes) -> Mapping[str, object]:
    from msgspec import Raw

    told = plain(Raw(payload))
    return told if isinstance(told, Mapping) else {}
