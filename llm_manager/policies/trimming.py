"""What of a conversation is sent again: the system messages and the most recent whole turns that fit.

A call of a tool and its results are never parted. What comes out is a history that providers accept, whatever came in:
a call that nobody answered, or a result that nobody asked for, is left out.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, takewhile

from attrs import evolve

from llm_manager.domain.conversations import Turn
from llm_manager.domain.messages import Message
from llm_manager.policies.tokens import estimate_message_tokens


def turns_of(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """Cut messages into turns: each begins with what the user says after an answer."""
    turns: list[list[Message]] = []
    answered = True
    for message in messages:
        if not turns or (answered and message.role == "user"):
            turns.append([message])
            answered = False
        else:
            turns[-1].append(message)
        answered = answered or message.role in {"assistant", "tool"}
    return tuple(Turn(messages=tuple(turn)) for turn in turns)


def trim(
    turns: Sequence[Turn], *, max_tokens: int, keep_messages: int, coming: Sequence[Message] = (), keep_first: bool = False
) -> tuple[Turn, ...]:
    """Keep every system message and the latest turns that fit; with ``keep_first`` the first turn too, where it leaves room for others.

    ``coming`` is sent after the turns: its tokens count and its messages do not. When nothing is coming, or what comes
    answers a call in the last turn, the last turn stays even if it does not fit.
    """
    whole = _whole(turns, coming)
    recent = _recent(whole, max_tokens, keep_messages, coming)
    if not keep_first or len(whole) < 2 or whole[0] in recent:
        return recent
    tokens = sum(map(estimate_message_tokens, whole[0].messages))
    messages = sum(message.role != "system" for message in whole[0].messages)
    rest = _recent(whole[1:], max_tokens - tokens, keep_messages - messages, coming)
    return (whole[0], *rest) if rest and fits((whole[0], *rest), max_tokens, keep_messages, coming) else recent


def fits(turns: Sequence[Turn], max_tokens: int, keep_messages: int, coming: Sequence[Message] = ()) -> bool:
    """Say whether turns and what comes after them are within both bounds."""
    said = [message for turn in turns for message in turn.messages]
    tokens = sum(map(estimate_message_tokens, chain(said, coming)))
    return tokens <= max_tokens and sum(message.role != "system" for message in said) <= keep_messages


def _recent(whole: Sequence[Turn], max_tokens: int, keep_messages: int, coming: Sequence[Message]) -> tuple[Turn, ...]:
    system = [message for turn in whole for message in turn.messages if message.role == "system"]
    left = max_tokens - sum(map(estimate_message_tokens, chain(system, coming)))
    room = keep_messages
    needed = not coming or coming[0].role == "tool"
    kept: list[Turn] = []
    full = False
    for turn in reversed(whole):
        spoken = [message for message in turn.messages if message.role != "system"]
        left -= sum(map(estimate_message_tokens, spoken))
        room -= len(spoken)
        full = full or (bool(spoken) and not needed and (left < 0 or room < 0))
        needed = needed and not spoken
        if not full:
            kept.append(turn)
        elif len(spoken) < len(turn.messages):
            kept.append(Turn(messages=tuple(message for message in turn.messages if message.role == "system")))
    return tuple(reversed(kept))


def _whole(turns: Sequence[Turn], coming: Sequence[Message]) -> list[Turn]:
    """Join a turn that begins with results to the one that asked for them, and leave out what has no counterpart."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and turn.messages and turn.messages[0].role == "tool":
            joined[-1] = Turn(messages=(*joined[-1].messages, *turn.messages))
        elif turn.messages:
            joined.append(turn)
    last = len(joined) - 1
    mended = (_mended(turn, coming if at == last else ()) for at, turn in enumerate(joined))
    return [turn for turn in mended if turn.messages]


def _mended(turn: Turn, coming: Sequence[Message]) -> Turn:
    messages = turn.messages
    if not any(message.tool_calls or message.role == "tool" for message in messages):
        return turn
    kept: list[Message] = []
    at = 0
    while at < len(messages):
        message = messages[at]
        results = tuple(takewhile(lambda each: each.role == "tool", messages[at + 1 :]))
        at += 1 + len(results)
        if message.role == "tool":
            continue
        wanted = {call.id for call in message.tool_calls}
        answers = {result.tool_call_id: result for result in reversed(results)}
        later = takewhile(lambda each: each.role == "tool", coming if at == len(messages) else ())
        if wanted <= answers.keys() | {result.tool_call_id for result in later}:
            asked_for = [result for id_, result in answers.items() if id_ in wanted]
            kept += (message, *reversed(asked_for))
        elif message.content:
            kept.append(evolve(message, tool_calls=()))
    return turn if len(kept) == len(messages) and tuple(kept) == messages else Turn(messages=tuple(kept))
