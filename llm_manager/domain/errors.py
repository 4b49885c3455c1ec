"""Every way a call can fail: one closed, tagged union of frozen values.

    LLMError
      the provider or the way to it   ModelUnavailable RateLimitExceeded QuotaExhausted AuthenticationFailed
                                      RequestTimeout NetworkError MalformedResponse StreamInterrupted
      the request or the answer       InvalidRequest ContextTooLarge ContentFiltered OutputInvalid ToolFailed
      our own limits and settings     ConfigurationError PolicyBlocked BudgetExceeded CircuitOpen
      several at once                 AllModelsFailed
      what is kept                    StorageFailed JobLocked

What follows from an error (retry, fall back, rotate a key, ...) is asked in `error_questions`, never read off a class
here. Every error is safe to log: no prompt, no key, no header; a provider's own text is redacted and cut.
"""

from decimal import Decimal
from typing import ClassVar, Literal, TypeAlias

from attrs import evolve, field, frozen

from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Cost

Charge: TypeAlias = Literal["none", "possible", "certain"]
"""Whether the provider may bill the failed attempt."""
Scope: TypeAlias = Literal["key", "account"]
"""Whose limit it is: one key's (or its project's), or that of the account with all its keys."""


@frozen(kw_only=True)
class Origin:
    """Which provider said it, where and how; ``raw`` is its own text, redacted and at most 2 KB."""

    provider: str
    endpoint: str = ""
    key_fingerprint: str | None = None
    request_id: str | None = None
    status: int | None = None
    code: str | None = None
    charge: Charge = "none"
    raw: str | None = None


@frozen(kw_only=True)
class AttemptRecord:
    """What became of an attempt: a line of the ledger. ``error`` is None for the one that answered.

    It began ``after_seconds`` into the call and took ``seconds``, what it waited to be let through included; ``step`` is its
    place in the plan. ``cost`` is None when nothing was billed, and unpriced when a failed attempt may have been. ``sent`` is
    False for one that never left: a breaker, a limit or a budget of our own refused it, or it ``shared`` the request of an equal
    call, which is billed to that one. ``left`` is one that was given up when another answered first.
    ``most_usd`` is what it can have cost at most, told where the call has a ``max_cost_usd`` or the model costs nothing.
    """

    number: int
    step: int
    provider: str
    model: str
    after_seconds: float
    seconds: float
    error: "LLMError | None" = None
    cost: Cost | None = None
    key_fingerprint: str | None = None
    sent: bool = True
    left: bool = False
    most_usd: Decimal | None = None
    shared: bool = False

    @property
    def asked(self) -> bool:
        """Whether its endpoint was asked, by itself or by the call that it shared a request with."""
        return self.sent or self.shared


Attempts: TypeAlias = tuple[AttemptRecord, ...]
"""Every attempt of the call that failed, oldest first. Two errors are equal whatever came before them."""


@frozen(kw_only=True)
class ModelUnavailable:
    """The model or its server cannot answer; ``busy`` is a server that is well and has no room for this kind of call.

    ``resend_helps`` is False when the provider itself says that the same request will fail again; ``resend_once`` when it may.
    ``retry_after_seconds`` is the delay that it asks for, where it does.
    """

    tag: ClassVar[Literal["ModelUnavailable"]] = "ModelUnavailable"
    model: str
    message: str
    reason: Literal["permanent", "overloaded", "busy", "loading", "not_running", "server"] = "server"
    resend_helps: bool = True
    resend_once: bool = False
    retry_after_seconds: float | None = None
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class RateLimitExceeded:
    """The provider, or our own limiter (``local``), asked us to slow down; ``ramp`` asks for a slower climb too.

    ``scope`` says whose limit it is: this key's alone, or that of the account with all its keys. ``resend_helps`` is False
    when this one request is more than the limit ever allows.
    """

    tag: ClassVar[Literal["RateLimitExceeded"]] = "RateLimitExceeded"
    model: str
    retry_after_seconds: float | None = None
    message: str = ""
    local: bool = False
    ramp: bool = False
    scope: Scope = "key"
    resend_helps: bool = True
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class InvalidRequest:
    """The request itself is wrong; ``request`` is kept in memory only: it is not shown, and a digest stands for it on the wire.

    ``by_model`` is a request that is right, for which the model wrote something its own provider refused.
    """

    tag: ClassVar[Literal["InvalidRequest"]] = "InvalidRequest"
    message: str
    request: LLMRequest | None = field(default=None, repr=False)
    request_digest: str | None = None
    by_model: bool = False
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class AuthenticationFailed:
    """The key is missing, wrong, or not allowed to do this; ``local`` ones are keys that we kept back, for another to be sent."""

    tag: ClassVar[Literal["AuthenticationFailed"]] = "AuthenticationFailed"
    model: str
    message: str
    reason: Literal["key", "permission"] = "key"
    local: bool = False
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class RequestTimeout:
    """No answer in time; ``phase`` says which patience ran out (``provider``: not ours). Called TimeoutError on the wire.

    ``given_ms`` is what the last one asked had of it, where the rest had gone before.
    """

    tag: ClassVar[Literal["TimeoutError"]] = "TimeoutError"
    model: str
    timeout_ms: int
    phase: Literal["connect", "first_byte", "stall", "attempt", "total", "provider"] = "attempt"
    given_ms: int | None = field(default=None, eq=False)
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class ContextTooLarge:
    """The request does not fit: the model's window, a tokens-per-minute limit, or a size in bytes."""

    tag: ClassVar[Literal["ContextTooLarge"]] = "ContextTooLarge"
    model: str
    token_count: int | None = None
    limit: int | None = None
    limit_kind: Literal["window", "tokens_per_minute", "bytes"] = "window"
    message: str = ""
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class Fault:
    """One thing wrong in the settings: where, which key, what is wrong, how to mend it. Never the value."""

    source: str
    key: str
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        where = f"{self.source}: {self.key}" if self.key else self.source
        return f"{where}: {self.problem}" + (f"; {self.fix}" if self.fix else "")


@frozen(kw_only=True)
class ConfigurationError:
    """The settings are wrong; ``faults`` lists all of them at once."""

    tag: ClassVar[Literal["ConfigurationError"]] = "ConfigurationError"
    message: str
    faults: tuple[Fault, ...] = ()
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class NetworkError:
    """The way to the provider failed; ``sent`` says whether the request may have arrived.

    ``resend_once`` is a way that is most likely wrong rather than broken: a name that nobody knows.
    """

    tag: ClassVar[Literal["NetworkError"]] = "NetworkError"
    model: str
    message: str
    sent: bool = False
    resend_once: bool = False
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class QuotaExhausted:
    """Money or allowance is spent, of one key or project or of the whole account: waiting cannot help."""

    tag: ClassVar[Literal["QuotaExhausted"]] = "QuotaExhausted"
    model: str
    message: str
    scope: Scope = "key"
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class ContentFiltered:
    """The provider refused the prompt or the answer for its content."""

    tag: ClassVar[Literal["ContentFiltered"]] = "ContentFiltered"
    model: str
    message: str = ""
    partial: str = field(default="", repr=False)
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class StreamInterrupted:
    """A stream ended without its terminator; ``partial`` is the text received so far, never shown in a repr."""

    tag: ClassVar[Literal["StreamInterrupted"]] = "StreamInterrupted"
    model: str
    message: str = ""
    partial: str = field(default="", repr=False)
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class MalformedResponse:
    """The provider answered something that is not an answer."""

    tag: ClassVar[Literal["MalformedResponse"]] = "MalformedResponse"
    model: str
    message: str
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class BudgetExceeded:
    """What is spent and this call's worst case together pass the limit of ``budget``.

    ``limit`` and ``left`` are decimal numbers as text, in ``unit``; ``resets_at`` is when its next period begins, in seconds
    since 1970, None for one that has no other period.
    """

    tag: ClassVar[Literal["BudgetExceeded"]] = "BudgetExceeded"
    budget: str
    message: str = ""
    unit: Literal["usd", "tokens", "requests"] = "usd"
    limit: str | None = None
    left: str | None = None
    resets_at: float | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class PolicyBlocked:
    """Privacy or airgap left no model that may see this request."""

    tag: ClassVar[Literal["PolicyBlocked"]] = "PolicyBlocked"
    message: str
    policy: Literal["private", "airgap"] = "private"
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class CircuitOpen:
    """The endpoint failed too often just now; it is asked again after ``retry_after_seconds``. ``cause`` is its last failure in words."""

    tag: ClassVar[Literal["CircuitOpen"]] = "CircuitOpen"
    model: str
    endpoint: str
    retry_after_seconds: float | None = None
    cause: str | None = field(default=None, eq=False)
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class AllModelsFailed:
    """Every step of the plan failed; ``causes`` holds each step's last error, in the order tried."""

    tag: ClassVar[Literal["AllModelsFailed"]] = "AllModelsFailed"
    causes: tuple["LLMError", ...]
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class ToolFailed:
    """A tool raised, timed out, was refused, was given wrong arguments, or was asked for when the run had no ``steps`` left."""

    tag: ClassVar[Literal["ToolFailed"]] = "ToolFailed"
    tool: str
    message: str
    reason: Literal["failed", "timeout", "arguments", "unknown", "refused", "steps"] = "failed"
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class OutputInvalid:
    """The answer is complete and does not fit what was asked for; ``path`` says where (``$`` is the whole)."""

    tag: ClassVar[Literal["OutputInvalid"]] = "OutputInvalid"
    model: str
    path: str
    message: str
    reason: Literal["shape", "truncated", "not_json"] = "shape"
    origin: Origin | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class StorageFailed:
    """What had to be kept could not be written or read."""

    tag: ClassVar[Literal["StorageFailed"]] = "StorageFailed"
    message: str
    reason: Literal["full", "denied", "corrupt", "conflict", "missing", "gone", "closed", "other"] = "other"
    attempts: Attempts = field(default=(), eq=False, repr=False)


@frozen(kw_only=True)
class JobLocked:
    """Another process is working on the same run."""

    tag: ClassVar[Literal["JobLocked"]] = "JobLocked"
    job: str
    owner: str | None = None
    attempts: Attempts = field(default=(), eq=False, repr=False)


LLMError: TypeAlias = (
    ModelUnavailable
    | RateLimitExceeded
    | InvalidRequest
    | AuthenticationFailed
    | RequestTimeout
    | ContextTooLarge
    | ConfigurationError
    | NetworkError
    | QuotaExhausted
    | ContentFiltered
    | StreamInterrupted
    | MalformedResponse
    | BudgetExceeded
    | PolicyBlocked
    | CircuitOpen
    | AllModelsFailed
    | ToolFailed
    | OutputInvalid
    | StorageFailed
    | JobLocked
)
"""The union; adding a member makes mypy name every question it must answer."""


def with_attempts(error: LLMError, attempts: Attempts) -> LLMError:
    """The error of a call that ended after these attempts."""
    return evolve(error, attempts=attempts)
