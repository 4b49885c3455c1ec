"""The request as the words of a command and the texts of its files; pure.

The body holds all of it, so that equal requests have equal bytes and the cache can tell all others apart. Text of the
request is never a word of the command, but for its stop words: prompt, system prompt and schema go by files.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from attrs import frozen
from returns.result import Result

from llm_manager.clients.fitting import Defaults, Sampling, UnfitError, sampling, written
from llm_manager.clients.llama_cpp_cli.errors import TALKING
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Message
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, PlainText
from llm_manager.domain.wire_requests import WireRequest

PATH: Final = "llama-completion"
FIXED: Final = (TALKING, "-st", "--no-display-prompt", "--simple-io", "--no-escape", "--no-warmup", "--no-context-shift")
"""One turn of a conversation in the model's own template, the answer alone on standard output, and the prompt as it stands."""
TRANSCRIPT_NOTICE: Final = "llama.cpp's program takes one turn: the conversation was told to the model as a transcript."
_ASKING: Final = "Give the assistant's next reply, and nothing else."
_TELLING: Final = "This is a conversation between a user and you, the assistant."
_SPEAKERS: Final = {"user": "User", "assistant": "Assistant", "tool": "Tool"}
_SEEDS: Final = 2**32 - 1
"""The program takes this one to mean that it should choose; all below it are seeds."""
_MOST_TOKENS: Final = 2**31 - 1


class Spoken(msgspec.Struct, frozen=True):
    """What a body says."""

    model: str
    arguments: tuple[str, ...]
    prompt: str
    system: str = ""
    stop: tuple[str, ...] = ()
    answer_schema: msgspec.Raw = msgspec.Raw(b"null")


@frozen(kw_only=True)
class Files:
    """Where the parts of a request were put, by the names that the program knows; None where there is none."""

    model: str
    prompt: str
    system: str | None = None
    answer_schema: str | None = None


def encode(
    request: LLMRequest, profile: ModelProfile, settings: ProviderSettings, words: Sequence[str], cores: int | None
) -> Result[WireRequest, LLMError]:
    """Write the request; ``words`` are those that settings add to the command, ``cores`` how many the machine has."""
    defaults = Defaults(max_tokens=settings.max_tokens, temperature=settings.temperature, strict_parameters=settings.strict_parameters)

    def body(notices: list[str]) -> Mapping[str, Any]:
        _check(request)
        said = request.conversation()
        system = "\n\n".join(message.text for message in said if message.role == "system")
        turns = [message for message in said if message.role != "system"]
        prompt = _prompt(turns, notices)
        asked = sampling(request, profile, defaults, notices)
        if any("\0" in text for text in (prompt, system, profile.name, *asked.stop)):
            raise UnfitError("the program takes no NUL characters: it would cut the text there without a word")
        return {
            "model": profile.name,
            "arguments": (*FIXED, *_threads(settings, cores), *_window(settings), *words, *_sampling(asked)),
            "prompt": prompt,
            "system": system,
            "stop": tuple(word for word in asked.stop if word),
            "answer_schema": _schema(request),
        }

    return written(request, PATH, body)


def spoken(wire: WireRequest) -> Spoken:
    """Read a body of ours again."""
    return msgspec.json.decode(wire.body, type=Spoken)


def command(said: Spoken, files: Files, program: Sequence[str]) -> tuple[str, ...]:
    """The words that start the program, which is itself one word or more."""
    return (
        *program,
        *("-m", files.model),
        *said.arguments,
        *(word for stop in said.stop for word in ("-r", stop)),
        *(("-sysf", files.system) if files.system is not None else ()),
        *(("--json-schema-file", files.answer_schema) if files.answer_schema is not None else ()),
        *("-f", files.prompt),
    )


def _check(request: LLMRequest) -> None:
    if request.has_images or request.has_documents:
        raise UnfitError("llama.cpp's program is given text alone: send images and documents to another model")
    if request.tools:
        raise UnfitError("llama.cpp's program calls no tools: run its server, llama-server, or ask another model")
    if request.preferences.max_tokens is not None and request.preferences.max_tokens < 1:
        raise UnfitError("max_tokens must be at least 1")


def _prompt(turns: Sequence[Message], notices: list[str]) -> str:
    """A single message of the user as it stands; anything else as a transcript, told in a notice."""
    if not any(turn.text for turn in turns):
        raise UnfitError("there is nothing to ask: give a prompt or messages")
    if len(turns) == 1 and turns[0].role == "user":
        return turns[0].text
    notices.append(TRANSCRIPT_NOTICE)
    told = "\n\n".join(f"{_SPEAKERS[turn.role]}: {_told(turn)}" for turn in turns)
    return f"{_TELLING}\n\n{told}\n\n{_ASKING}"


def _told(turn: Message) -> str:
    calls = (f"(called {call.name} with {call.arguments})" for call in turn.tool_calls)
    return "\n".join(filter(None, (turn.text, *calls)))


def _threads(settings: ProviderSettings, cores: int | None) -> tuple[str, ...]:
    """No more threads than cores: more only slow each other down. Without a setting the program chooses."""
    if settings.threads is None:
        return ()
    return ("-t", str(min(settings.threads, cores or settings.threads)))


def _window(settings: ProviderSettings) -> tuple[str, ...]:
    return () if settings.context_length is None else ("-c", str(settings.context_length))


def _sampling(asked: Sampling) -> tuple[str, ...]:
    words: list[str] = []
    if asked.max_tokens is not None:
        words += ("-n", str(min(asked.max_tokens, _MOST_TOKENS)))
    if asked.temperature is not None:
        words += ("--temp", repr(float(asked.temperature)))
    if asked.top_p is not None:
        words += ("--top-p", repr(float(asked.top_p)))
    if asked.seed is not None:
        words += ("-s", str(asked.seed % _SEEDS))
    return tuple(words)


def _schema(request: LLMRequest) -> Mapping[str, Any] | None:
    match request.output:
        case PlainText():
            return None
        case AnyJson():
            return {"type": "object"}
        case JsonSchema(schema=schema):
            return schema
