"""Asking a model to think, and keeping its thinking for when it wants it back, signed and as it came.

Thinking may come sealed, to be read by nobody: its seal is all there is to keep, marked as what it is.
"""

from typing import Any, Final, Literal, TypeAlias

from attrs import frozen

from llm_manager.clients.anthropic_messages.fit import Fit
from llm_manager.clients.data.anthropic import LEAST_BUDGET, MAX_TOKENS, ROOM_TO_THINK
from llm_manager.clients.who import may_return
from llm_manager.domain.messages import Message, Thought
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import Reasoning

Kind: TypeAlias = Literal["thinking", "redacted_thinking"]
THINKING: Final[Kind] = "thinking"
REDACTED: Final[Kind] = "redacted_thinking"
_SEALED: Final = "redacted_thinking:"
_LEFT_OUT: Final = "it was left out"


@frozen(kw_only=True)
class Wish:
    """How a request wants its model to think, what it may write at most, and whether thinking goes back to it."""

    thinking: dict[str, Any] | None = None
    effort: str | None = None
    max_tokens: int
    takes_back: bool = False


def kept(kind: Kind, text: str, signature: str) -> Thought | None:
    """A thought as its model wants it back; None without its signature, for it would be refused."""
    if not signature:
        return None
    return Thought(text=text, signature=signature if kind == THINKING else _SEALED + signature)


def returned(thoughts: tuple[Thought, ...], profile: ModelProfile) -> list[dict[str, Any]]:
    """The thoughts that a model signed itself, in order; another's it would refuse."""
    return [_block(thought) for thought in thoughts if thought.signature and may_return(thought, profile)]


def _block(thought: Thought) -> dict[str, Any]:
    if thought.signature.startswith(_SEALED):
        return {"type": REDACTED, "data": thought.signature.removeprefix(_SEALED)}
    return {"type": THINKING, "thinking": thought.text, "signature": thought.signature}


def wish(reasoning: Reasoning | None, max_tokens: int | None, fit: Fit, *, forced: bool, unsigned: bool) -> Wish:
    """Say how a model is asked to think.

    ``forced`` is a tool that it must call; ``unsigned`` is a call of tools under way whose thinking is not at hand.
    """
    manner, profile = fit.manner, fit.profile
    if reasoning is not None and reasoning != "off":
        why = ""
        if manner.thinking == "none":
            why = "takes no reasoning"
        elif forced and not manner.unbidden:
            why = "does not reason before a tool that it must call"
        elif unsigned and manner.thinking == "budget":
            why = "takes up no reasoning in the middle of a call that began without"
        if why:
            fit.give_way(why, _LEFT_OUT)
            reasoning = None
    limit = max_tokens if max_tokens is not None else _room(reasoning or "off", profile)
    if reasoning is None:
        return Wish(max_tokens=limit, takes_back=manner.unbidden)
    if reasoning == "off":
        return _unthinking(fit, limit)
    if manner.thinking == "adaptive":
        shown = {"display": "summarized"} if manner.shown else {}
        return Wish(thinking=None if forced else {"type": "adaptive", **shown}, effort=reasoning, max_tokens=limit, takes_back=True)
    if limit <= LEAST_BUDGET:
        fit.give_way(f"reasons with at least {LEAST_BUDGET} tokens, and the answer may have {limit} in all", _LEFT_OUT)
        return Wish(max_tokens=limit)
    budget = ROOM_TO_THINK[reasoning] if max_tokens is None else max(LEAST_BUDGET, min(ROOM_TO_THINK[reasoning], limit // 2))
    return Wish(thinking={"type": "enabled", "budget_tokens": min(budget, limit - 1)}, max_tokens=limit, takes_back=True)


def awaits_tools(messages: tuple[Message, ...]) -> Message | None:
    """The model's message whose calls the last messages answer, when the conversation stands there."""
    for message in reversed(messages):
        if message.role == "assistant":
            return message if message.tool_calls else None
        if message.role != "tool":
            return None
    return None


def _room(reasoning: Reasoning, profile: ModelProfile) -> int:
    """What an answer may have when nobody bounds it: the usual, and room to think as asked, as far as the model writes."""
    wanted = MAX_TOKENS + ROOM_TO_THINK[reasoning]
    return wanted if profile.max_output_tokens is None else min(wanted, max(1, profile.max_output_tokens))


def _unthinking(fit: Fit, limit: int) -> Wish:
    match fit.manner.off:
        case "omitted":
            return Wish(max_tokens=limit)
        case "disabled" | "between_tools" as off:
            return Wish(thinking={"type": off}, max_tokens=limit)
        case "never":
            fit.give_way("cannot be kept from reasoning", "it was asked to reason little")
            return Wish(effort="low", max_tokens=limit, takes_back=True)
