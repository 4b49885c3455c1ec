"""Texts into verdicts, without any I/O."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.openai_chat import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.moderation import Moderation, ModerationRequest, Verdict
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

PATH: Final = "/moderations"


class _Row(Struct, gc=False):
    flagged: bool
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Answer(Struct, gc=False):
    results: list[_Row]
    model: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def body_of(request: ModerationRequest, model: str) -> dict[str, Any]:
    """The request as it is sent."""
    return {"model": model, "input": request.texts}


def decode(reply: WireReply, who: Who, wall: float, *, count: int) -> Settled[Moderation, LLMError]:
    """Read ``count`` verdicts; a category that was not judged is left out."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        answer = _ANSWER.decode(reply.body)
    except (ValueError, RecursionError):
        answer = None
    if answer is None or len(answer.results) != count:
        malformed = endings.malformed("the answer does not hold one verdict for each text", who, raw=reply.body, reply=reply)
        return Failure(errors.error_in_body(reply, who, wall=wall) or malformed)
    return Success(
        Moderation(
            verdicts=tuple(
                Verdict(
                    flagged=row.flagged,
                    categories={name: flagged for name, flagged in row.categories.items() if flagged is not None},
                    scores={name: score for name, score in row.category_scores.items() if score is not None},
                )
                for row in answer.results
            ),
            model=answer.model or who.model,
            provider=who.provider,
        )
    )
