"""Answers that end badly although their status was good: no answer at all, cut off, or withheld; the same in every dialect."""

from attrs import evolve

from llm_manager.clients.who import Who
from llm_manager.clients.who import request_id as id_of
from llm_manager.domain.error_questions import describe, origin_of
from llm_manager.domain.errors import ContentFiltered, LLMError, MalformedResponse, StreamInterrupted
from llm_manager.domain.wire_requests import WireReply

WITHHELD = "the provider withheld the answer"
_KEPT = 4096


def beginning(raw: bytes) -> str:
    """As much of what came as is kept with an error."""
    return raw[:_KEPT].decode("utf-8", "replace")


def malformed(message: str, who: Who, *, raw: bytes = b"", reply: WireReply | None = None) -> MalformedResponse:
    """A good status with something that is no answer."""
    return MalformedResponse(
        model=who.model,
        message=message,
        origin=who.origin(
            request_id=None if reply is None else id_of(reply.headers),
            status=None if reply is None else reply.status,
            charge="possible",
            raw=beginning(raw),
        ),
    )


def interrupted(message: str, who: Who, *, partial: str, request_id: str | None = None) -> StreamInterrupted:
    """A stream that ended without its terminator; what was written is billed."""
    return StreamInterrupted(model=who.model, message=message, partial=partial, origin=who.origin(request_id=request_id, charge="certain"))


def interrupted_by(error: LLMError, who: Who, *, partial: str, request_id: str | None = None) -> StreamInterrupted:
    """A stream that an error ended after something had been delivered."""
    cause = origin_of(error)
    plainly = interrupted(f"the provider broke it off: {describe(error)}", who, partial=partial, request_id=request_id)
    return plainly if cause is None else evolve(plainly, origin=evolve(cause, request_id=who.safe_id(request_id), charge="certain"))


def filtered(who: Who, *, partial: str = "", message: str = WITHHELD, request_id: str | None = None) -> ContentFiltered:
    """An answer whose own ending says that it was refused; ``message`` is ours or made safe."""
    return ContentFiltered(model=who.model, message=message, partial=partial, origin=who.origin(request_id=request_id, charge="certain"))
