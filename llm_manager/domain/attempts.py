"""One try of one model, and the ledger of all tries of a call."""

from collections.abc import Callable
from decimal import Decimal
from math import inf
from typing import ClassVar, Final, TypeAlias

from attrs import frozen
from msgspec import Struct, field
from msgspec.structs import replace

from llm_manager.domain.errors import AttemptRecord
from llm_manager.domain.events import Operation
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.records import Veiled
from llm_manager.domain.requests import LLMRequest, Priority, RequestMetadata
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireRequest


@frozen(kw_only=True)
class Limits:
    """How long one attempt may take, in seconds: to connect, between bytes, and altogether."""

    connect_seconds: float = 5.0
    silence_seconds: float = 30.0
    attempt_seconds: float = 30.0


class Ledger(Struct, frozen=True, kw_only=True):
    """Every attempt of one call, oldest first; nothing is re-sent that is not entered here.

    ``started`` and ``deadline`` are moments on the world's monotonic clock. ``max_cost_usd`` is what the whole call may cost.
    A call of several turns has one ledger: ``begun`` attempts are of turns that ended before this one, and took ``resent`` re-sends.
    """

    started: float
    deadline: float
    attempts: tuple[AttemptRecord, ...] = ()
    max_cost_usd: Decimal | None = None
    begun: int = 0
    resent: int = 0

    @property
    def turn(self) -> tuple[AttemptRecord, ...]:
        """The attempts of this turn."""
        return self.attempts[self.begun :] if self.begun else self.attempts

    @property
    def resends(self) -> int:
        """How many requests have left, or were shared, beyond the first one to each model of a turn."""
        sent = [(record.provider, record.model) for record in self.turn if record.asked]
        return self.resent + len(sent) - len(set(sent))

    def next_turn(self) -> "Ledger":
        """The ledger for a turn that may ask every model afresh, and has the re-sends that are left."""
        return replace(self, begun=len(self.attempts), resent=self.resends)

    def entered(self, record: AttemptRecord) -> "Ledger":
        """The ledger with one more line."""
        return replace(self, attempts=(*self.attempts, record))


def _no_seconds() -> float:
    return 0.0


def _never(_: str) -> float:
    return -inf


def _nothing(*_: object) -> None: ...


@frozen(kw_only=True, eq=False)
class Outages:
    """What the rows of a batch know together of endpoints that are down; providers are told by name, moments are monotonic.

    Rows wait so many ``seconds`` for what is down. ``answered`` is when a provider last answered one of them, ``revived`` when it
    last did after some had looked in vain, ``due`` when one of those who wait may look whether it does again. Who does says so by
    ``look``, with the moment; ``overdue`` tells that it is due and that this one may not.
    """

    seconds: Callable[[], float] = _no_seconds
    answered: Callable[[str], float] = _never
    revived: Callable[[str], float] = _never
    due: Callable[[str], float] = _never
    look: Callable[[str, float], None] = _nothing
    overdue: Callable[[str], None] = _nothing


ALONE: Final = Outages()
"""What a call knows that is no row of a batch: nothing, and it waits for nobody."""


class Call(Veiled, frozen=True, kw_only=True):
    """One call of the manager: what is asked, and when it began on the world's monotonic clock.

    ``patient`` calls, rows of a batch, wait where others fail at once: for limits of ours as long as they have time, and for an
    endpoint that is down as ``outages`` says. ``before`` is the ledger of the turns that came
    before this one, when a re-ask or a step of a tool run goes on with it.
    """

    veiled: ClassVar[frozenset[str]] = frozenset({"request", "outages"})

    id: str
    request: LLMRequest
    started: float
    patient: bool = False
    outages: Outages = ALONE
    before: Ledger | None = None


class Whereabouts(Struct, eq=False):
    """How far an attempt has come: ``sent`` is set as its request leaves, ``shared`` while it waits for an equal call's answer.

    All are equal: two attempts are the same one, however far they have come.
    """

    sent: bool = False
    shared: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Whereabouts)

    def __hash__(self) -> int:
        return hash(Whereabouts)


class Attempt(Veiled, frozen=True, kw_only=True):
    """One request to one model, encoded once, so that the cache digest and the body come from the same bytes.

    ``deadline`` is when it must have replied, with a whole answer or an opened stream; ``call_deadline`` is when all
    must have ended, ``total_seconds`` after the call began. Both are moments on the world's monotonic clock. It may wait
    ``patience_seconds`` for an endpoint that has asked everybody to wait; ``last_resort`` is set when every other one is shut too.
    ``left_usd`` is what is left of the request's ``max_cost_usd``, None when it has none; ``private`` is what its plan found.
    """

    veiled: ClassVar[frozenset[str]] = frozenset({"request", "whereabouts"})

    call_id: str
    number: int
    request: LLMRequest
    model: ModelProfile
    endpoint: Endpoint
    wire: WireRequest
    key: Secret | None
    limits: Limits
    deadline: float
    call_deadline: float
    total_seconds: float
    patience_seconds: float = inf
    last_resort: bool = False
    left_usd: Decimal | None = None
    private: bool = False
    whereabouts: Whereabouts = field(default_factory=Whereabouts)

    @property
    def operation(self) -> Operation:
        """What the model is asked to do."""
        return "chat"

    @property
    def metadata(self) -> RequestMetadata:
        """On whose behalf."""
        return self.request.metadata

    @property
    def priority(self) -> Priority:
        """How soon, beside others that wait."""
        return self.request.priority


class OtherAttempt(Struct, frozen=True, kw_only=True):
    """One request for what is no chat, as far as it matters to what lets it through; times as in `Attempt`.

    ``prompt_tokens`` is an estimate of what is read, ``most_prompt_tokens`` never less than it will be.
    """

    call_id: str
    number: int
    operation: Operation
    model: ModelProfile
    endpoint: Endpoint
    key: Secret | None
    metadata: RequestMetadata
    prompt_tokens: int
    most_prompt_tokens: int
    call_deadline: float
    priority: Priority = "normal"
    patience_seconds: float = inf
    last_resort: bool = False


AnyAttempt: TypeAlias = Attempt | OtherAttempt
