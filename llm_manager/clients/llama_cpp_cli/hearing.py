"""What the program's output means, chunk by chunk; pure and total.

An answer ends with two newlines, before which `` [end of text]`` stands on a line when the model ended by itself; it is
whole when the program then ends with exit code 0. Text that may yet turn out to be the ending, or the beginning of a stop
word, is held back until more is known.
"""

import codecs
import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.llama_cpp_cli import errors
from llm_manager.clients.telling import Event, Told, cut, settled
from llm_manager.clients.who import Who
from llm_manager.domain.responses import Finish
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Usage

LONGEST: Final = 16 * 1024 * 1024
"""More than this many bytes are no answer."""
_ENDED: Final = " [end of text]"
_TRAILER: Final = "\n\n"
_SCREENS: Final = ("\nLoading model...", "\n\nLoading model...")
_PAST: Final = 256
"""So many characters after a stop word the program has plainly missed it."""
_NUMBER: Final = r"([\d.]{1,20})"
_PROMPT: Final = re.compile(rf"prompt eval time =\s{{0,20}}{_NUMBER} ms /\s{{0,20}}(\d{{1,12}}) tokens")
_ANSWER: Final = re.compile(
    rf"(?<!prompt)[ \t]{{1,20}}eval time =\s{{0,20}}{_NUMBER} ms /\s{{0,20}}(\d{{1,12}}) runs[^\n]{{0,60}}?{_NUMBER} tokens per second"
)


class Heard(msgspec.Struct, frozen=True):
    """What has been heard: the answer so far, bytes of an unfinished letter, and text that is held back."""

    told: Told
    stops: tuple[str, ...] = ()
    rest: bytes = b""
    held: str = ""
    size: int = 0
    begun: bool = False
    stopped: bool = False
    past: int = 0


def hear(heard: Heard, chunk: bytes, who: Who) -> tuple[Heard, Sequence[Event]]:
    """Take in more of the output; nothing more is to be read once the answer is over."""
    if heard.told.over:
        return heard, ()
    size = heard.size + len(chunk)
    if size > LONGEST:
        return _over(heard, Failure(errors.overflowing(who)))
    data = heard.rest + chunk
    text, used = codecs.utf_8_decode(data, "replace", False)
    return _taken(replace(heard, rest=data[used:], size=size), text, who)


def ended(heard: Heard, code: int, complaints: str, who: Who) -> Sequence[Event]:
    """What the end of the program tells, by its exit code and its last words on standard error."""
    if heard.told.over:
        return ()
    last, _ = codecs.utf_8_decode(heard.rest, "replace", True)
    heard, events = _taken(replace(heard, rest=b""), last, who) if last else (heard, ())
    if heard.told.over:
        return events
    told = heard.told
    if code != 0 and not heard.stopped:
        error = errors.ended_badly(code, complaints, who)
        return (*events, Failure(endings.interrupted_by(error, who, partial=told.partial()) if told.delivered else error))
    text, finish = _unended(heard)
    if finish is None:
        return (*events, Failure(cut(told, who, "the program ended without ending its answer")))
    if text:
        told = _more(told, text)
        events = (*events, Success(TextDelta(text=text)))
    usage, speed = counted(complaints)
    return (*events, _finished(replace(told, finish=finish, usage=usage, tokens_per_second=speed), who))


def counted(complaints: str) -> tuple[Usage | None, float | None]:
    """Tokens and speed, by the program's own count on standard error; None where it does not tell."""
    read, wrote = _PROMPT.search(complaints), _ANSWER.search(complaints)
    if read is None or wrote is None:
        return None, None
    # a token is written before the first run, and the last one needs none
    return Usage(input_tokens=int(read[2]), output_tokens=int(wrote[2]) + 1), _speed(wrote[3])


def _speed(number: str) -> float | None:
    try:
        return float(number)
    except ValueError:
        return None


def _taken(heard: Heard, text: str, who: Who) -> tuple[Heard, Sequence[Event]]:
    if heard.stopped:
        past = heard.past + len(text)
        if past <= _PAST:
            return replace(heard, past=past), ()
        told = replace(heard.told, finish="stop")
        return _over(heard, _finished(told, who))
    text = (heard.held + text).replace("\r\n", "\n")
    if not heard.begun:
        if any(text.startswith(screen) for screen in _SCREENS):
            return _over(heard, Failure(errors.interactive(who)))
        if not text or any(screen.startswith(text) for screen in _SCREENS):
            return replace(heard, held=text), ()
    found = min((place for stop in heard.stops if (place := text.find(stop)) >= 0), default=-1)
    place = _held_from(text, heard.stops) if found < 0 else found
    after = replace(heard, begun=True, stopped=found >= 0, held=text[place:] if found < 0 else "")
    if place == 0:
        return after, ()
    return replace(after, told=_more(heard.told, text[:place])), (Success(TextDelta(text=text[:place])),)


def _held_from(text: str, stops: tuple[str, ...]) -> int:
    """Where the text begins that cannot be told from the ending, or from the beginning of a stop word."""
    whole = text.removesuffix("\r")
    bare = whole.rstrip("\n")
    marked = _overlap(bare, _ENDED)
    ending = 0 if bare != whole and marked < len(_ENDED) else marked
    return min(len(bare) - ending, *(len(text) - _overlap(text, stop) for stop in stops), len(whole))


def _overlap(text: str, word: str) -> int:
    """How many letters at the end of the text are the beginning of the word."""
    return next((size for size in range(min(len(word), len(text)), 0, -1) if text.endswith(word[:size])), 0)


def _unended(heard: Heard) -> tuple[str, Finish | None]:
    """The last text without the ending, and how the model ended; None when there is no ending."""
    if heard.stopped:
        return "", "stop"
    if not heard.held.endswith(_TRAILER):
        return "", None
    text = heard.held.removesuffix(_TRAILER)
    marked = text.removesuffix("\n")
    return (marked.removesuffix(_ENDED), "stop") if marked.endswith(_ENDED) else (text, "length")


def _more(told: Told, text: str) -> Told:
    return replace(told, text=(told.text, text), delivered=True)


def _finished(told: Told, who: Who) -> Event:
    outcome = settled(told, who)
    return outcome if isinstance(outcome, Failure) else Success(StreamFinished(response=outcome.unwrap()))


def _over(heard: Heard, event: Event) -> tuple[Heard, Sequence[Event]]:
    return replace(heard, told=replace(heard.told, over=True)), (event,)
