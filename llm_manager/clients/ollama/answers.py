"""Reading the parts of an answer as this dialect tells them: how it ended, its tool calls, its tokens, its speed."""

from collections.abc import Sequence
from typing import Final

from llm_manager.clients.ollama.shapes import Answer, Call, arguments_text
from llm_manager.clients.telling import Calling
from llm_manager.domain.responses import Finish
from llm_manager.domain.streaming import ToolCallDelta
from llm_manager.domain.usage import Usage

_FINISHES: Final[dict[str, Finish]] = {"stop": "stop", "length": "length"}
_NANOSECONDS: Final = 1e9


def finish_of(word: str | None) -> Finish:
    """Why the model ended; older servers give no reason, and end when the model does. ``load`` is no answer at all."""
    return "stop" if word is None else _FINISHES.get(word, "other")


def called(calls: tuple[Calling, ...], told: Sequence[Call]) -> tuple[tuple[Calling, ...], list[ToolCallDelta]]:
    """Add tool calls, each of them whole. One without an id, or with one that is taken, is called by its place."""
    made, deltas = list(calls), list[ToolCallDelta]()
    taken = {call.id for call in calls}
    for call in told:
        index = len(made)
        name = (call.function.name if call.function else None) or ""
        arguments = arguments_text(call.function.arguments) if call.function else "{}"
        known = f"call_{index}" if not call.id or call.id in taken else call.id
        taken.add(known)
        made.append(Calling(index=index, id=known, name=name, arguments=(None, arguments)))
        deltas.append(ToolCallDelta(index=index, id=known, name=name, arguments=arguments))
    return tuple(made), deltas


def usage_of(answer: Answer) -> Usage | None:
    """The tokens by bucket; what came from the server's warm cache is a part of what was read, where it is told."""
    if answer.prompt_eval_count is None and answer.eval_count is None:
        return None
    read_in = answer.prompt_eval_count or 0
    cached = min(answer.prompt_eval_cached_count or 0, read_in)
    return Usage(input_tokens=read_in - cached, cache_read_tokens=cached, output_tokens=answer.eval_count or 0)


def speed_of(answer: Answer) -> float | None:
    """Tokens written per second, where both numbers are told."""
    if not answer.eval_count or not answer.eval_duration:
        return None
    return answer.eval_count * _NANOSECONDS / answer.eval_duration
