"""Reading the parts of an answer as this dialect tells them: its text, its thinking, its calls, how it ended, its tokens."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from llm_manager.clients.endings import WITHHELD
from llm_manager.clients.openai_responses.shapes import Item, Response, Tokens
from llm_manager.clients.telling import Calling, Told
from llm_manager.domain.messages import Thought
from llm_manager.domain.responses import Finish
from llm_manager.domain.usage import Usage

BETWEEN_SUMMARIES: Final = "\n\n"
_INCOMPLETE: Final[dict[str, Finish]] = {"max_output_tokens": "length", "max_messages": "length"}


class Proof(Struct, gc=False):
    """What the provider wants back with a thought: the signature of ours, as JSON."""

    id: str
    encrypted_content: str


_PROOF: Final = msgspec.json.Decoder(Proof)


def proof_of(signature: str) -> Proof | None:
    """The proof that a signature holds; None for another provider's."""
    if not signature.startswith('{"id":'):
        return None
    try:
        return _PROOF.decode(signature)
    except (ValueError, RecursionError):
        return None


def thoughts_of(items: Iterable[Item]) -> tuple[Thought, ...]:
    """The thinking that can be sent back: that which came with its proof."""
    return tuple(
        Thought(text=thinking_of(item), signature=msgspec.json.encode(Proof(id=item.id, encrypted_content=item.encrypted_content)).decode())
        for item in items
        if item.type == "reasoning" and item.id and item.encrypted_content
    )


def thinking_of(item: Item) -> str:
    """The thinking that an item shows: its summary, or the thinking itself where a server gives that."""
    summary = BETWEEN_SUMMARIES.join(part.text for part in item.summary or () if part.text)
    return summary or "".join(part.text for part in item.content or () if part.text)


def text_of(items: Iterable[Item]) -> str:
    """The text of all messages."""
    return "".join(part.text for item in items if item.type == "message" for part in item.content or () if part.text)


def refusal_of(items: Iterable[Item]) -> str:
    """What the model says where it refuses."""
    return "".join(part.refusal for item in items if item.type == "message" for part in item.content or () if part.refusal)


def called(item: Item, index: int) -> Calling:
    """A tool call that an item is."""
    return Calling(index=index, id=item.call_id or item.id or "", name=item.name or "", arguments=(None, item.arguments or ""))


def whole(told: Told, response: Response) -> Told:
    """All that a whole answer tells."""
    items = response.output or []
    text, refusal = text_of(items), refusal_of(items)
    thinking = BETWEEN_SUMMARIES.join(each for item in items if item.type == "reasoning" and (each := thinking_of(item)))
    return ended(
        replace(
            told,
            text=(None, text) if text else None,
            reasoning=(None, thinking) if thinking else None,
            refusal=(None, refusal) if refusal else None,
            calls=tuple(called(item, index) for index, item in enumerate(items) if item.type == "function_call"),
        ),
        response,
    )


def ended(told: Told, response: Response) -> Told:
    """What the ending tells: why, what it took, and the proofs of thinking."""
    details = response.incomplete_details
    finished = response.status == "completed" or (response.status is None and details is None)
    reason = None if finished or details is None else details.reason
    return replace(
        told,
        finish="stop" if finished else _INCOMPLETE.get(reason or "", "other"),
        withheld=WITHHELD if reason == "content_filter" else "",
        thoughts=thoughts_of(response.output or ()) or told.thoughts,
        usage=told.usage if response.usage is None else usage_of(response.usage),
        model=response.model or told.model,
        id=response.id or told.id,
        chosen=True,
    )


def usage_of(tokens: Tokens) -> Usage | None:
    """Sort the provider's counts, which overlap, into buckets that do not; their sum is the provider's total."""
    if tokens.input_tokens is None and tokens.output_tokens is None:
        return None
    read, written = tokens.input_tokens or 0, tokens.output_tokens or 0
    cached = stored = reasoned = 0
    if tokens.input_tokens_details is not None:
        cached = min(tokens.input_tokens_details.cached_tokens or 0, read)
        stored = min(tokens.input_tokens_details.cache_write_tokens or 0, read - cached)
    if tokens.output_tokens_details is not None:
        reasoned = min(tokens.output_tokens_details.reasoning_tokens or 0, written)
    return Usage(
        input_tokens=read - cached - stored,
        cache_read_tokens=cached,
        cache_write_tokens=stored,
        output_tokens=written - reasoned,
        reasoning_tokens=reasoned,
    )


def place_of(calls: Sequence[Calling], index: int | None) -> int | None:
    """Where a call stands; a server that gives no index speaks of the last one."""
    if index is None:
        return len(calls) - 1 if calls else None
    return next((at for at, call in enumerate(calls) if call.index == index), None)
