"""A conversation as Markdown that people read, and read again: nothing is lost.

Turns are headings of the second level, speakers of the third. What Markdown cannot hold stands in comments: a message with more than
text is whole in one, and what is shown below it is for the eye alone.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.messages import Message, TextPart
from llm_manager.domain.moments import moment
from llm_manager.domain.wire import CONVERSATION, MESSAGE, TURN, from_plain, to_plain
from llm_manager.outcomes import sealed
from llm_manager.policies.printing import one_line

_SPEAKERS: Final = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
_ROLES: Final = {name: role for role, name in _SPEAKERS.items()}
_HEADING: Final = re.compile(r"# (.*)")
_TURN: Final = re.compile(r"## Turn\b.*")
_SPEAKER: Final = re.compile(r"### (System|User|Assistant|Tool)")
_COMMENT: Final = re.compile(r"<!-- (\{.*\}) -->")
_ESCAPABLE: Final = re.compile(r"\\*(#{1,3} |<!--)")
_ESCAPED: Final = re.compile(r"\\+(#{1,3} |<!--)")


def conversation_to_markdown(conversation: Conversation) -> str:
    """The conversation as one page."""
    about = {name: value for name, value in to_plain(evolve(conversation, turns=())).items() if name != "turns"}
    blocks = [f"# {one_line(conversation.title or 'Conversation')}", _comment(about)]
    for number, turn in enumerate(conversation.turns, 1):
        when = "" if turn.at is None else f", {moment(turn.at)}"
        blocks.append(f"## Turn {number}{when}{', cut short' if turn.cut else ''}{', private' if turn.private else ''}")
        blocks.append(_comment({name: value for name, value in to_plain(evolve(turn, messages=())).items() if name != "messages"}))
        for message in turn.messages:
            blocks += _message(message)
    return "\n\n".join(blocks) + "\n"


def conversation_from_markdown(text: str, new_id: str) -> Result[Conversation, LLMError]:
    """Read a page again; any text gets a result. One written by hand needs but the headings of speakers; ``new_id`` is its id then."""
    lines = text.removesuffix("\n").split("\n")
    title, about, turns = None, dict[str, Any](), list[Turn]()
    for heading, comment, body in _sections(lines):
        if isinstance(comment, str):
            return _unfit(comment)
        if titled := _HEADING.fullmatch(heading):
            title, about = titled[1], comment or {}
        elif _TURN.fullmatch(heading):
            turn = sealed(from_plain(TURN, {**(comment or {}), "messages": []}))
            if isinstance(turn, Failure):
                return _unfit(turn.failure())
            turns.append(turn.unwrap())
        elif spoken := _SPEAKER.fullmatch(heading):
            message = sealed(from_plain(MESSAGE, comment)) if comment else Success(Message(role=_role(spoken[1]), content=body))
            if isinstance(message, Failure):
                return _unfit(message.failure())
            begins = not turns or (comment is None and _is_answered(turns[-1]) and spoken[1] == "User" and turns[-1].at is None)
            before = Turn(messages=()) if begins else turns.pop()
            turns.append(evolve(before, messages=(*before.messages, message.unwrap())))
    if not turns and not about:
        return _unfit("it has no heading of a speaker, such as ### User")
    whole = sealed(from_plain(CONVERSATION, {"id": new_id, **about, "turns": []}))
    if isinstance(whole, Failure):
        return _unfit(whole.failure())
    named = whole.unwrap() if "title" in about else evolve(whole.unwrap(), title=title)
    return Success(evolve(named, turns=tuple(turns), version=len(turns)))


def _message(message: Message) -> Iterator[str]:
    yield f"### {_SPEAKERS[message.role]}"
    if message == Message(role=message.role, content=message.text) and len(message.content) == 1:
        yield "\n".join(f"\\{line}" if _ESCAPABLE.match(line) else line for line in message.text.split("\n"))
        return
    yield _comment(to_plain(message))
    for part in message.content:
        shown = part.text if isinstance(part, TextPart) else f"({part.tag})"
        yield "\n".join(f"> {line}" for line in shown.split("\n"))
    for call in message.tool_calls:
        yield f"> calls {one_line(call.name)}({one_line(call.arguments)})"


def _sections(lines: list[str]) -> Iterator[tuple[str, dict[str, Any] | str | None, str]]:
    """Every heading with the comment after it, or what is wrong with that, and its text."""
    starts = [at for at, line in enumerate(lines) if _HEADING.fullmatch(line) or _TURN.fullmatch(line) or _SPEAKER.fullmatch(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        body = lines[start + 1 : end]
        body = body[1:] if body and not body[0] else body
        if end < len(lines) and body and not body[-1]:
            body = body[:-1]
        found = _COMMENT.fullmatch(body[0]) if body else None
        comment: dict[str, Any] | str | None = None
        if found is not None:
            try:
                comment = json.loads(found[1])
            except (ValueError, RecursionError):
                comment = f"the comment after {lines[start][:40]!r} is no JSON"
        yield lines[start], comment, "\n".join(line[1:] if _ESCAPED.match(line) else line for line in body)


def _comment(data: dict[str, Any]) -> str:
    return "<!-- " + json.dumps(data, separators=(",", ":"), allow_nan=False).replace("--", "-\\u002d") + " -->"


def _role(speaker: str) -> Any:
    return _ROLES[speaker]


def _is_answered(turn: Turn) -> bool:
    return any(message.role == "assistant" for message in turn.messages)


def _unfit(problem: str) -> Failure[LLMError]:
    return Failure(InvalidRequest(message=f"this page cannot be read as a conversation: {problem}"))
