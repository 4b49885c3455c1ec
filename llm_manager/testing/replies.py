"""What a scripted model says, as one whole answer or as the events of a stream; both always agree."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TypeAlias

from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.models import KnownPrice, Price
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Cost, Priced, Unpriced, Usage
from llm_manager.outcomes import Settled

Piece: TypeAlias = str | StreamEvent | LLMError
"""What a scripted stream tells: text, an event, or the failure that ends it."""

Said: TypeAlias = str | LLMResponse | LLMError | Sequence[Piece]
"""A text becomes an answer; pieces are streamed as they are, and are one answer to those who do not stream."""

_WORDS = re.compile(r"(?:\A\s+)?\S+\s*")
_CHARACTERS_A_TOKEN = 4
_MILLION = 1_000_000


def whole(said: Said, attempt: Attempt, *, seconds: float = 0.0) -> Settled[LLMResponse, LLMError]:
    """The answer to those who wait for all of it."""
    if isinstance(said, str):
        return Success(written(said, attempt, seconds=seconds))
    if isinstance(said, LLMResponse):
        return Success(said)
    if isinstance(said, LLMError):
        return Failure(said)
    return _folded(said, attempt, seconds)


def pieces(said: Said, *, chunk_characters: int | None = None) -> Iterator[Piece]:
    """The same answer piece by piece; without an ending when the pieces given have none."""
    if isinstance(said, str):
        yield from _chunks(said, chunk_characters)
    elif isinstance(said, LLMResponse):
        if said.reasoning:
            yield ReasoningDelta(text=said.reasoning)
        yield from _chunks(said.content, chunk_characters)
        for index, call in enumerate(said.tool_calls):
            yield ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments)
        yield StreamFinished(response=said)
    elif isinstance(said, LLMError):
        yield said
    else:
        yield from said


def written(
    content: str,
    attempt: Attempt,
    *,
    seconds: float = 0.0,
    first_after: float | None = None,
    tool_calls: tuple[ToolCall, ...] = (),
    reasoning: str = "",
) -> LLMResponse:
    """The answer that a text is: about four characters a token, at the price of the model's profile."""
    usage = Usage(
        input_tokens=len(attempt.wire.body) // _CHARACTERS_A_TOKEN,
        output_tokens=-(-len(content) // _CHARACTERS_A_TOKEN),
        reasoning_tokens=-(-len(reasoning) // _CHARACTERS_A_TOKEN),
    )
    return LLMResponse(
        content=content,
        model=attempt.model.name,
        provider=attempt.endpoint.provider,
        finish="tool_calls" if tool_calls else "stop",
        tool_calls=tool_calls,
        reasoning=reasoning,
        usage=usage,
        cost=_cost(attempt.model.price, usage),
        latency_seconds=seconds,
        time_to_first_token_seconds=first_after,
        call_id=attempt.call_id,
    )


def gathered(told: Sequence[StreamEvent], attempt: Attempt, *, seconds: float = 0.0, first_after: float | None = None) -> LLMResponse:
    """The answer that a stream's events add up to."""
    text = "".join(event.text for event in told if isinstance(event, TextDelta))
    thought = "".join(event.text for event in told if isinstance(event, ReasoningDelta))
    calls: dict[int, ToolCall] = {}
    for event in told:
        if isinstance(event, ToolCallDelta):
            known = calls.get(event.index, ToolCall(id="", name="", arguments=""))
            calls[event.index] = ToolCall(
                id=known.id or event.id, name=known.name or event.name, arguments=known.arguments + event.arguments
            )
    return written(
        text,
        attempt,
        seconds=seconds,
        first_after=first_after,
        tool_calls=tuple(calls[index] for index in sorted(calls)),
        reasoning=thought,
    )


def _folded(said: Sequence[Piece], attempt: Attempt, seconds: float) -> Settled[LLMResponse, LLMError]:
    told: list[StreamEvent] = []
    for piece in said:
        if isinstance(piece, str):
            told.append(TextDelta(text=piece))
        elif isinstance(piece, StreamFinished):
            return Success(piece.response)
        elif isinstance(piece, LLMError):
            return Failure(piece)
        else:
            told.append(piece)
    return Success(gathered(told, attempt, seconds=seconds))


def _chunks(text: str, characters: int | None) -> list[str]:
    if characters is not None:
        return [text[start : start + characters] for start in range(0, len(text), characters)]
    return _WORDS.findall(text) or ([text] if text else [])


def _cost(price: Price, usage: Usage) -> Cost:
    if not isinstance(price, KnownPrice):
        return Unpriced(reason="the profile has no price")
    if not (price.input_usd or price.output_usd):
        return Priced(usd=_NOTHING, price_version=price.version)
    usd = price.input_usd * usage.prompt_tokens + price.output_usd * usage.completion_tokens
    return Priced(usd=usd / _MILLION, price_version=price.version)


_NOTHING = Decimal(0)
