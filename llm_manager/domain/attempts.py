"""One try of one model, and the ledger of all tries of a call."""

from attrs import evolve, field, frozen

from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Cost
from llm_manager.domain.wire_requests import WireRequest


@frozen(kw_only=True)
class Limits:
    """How long one attempt may take, in seconds: to connect, between bytes, and altogether."""

    connect_seconds: float = 5.0
    silence_seconds: float = 30.0
    attempt_seconds: float = 30.0


@frozen(kw_only=True)
class Call:
    """One call of the manager: what is asked, and when it began on the world's monotonic clock."""

    id: str
    request: LLMRequest = field(repr=False)
    started: float


@frozen(kw_only=True)
class Attempt:
    """One request to one model, encoded once, so that the cache digest and the body come from the same bytes.

    ``deadline`` is when it must have replied, with a whole answer or an opened stream; ``call_deadline`` is when all
    must have ended, ``total_seconds`` after the call began. Both are moments on the world's monotonic clock.
    """

    call_id: str
    number: int
    request: LLMRequest = field(repr=False)
    model: ModelProfile
    endpoint: Endpoint
    wire: WireRequest
    key: Secret | None
    limits: Limits
    deadline: float
    call_deadline: float
    total_seconds: float


@frozen(kw_only=True)
class AttemptRecord:
    """What became of an attempt: a line of the ledger. ``error`` is None for the one that answered.

    It began ``after_seconds`` into the call and took ``seconds``; ``step`` is its place in the plan.
    """

    number: int
    step: int
    provider: str
    model: str
    after_seconds: float
    seconds: float
    error: LLMError | None = None
    cost: Cost | None = None


@frozen(kw_only=True)
class Ledger:
    """Every attempt of one call, oldest first; nothing is re-sent that is not entered here.

    ``started`` and ``deadline`` are moments on the world's monotonic clock.
    """

    started: float
    deadline: float
    attempts: tuple[AttemptRecord, ...] = ()

    def entered(self, record: AttemptRecord) -> "Ledger":
        """The ledger with one more line."""
        return evolve(self, attempts=(*self.attempts, record))
