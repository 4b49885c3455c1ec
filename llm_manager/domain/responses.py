"""What comes back: an answer that says how complete it is and who gave it at what price."""

from typing import Literal, TypeAlias, final

from attrs import field, frozen

from llm_manager.domain.errors import AttemptRecord
from llm_manager.domain.messages import Message, Thought, ToolCall
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.usage import Cost, Unpriced, Usage

Finish: TypeAlias = Literal["stop", "length", "tool_calls", "other"]
"""Why the model ended; ``other`` is a word of the provider that is not known here."""

_NOT_PRICED = Unpriced(reason="not priced yet")


@final
@frozen(kw_only=True)
class LLMResponse:
    """One whole answer. ``model`` and ``provider`` really answered; times are in seconds.

    ``cached`` came from the cache and ``shared`` from an equal call under way, both free. ``usage`` is None when the
    provider did not tell.
    """

    content: str
    model: str
    provider: str
    finish: Finish = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = field(default="", repr=False)
    thoughts: tuple[Thought, ...] = ()
    """The thinking in the pieces and with the signatures in which its provider wants it back."""
    usage: Usage | None = None
    cost: Cost = _NOT_PRICED
    latency_seconds: float = 0.0
    time_to_first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    """How fast the model wrote, where its server tells."""
    cached: bool = False
    shared: bool = False
    age_seconds: float | None = None
    """How long ago an answer from the cache was made; None for a new one."""
    attempts: tuple[AttemptRecord, ...] = ()
    notices: tuple[str, ...] = ()
    request_id: str | None = None
    call_id: str = ""
    conversation_id: str | None = None
    """The conversation that the exchange is kept in: a branch when somebody else wrote to the one it was asked in."""
    rate_limits: RateLimits | None = field(default=None, repr=False)
    """What its provider told of its limits."""

    @property
    def complete(self) -> bool:
        """Say whether the model ended by itself: only then may the answer be cached, parsed or counted as success."""
        return self.finish in ("stop", "tool_calls")

    @property
    def message(self) -> Message:
        """The answer as the next message of its conversation."""
        return Message(role="assistant", content=self.content, tool_calls=self.tool_calls, thoughts=self.thoughts)
