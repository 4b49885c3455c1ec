"""How many tokens a text may take, guessed without a tokenizer.

The guess is characters // 4, and more for letters beyond ASCII (about one token for a Chinese one). Against the two
vocabularies of the GPT models it gave 0.9 to 1.3 times the truth for English and German prose and for code, 0.5 times
for digits and JSON full of them, and for other scripts 0.8 to 1.25 times (the older vocabulary) or 1.2 to 3 times (the
newer, which has words of Russian, Arabic and Hindi). That is good enough to refuse a window that is clearly too small
and to trim a history, and not to bill.
"""

from collections.abc import Mapping
from typing import Any

from llm_manager.domain.messages import Message, TextPart, ToolSpec
from llm_manager.domain.requests import JsonSchema, LLMRequest

PER_MESSAGE = 4
"""What the role and the separators of one message take."""

PER_IMAGE = 1000
"""What an image takes, between the small and the large ones of the providers."""

_PER_OTHER_VALUE = 4
_MOST_VALUES = 10_000


def estimate_tokens(text: str) -> int:
    """Guess the tokens of a text.

    >>> estimate_tokens("What is the capital of France?"), estimate_tokens("法国的首都是哪里")
    (7, 8)
    """
    if text.isascii():
        return len(text) // 4
    letters = len(text)
    return letters // 4 + (len(text.encode("utf-8", "surrogatepass")) - letters) * 3 // 8


def estimate_message_tokens(message: Message) -> int:
    """Guess the tokens of one message: its text, images, tool calls and frame."""
    tokens = PER_MESSAGE
    for part in message.content:
        tokens += estimate_tokens(part.text) if isinstance(part, TextPart) else PER_IMAGE
    for call in message.tool_calls:
        tokens += estimate_tokens(call.name) + estimate_tokens(call.arguments)
    return tokens


def estimate_request_tokens(request: LLMRequest) -> int:
    """Guess the tokens a request takes of the window: messages, system prompt, tools and the schema of the answer."""
    tokens = PER_MESSAGE
    if request.prompt:
        tokens += estimate_tokens(request.prompt)
    if request.system is not None:
        tokens += PER_MESSAGE + estimate_tokens(request.system)
    for message in request.messages:
        tokens += estimate_message_tokens(message)
    for tool in request.tools:
        tokens += _tool_tokens(tool)
    if isinstance(request.output, JsonSchema):
        tokens += _data_tokens(request.output.schema)
    return tokens


def _tool_tokens(tool: ToolSpec) -> int:
    return PER_MESSAGE + estimate_tokens(tool.name) + estimate_tokens(tool.description) + _data_tokens(tool.input_schema)


def _data_tokens(data: Mapping[str, Any]) -> int:
    """Guess the tokens of plain data as JSON; what is past ten thousand values is not looked at."""
    characters = 0
    waiting: list[Any] = [data]
    for _ in range(_MOST_VALUES):
        if not waiting:
            break
        value = waiting.pop()
        if isinstance(value, str):
            characters += len(value) + 4
        elif isinstance(value, Mapping):
            characters += 2
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list | tuple):
            characters += 2
            waiting += value
        else:
            characters += _PER_OTHER_VALUE
    return characters // 4
