"""What requests hold, as several dialects say it: text alone, files within the request, tools as functions, a schema in words."""

from base64 import b64encode
from typing import Any

from llm_manager.clients.fitting import ENCODER, UnfitError
from llm_manager.domain.messages import DocumentData, ImageData, ImageUrl, Message, TextPart, ToolCall, ToolSpec
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import JsonSchema


def only_text(message: Message) -> str:
    """The text of a message that can hold nothing else."""
    for part in message.content:
        if not isinstance(part, TextPart):
            raise UnfitError(f"a {message.role} message can hold text only")
    return message.text


def base64_of(data: bytes) -> str:
    """A file as text."""
    return b64encode(data).decode("ascii")


def address_of(file: ImageUrl | ImageData | DocumentData) -> str:
    """Where a file is, or the file itself in the shape of an address."""
    return file.url if isinstance(file, ImageUrl) else f"data:{file.media_type};base64,{base64_of(file.data)}"


def function_of(tool: ToolSpec) -> dict[str, Any]:
    """A tool, where tools are one kind of functions."""
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.input_schema)},
    }


def function_called(call: ToolCall) -> dict[str, Any]:
    """A call of such a tool, its arguments as the model wrote them."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def schema_in_words(form: JsonSchema) -> str:
    """What a model is told that takes no schema."""
    return f"Answer with one JSON value that fits this JSON schema: {ENCODER.encode(dict(form.schema)).decode('utf-8')}"


def schema_was_told(profile: ModelProfile, why: str = "no JSON schema") -> str:
    """The notice of a model that was told a schema in words."""
    return f"{profile.name} takes {why}: it was told the schema in words, and may not keep to it"
