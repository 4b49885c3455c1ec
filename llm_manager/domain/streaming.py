"""What a stream tells, piece by piece.

The law: at most one failure, and nothing after it; else exactly one `StreamFinished`, the last event.
"""

from typing import ClassVar, Literal, TypeAlias

from attrs import frozen

from llm_manager.domain.responses import LLMResponse


@frozen(kw_only=True)
class TextDelta:
    """More of the answer's text."""

    tag: ClassVar[Literal["TextDelta"]] = "TextDelta"
    text: str


@frozen(kw_only=True)
class ReasoningDelta:
    """More of the model's thinking, which is not part of the answer."""

    tag: ClassVar[Literal["ReasoningDelta"]] = "ReasoningDelta"
    text: str


@frozen(kw_only=True)
class ToolCallDelta:
    """More of the tool call at ``index``; ``id`` and ``name`` come with its first piece."""

    tag: ClassVar[Literal["ToolCallDelta"]] = "ToolCallDelta"
    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@frozen(kw_only=True)
class StreamFinished:
    """The stream ended as its protocol demands; ``response`` is the whole answer."""

    tag: ClassVar[Literal["StreamFinished"]] = "StreamFinished"
    response: LLMResponse


StreamEvent: TypeAlias = TextDelta | ReasoningDelta | ToolCallDelta | StreamFinished
