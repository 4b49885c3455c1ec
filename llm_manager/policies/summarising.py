"""Which turns of a long conversation are told in short, when, and how a model is asked to."""

from collections.abc import Sequence
from typing import Final

from attrs import evolve, frozen

from llm_manager.domain.conversations import Conversation, ConversationSummary, Turn
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.policies.tokens import estimate_tokens
from llm_manager.policies.trimming import fits

SUMMARY_TOKENS: Final = 500
"""The longest summary."""
_ASKED: Final = """\
You keep the memory of a conversation. Write down in at most 300 words what somebody must know who goes on with it: what was asked for
and why, what was decided, names, numbers, paths and code that still matter, and what is open. Plain sentences, no greeting."""
_LONGEST: Final = 400_000


@frozen(kw_only=True)
class ToSummarise:
    """The turns to tell in short, after what was told before; then so many first turns are."""

    turns: tuple[Turn, ...]
    before: str
    until: int


def still_said(conversation: Conversation) -> tuple[Turn, ...]:
    """The turns that are not told in short, and the system messages of those that are."""
    told = _told(conversation)
    return (*_system_alone(conversation.turns[:told]), *conversation.turns[told:])


def to_summarise(conversation: Conversation, *, max_tokens: int, keep_messages: int, coming: Sequence[Message]) -> ToSummarise | None:
    """What to tell in short before the next question; None while all fits. Half of the room is made free, so that it is rarely done."""
    summary = conversation.summary
    taken = 0 if summary is None else estimate_tokens(summary.text)
    rest = still_said(conversation)
    if fits(rest, max_tokens - taken, keep_messages, coming):
        return None
    start, turns = _told(conversation), conversation.turns
    half = max_tokens // 2 - SUMMARY_TOKENS
    until = next((at for at in range(start, len(turns)) if _begins(turns[at]) and fits(turns[at:], half, keep_messages // 2, coming)), None)
    if until is None:  # not even the last one: it stays, with what answers it
        begun = [at for at in range(start, len(turns)) if _begins(turns[at])]
        until = len(turns) if not coming or coming[0].role != "tool" else max(begun, default=start)
    if until <= start:
        return None
    return ToSummarise(turns=turns[start:until], before="" if summary is None else summary.text, until=until)


def summary_request(asked: LLMRequest, wanted: ToSummarise, model: str | None) -> LLMRequest:
    """Ask for a summary on behalf of whoever asked, with the same limits and no less private."""
    said = "\n\n".join(f"{_speaker(message)}: {_text(message)}" for turn in wanted.turns for message in turn.messages if _text(message))
    before = f"What was said before, in short:\n{wanted.before}\n\n" if wanted.before else ""
    return LLMRequest(
        prompt=f"{before}The conversation:\n\n{said[-_LONGEST:]}",
        system=_ASKED,
        sensitivity=asked.sensitivity,
        preferences=Preferences(max_tokens=SUMMARY_TOKENS, model=model, provider=None if model else asked.preferences.provider),
        deadline_ms=asked.deadline_ms,
        max_cost_usd=asked.max_cost_usd,
        priority=asked.priority,
        metadata=asked.metadata,
        cache=asked.cache,
    )


def with_summary(request: LLMRequest, summary: ConversationSummary | None) -> LLMRequest:
    """The request with what was said before told to the model, after all else that it is told."""
    if summary is None:
        return request
    told = f"What was said earlier in this conversation, in short:\n{summary.text}"
    return evolve(request, system=f"{request.system}\n\n{told}" if request.system else told)


def _told(conversation: Conversation) -> int:
    """How many of the turns are told in short."""
    return 0 if conversation.summary is None else max(0, min(conversation.summary.turns, len(conversation.turns)))


def _begins(turn: Turn) -> bool:
    """Say whether a history may begin with it: not with results that somebody before it asked for."""
    return bool(turn.messages) and turn.messages[0].role != "tool"


def _system_alone(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    said = tuple(message for turn in turns for message in turn.messages if message.role == "system")
    return (Turn(messages=said),) if said else ()


def _speaker(message: Message) -> str:
    return {"user": "User", "assistant": "Assistant", "tool": "Result of a tool", "system": "Told to the assistant"}[message.role]


def _text(message: Message) -> str:
    calls = "; ".join(f"calls {call.name}({call.arguments})" for call in message.tool_calls)
    return " ".join(filter(None, (message.text, calls)))
