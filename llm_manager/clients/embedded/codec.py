"""The dialect of chat completions as this model can bear it: no roles but three, no images, tools by JSON schema; pure.

What is written and read beyond that is `openai_chat`'s, since the engine speaks its dialect.
"""

import re
from collections.abc import Sequence
from typing import Final

from attrs import evolve, frozen
from msgspec.structs import replace
from returns.result import Failure, Result, Success

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.embedded.profile import MODEL, PROVIDER
from llm_manager.clients.embedded.tools import callable_tools
from llm_manager.clients.openai_chat import codec as chat
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import InvalidRequest, LLMError, MalformedResponse
from llm_manager.domain.messages import Message, ToolSpec
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import JsonSchema, LLMRequest, PlainText, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import sealed
from llm_manager.policies.tool_emulation import call_schema, in_words, read_call, told_calls

PATH: Final = "embedded"
DEFAULT_MAX_TOKENS: Final = 512
TOOLS_NOTICE: Final = "This model has no tool calling of its own: it was made to call one by a JSON schema."
_CALM: Final = 0.0
"""The temperature at which this model answers best; warmer, it rambles and changes language."""
_SYSTEM: Final = Message(role="system", content="You are a helpful assistant.")
_RANDOM_SEED: Final = 2**32 - 1
"""The engine takes this one to mean that it should choose; all below it are seeds."""
_MARKERS: Final = re.compile(r"<\|(im_start|im_end|endoftext)\|>")
_FACTS: Final = ProviderFacts(name=PROVIDER, base_url="", needs_key=False, tiers={})


def encode(request: LLMRequest, profile: ModelProfile, settings: ProviderSettings) -> Result[WireRequest, LLMError]:
    """Write the request as it is sent; the same request always gives the same bytes."""
    tools = callable_tools(request)
    problem = _problem(request, tools)
    if problem is not None:
        return Failure(InvalidRequest(message=problem, request=request))
    temperature = _CALM if settings.temperature is None and profile.name == MODEL else settings.temperature
    defaults = chat.Defaults(max_tokens=settings.max_tokens or DEFAULT_MAX_TOKENS, temperature=temperature)
    wire = sealed(chat.encode(_adapted(request, tools, profile), profile, _FACTS, defaults))
    if isinstance(wire, Failure):
        error = wire.failure()
        return Failure(evolve(error, request=request) if isinstance(error, InvalidRequest) else error)
    written = wire.unwrap()
    return Success(replace(written, path=PATH, notices=(*written.notices, *((TOOLS_NOTICE,) if tools else ()))))


@frozen(kw_only=True)
class Expected:
    """Whose answer it is, whether it is to be a tool call, and what the caller is told with it."""

    who: chat.Who
    calls: bool = False
    notices: tuple[str, ...] = ()


def hear(told: chat.Told, piece: str, expected: Expected) -> tuple[chat.Told, Sequence[chat.Event]]:
    """Take in one more piece of the answer; when it is to be a tool call, it is told only when it is whole."""
    after, events = chat.decode_event(told, piece.encode("utf-8", "surrogatepass"), expected.who)
    return after, _shown(events, expected)


def ended(told: chat.Told, expected: Expected) -> Sequence[chat.Event]:
    """What the end of the answer tells; an end that was not announced is a failure."""
    if told.over:
        return ()
    if told.finish is None:
        return (Failure(chat.cut(told, expected.who, "the engine stopped in mid-answer")),)
    _, events = chat.decode_event(told, b"[DONE]", expected.who)
    return _shown(events, expected)


def _shown(events: Sequence[chat.Event], expected: Expected) -> Sequence[chat.Event]:
    shown: list[chat.Event] = []
    for event in events:
        if isinstance(event, Failure):
            shown.append(event)
        elif isinstance(last := event.unwrap(), StreamFinished):
            response = evolve(last.response, model=expected.who.model, notices=expected.notices)
            shown.extend(_called(response) if expected.calls else (Success(StreamFinished(response=response)),))
        elif not (expected.calls and isinstance(last, TextDelta)):
            shown.append(event)
    return shown


def _called(response: LLMResponse) -> Sequence[chat.Event]:
    """The answer read as a tool call; one that was cut short stays text."""
    if response.finish != "stop":
        cut = Success(TextDelta(text=response.content))
        return (*((cut,) if response.content else ()), Success(StreamFinished(response=response)))
    call = read_call(response.content, f"call_{response.request_id or 0}")
    if call is None:
        return (Failure(MalformedResponse(model=response.model, message="the engine wrote no tool call where it had to")),)
    called = evolve(response, content="", finish="tool_calls", tool_calls=(call,))
    delta = ToolCallDelta(index=0, id=call.id, name=call.name, arguments=call.arguments)
    return (Success(delta), Success(StreamFinished(response=called)))


def _problem(request: LLMRequest, tools: tuple[ToolSpec, ...]) -> str | None:
    """Why the request cannot be asked, or None."""
    if request.has_images:
        return "the embedded model cannot see: send the request without images, or to another model"
    if request.preferences.max_tokens is not None and request.preferences.max_tokens < 1:
        return "max_tokens must be at least 1"
    if not tools and request.tool_choice not in ("auto", "none"):
        return "tool_choice asks for a tool that the request does not have"
    if not request.conversation():
        return "there is nothing to ask: give a prompt or messages"
    return None


def _adapted(request: LLMRequest, tools: tuple[ToolSpec, ...], profile: ModelProfile) -> LLMRequest:
    """The request in words that this model was trained on."""
    return LLMRequest(
        messages=_messages(request, tools),
        preferences=_preferences(request.preferences, profile),
        output=JsonSchema(schema=call_schema(tools), name="call") if tools else request.output,
    )


def _preferences(asked: Preferences, profile: ModelProfile) -> Preferences:
    most = profile.context_window or DEFAULT_MAX_TOKENS
    return evolve(
        asked,
        max_tokens=None if asked.max_tokens is None else min(asked.max_tokens, most),
        seed=None if asked.seed is None else asked.seed % _RANDOM_SEED,
        stop=tuple(word for word in asked.stop if word),
    )


def _messages(request: LLMRequest, tools: tuple[ToolSpec, ...]) -> tuple[Message, ...]:
    conversation = request.conversation()
    if not any(message.role == "system" for message in conversation):
        conversation = (_SYSTEM, *conversation)
    said = list(in_words(conversation))
    if tools:
        first = next(place for place, message in enumerate(said) if message.role == "system")
        said[first] = _adding(said[first], f"\n\n{told_calls(tools)}")
    elif conversation[-1].role == "tool" and isinstance(request.output, PlainText):
        said[-1] = _adding(said[-1], "\nTell me in a sentence.")
    return tuple(evolve(message, content=_harmless(message.text)) for message in said)


def _adding(message: Message, more: str) -> Message:
    return evolve(message, content=message.text + more)


def _harmless(text: str) -> str:
    """The text with the template's own markers broken, so that no message can pass for another."""
    return _MARKERS.sub(r"<| \1 |>", text) if "<|" in text else text
