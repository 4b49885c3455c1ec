"""What is said: messages, their parts, tools and calls of tools."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from attrs import field, frozen

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@frozen(kw_only=True)
class TextPart:
    """Some text of a message."""

    tag: ClassVar[Literal["TextPart"]] = "TextPart"
    text: str


@frozen(kw_only=True)
class ImageUrl:
    """An image that the provider fetches itself."""

    tag: ClassVar[Literal["ImageUrl"]] = "ImageUrl"
    url: str


@frozen(kw_only=True)
class ImageData:
    """An image sent along, as the bytes of a file of ``media_type``."""

    tag: ClassVar[Literal["ImageData"]] = "ImageData"
    data: bytes = field(repr=False)
    media_type: str = "image/png"


@frozen(kw_only=True)
class DocumentUrl:
    """A document that the provider fetches itself."""

    tag: ClassVar[Literal["DocumentUrl"]] = "DocumentUrl"
    url: str
    media_type: str = "application/pdf"


@frozen(kw_only=True)
class DocumentData:
    """A document sent along, as the bytes of a file of ``media_type``; ``name`` is what the model may call it."""

    tag: ClassVar[Literal["DocumentData"]] = "DocumentData"
    data: bytes = field(repr=False)
    media_type: str = "application/pdf"
    name: str = ""


Part: TypeAlias = TextPart | ImageUrl | ImageData | DocumentUrl | DocumentData


@frozen(kw_only=True)
class Thought:
    """Some of a model's thinking. ``signature`` is the provider's own proof of it, sent back as it came; ``text`` may be withheld.

    ``signed_by`` is provider and model, when they are known: to another the proof is worth nothing.
    """

    text: str = field(default="", repr=False)
    signature: str = field(default="", repr=False)
    signed_by: str = field(default="", repr=False, eq=False)


@frozen(kw_only=True)
class ToolCall:
    """A model's wish to call a tool; ``arguments`` is the JSON object it wrote, as text and unchecked.

    ``signature`` is what some providers want back with the call, as it came; ``signed_by`` is whom it came from, as for a thought.
    """

    id: str
    name: str
    arguments: str = "{}"
    signature: str = field(default="", repr=False)
    signed_by: str = field(default="", repr=False, eq=False)


def _parts(content: str | Iterable[Part]) -> tuple[Part, ...]:
    return (TextPart(text=content),) if isinstance(content, str) else tuple(content)


@frozen(kw_only=True)
class Message:
    """One message; ``content`` may be given as a string, and is kept as parts."""

    role: Role
    content: tuple[Part, ...] = field(default=(), converter=_parts)
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_failed: bool = False
    """Whether a tool's message tells of its failure."""
    thoughts: tuple[Thought, ...] = ()

    @property
    def text(self) -> str:
        """All text of the message, in order."""
        if len(self.content) == 1 and isinstance(only := self.content[0], TextPart):
            return only.text
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


@frozen(kw_only=True)
class ToolSpec:
    """A tool that the model may call, its arguments described by a JSON schema of an object."""

    name: str
    description: str = ""
    input_schema: Mapping[str, Any] = field(factory=lambda: {"type": "object", "properties": {}})


@frozen(kw_only=True)
class UseTool:
    """The model must call the tool of this name."""

    tag: ClassVar[Literal["UseTool"]] = "UseTool"
    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | UseTool
