"""Putting an answer together from what has been told of it: the same way in every dialect, for whole answers and for streams."""

from collections.abc import Sequence
from typing import TypeAlias

from attrs import evolve
from msgspec import Struct
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Thought, ToolCall
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished
from llm_manager.domain.usage import Usage
from llm_manager.outcomes import Settled

Event: TypeAlias = Settled[StreamEvent, LLMError]
Chain: TypeAlias = "tuple[Chain, str] | None"
"""Pieces of text, the last one outermost, so that adding one never copies the others."""
Next: TypeAlias = "tuple[Told, Sequence[Event]]"
"""What has been told after an event, and what is given out for it."""


class Calling(Struct, frozen=True):
    """A tool call so far; ``index`` is its place as the provider counts."""

    index: int
    id: str
    name: str
    arguments: Chain = None
    signature: str = ""


class Told(Struct, frozen=True):
    """What has been told so far; ``over`` once it has ended, well or not, and ``chosen`` once there is an answer at all."""

    wall: float
    request_id: str | None = None
    delivered: bool = False
    text: Chain = None
    reasoning: Chain = None
    place: tuple[int, int] | None = None
    """Where the last piece of thinking stands, as the provider counts, for those that tell it in parts."""
    thoughts: tuple[Thought, ...] = ()
    thought: Chain = None
    signature: str = ""
    """The thought that is being told, and the proof of it, for those that tell where one ends."""
    refusal: Chain = None
    withheld: str = ""
    """Why the provider kept the answer back, in our words or made safe."""
    calls: tuple[Calling, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    tokens_per_second: float | None = None
    notices: tuple[str, ...] = ()
    chosen: bool = False
    over: bool = False

    def partial(self) -> str:
        """The text so far."""
        return joined(self.text)


def begun(*, wall: float, request_id: str | None = None) -> Told:
    """An answer of which nothing has been told yet; ``wall`` is now, in seconds since 1970."""
    return Told(wall=wall, request_id=request_id)


def cut(told: Told, who: Who, message: str = "it ended without its terminator") -> LLMError:
    """What a stream means that ends before its terminator."""
    return endings.interrupted(message, who, partial=told.partial(), request_id=told.request_id or told.id)


def failed(told: Told, who: Who, error: LLMError) -> Next:
    """A stream that an error ends: once something was delivered it was interrupted."""
    if told.delivered:
        error = endings.interrupted_by(error, who, partial=told.partial(), request_id=told.request_id or told.id)
    return replace(told, over=True), (Failure(error),)


def unread(told: Told, who: Who, piece: bytes) -> Next:
    """A stream of which a piece cannot be read: it was cut, or was never of this dialect."""
    message = "a piece of the stream is not a JSON object"
    error = cut(told, who, message) if told.delivered else endings.malformed(message, who, raw=piece)
    return replace(told, over=True), (Failure(error),)


def finished(told: Told, who: Who) -> Next:
    """A stream that has come to its end."""
    over = replace(told, over=True)
    if not told.chosen:
        return over, (Failure(endings.malformed("the stream ended without an answer", who)),)
    outcome = settled(told, who)
    return over, (outcome if isinstance(outcome, Failure) else Success(StreamFinished(response=outcome.unwrap())),)


def settled(told: Told, who: Who) -> Settled[LLMResponse, LLMError]:
    """The answer that has been told, whichever way it came."""
    text = joined(told.text)
    request_id = told.request_id or told.id
    if told.refusal is not None or told.withheld:
        partial = text or joined(told.refusal)
        return Failure(endings.filtered(who, partial=partial, request_id=request_id, message=told.withheld or endings.WITHHELD))
    finish: Finish = told.finish or "other"
    calls: tuple[ToolCall, ...] = ()
    if told.calls:
        calls = tuple(
            ToolCall(
                id=call.id or f"call_{call.index}",
                name=call.name,
                arguments=joined(call.arguments) or "{}",
                signature=call.signature,
                signed_by=who.signer if call.signature else "",
            )
            for call in told.calls
        )
        if finish == "stop":
            finish = "tool_calls"
    return Success(
        LLMResponse(
            content=text,
            model=told.model or who.model,
            provider=who.provider,
            finish=finish,
            tool_calls=calls,
            reasoning=joined(told.reasoning),
            thoughts=tuple(evolve(thought, signed_by=who.signer) for thought in told.thoughts) if told.thoughts else (),
            usage=told.usage,
            tokens_per_second=told.tokens_per_second,
            notices=told.notices,
            request_id=who.safe_id(request_id),
        )
    )


def joined(chain: Chain) -> str:
    """The pieces as one text."""
    if chain is None:
        return ""
    if chain[0] is None:
        return chain[1]
    pieces: list[str] = []
    while chain is not None:
        chain, piece = chain
        pieces.append(piece)
    pieces.reverse()
    return "".join(pieces)
