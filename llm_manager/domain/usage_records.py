"""One call as a line of an account: when, who answered, what it took, how it ended."""

from attrs import frozen

from llm_manager.domain.usage import Cost, Usage


@frozen(kw_only=True)
class UsageRecord:
    """A call that ended. ``timestamp`` is seconds since 1970; ``error`` is the tag of what it ended with, None when it was answered.

    Provider and model are those that answered, or that were asked last; empty when nobody was asked. A call that its caller
    left has the error ``cancelled``. An answer from the cache took no tokens.
    """

    timestamp: float
    call_id: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    latency_ms: float
    success: bool
    error: str | None = None
    cached: bool = False
    usage: Usage | None = None
    cost: Cost | None = None
    feature: str | None = None
    user: str | None = None
    tenant: str | None = None
