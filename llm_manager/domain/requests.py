"""What is asked for."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.messages import DocumentData, DocumentUrl, ImageData, ImageUrl, Message, TextPart, ToolChoice, ToolSpec

TaskType: TypeAlias = Literal["general", "analysis", "ui_generation", "config_management", "sql", "code", "creative"]
Complexity: TypeAlias = Literal["simple", "moderate", "complex"]
Sensitivity: TypeAlias = Literal["public", "private"]
Priority: TypeAlias = Literal["low", "normal", "high"]
CachePolicy: TypeAlias = Literal["use", "refresh", "off"]
"""``use`` reads and stores, ``refresh`` only stores, ``off`` does neither."""
Reasoning: TypeAlias = Literal["off", "low", "medium", "high"]
"""How much a model may think before it answers."""
PromptCache: TypeAlias = Literal["off", "short", "long"]
"""Whether the provider is asked to keep the beginning of the prompt: for minutes, or for an hour."""


@frozen(kw_only=True)
class PlainText:
    """The answer is prose."""

    tag: ClassVar[Literal["PlainText"]] = "PlainText"


@frozen(kw_only=True)
class AnyJson:
    """The answer is some JSON value."""

    tag: ClassVar[Literal["AnyJson"]] = "AnyJson"


@frozen(kw_only=True)
class JsonSchema:
    """The answer is JSON that fits ``schema``; ``name`` is what providers call it in their own messages."""

    tag: ClassVar[Literal["JsonSchema"]] = "JsonSchema"
    schema: Mapping[str, Any]
    name: str = "answer"


OutputForm: TypeAlias = PlainText | AnyJson | JsonSchema


@frozen(kw_only=True)
class Preferences:
    """How the answer should be made; None leaves the choice to settings, then to the provider.

    ``exact`` asks nobody but the model or provider named here; without it others stand in when that one fails. What a
    model does not take is left out with a notice, or refused when ``strict_parameters`` is set. None for ``reasoning``
    and ``prompt_cache`` leaves both to the provider.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    model: str | None = None
    provider: str | None = None
    exact: bool = False
    reasoning: Reasoning | None = None
    prompt_cache: PromptCache | None = None
    strict_parameters: bool = False


@frozen(kw_only=True)
class RequestMetadata:
    """On whose behalf the call is made: for statistics, budgets and cache separation, never sent to a provider."""

    feature: str | None = None
    user: str | None = None
    tenant: str | None = None
    tags: tuple[str, ...] = ()
    run: str | None = None
    """The run that asks, where one does."""


_NO_PREFERENCES = Preferences()
_NO_METADATA = RequestMetadata()
_PLAIN_TEXT = PlainText()


@frozen(kw_only=True)
class LLMRequest:
    """One question to a language model.

    Give ``prompt``, or ``messages`` (a ``prompt`` given too is the last user message). None for ``task_type``,
    ``complexity`` and ``sensitivity`` means that the text decides. ``timeout_ms`` bounds silence, ``deadline_ms`` the
    whole call with its retries and fallbacks, ``max_cost_usd`` what it may cost with all of them.
    """

    prompt: str | None = field(default=None, kw_only=False)
    messages: tuple[Message, ...] = ()
    system: str | None = None
    task_type: TaskType | None = None
    complexity: Complexity | None = None
    sensitivity: Sensitivity | None = None
    preferences: Preferences = _NO_PREFERENCES
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = "auto"
    output: OutputForm = _PLAIN_TEXT
    timeout_ms: int | None = None
    deadline_ms: int | None = None
    max_cost_usd: Decimal | None = None
    priority: Priority = "normal"
    metadata: RequestMetadata = _NO_METADATA
    cache: CachePolicy = "use"

    def conversation(self) -> tuple[Message, ...]:
        """Every message that is sent, in order: system first, the prompt last."""
        last = (Message(role="user", content=self.prompt),) if self.prompt is not None else ()
        if self.system is None:
            return (*self.messages, *last) if self.messages else last
        return (Message(role="system", content=self.system), *self.messages, *last)

    def texts(self) -> tuple[str, ...]:
        """Every text that is sent, in order."""
        spoken = tuple(part.text for message in self.messages for part in message.content if isinstance(part, TextPart))
        return (*((self.system,) if self.system else ()), *spoken, *((self.prompt,) if self.prompt else ()))

    @property
    def has_images(self) -> bool:
        """Say whether any message holds an image."""
        return any(isinstance(part, ImageUrl | ImageData) for message in self.messages for part in message.content)

    @property
    def has_documents(self) -> bool:
        """Say whether any message holds a document."""
        return any(isinstance(part, DocumentUrl | DocumentData) for message in self.messages for part in message.content)
