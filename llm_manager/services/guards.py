"""What lets requests through: one record, which managers may share, so that two of them never pass one limit together."""

from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from attrs import frozen
from returns.result import Success

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import BudgetPeriod
from llm_manager.domain.errors import BudgetExceeded, LLMError
from llm_manager.domain.models import Endpoint
from llm_manager.domain.secrets import Secret
from llm_manager.domain.standing import BreakerStanding, BudgetStanding, KeyStanding, ScopeStanding
from llm_manager.outcomes import Settled
from llm_manager.services.gates import Emit, Gate, Pass, WaitingGate
from llm_manager.services.sharing import Sharing
from llm_manager.services.usage_log import UsageLog


def _never(_: Endpoint, __: Emit) -> Pass | None:
    return None


def _forgotten(_: UsageLog) -> None: ...


def _not_kept(_: str, __: Decimal, ___: Decimal) -> None: ...


async def _nothing_recalled() -> Settled[None, LLMError]:
    return Success(None)


@frozen(kw_only=True)
class Breakers:
    """Keeps requests from endpoints that are down. ``entry`` refuses before a request waits for anything, ``gate`` when it leaves."""

    entry: Gate
    gate: Gate
    shut: Callable[[], Mapping[str, float]]
    """The endpoints, by identity, that would refuse now, and when each of them lets a probe through, `inf` while those under way
    take every slot; the very same mapping until it changes."""
    standing: Callable[[], tuple[BreakerStanding, ...]]
    reset: Callable[[str | None, Emit], None]
    """Open the endpoints of a provider again, or all."""
    check: Callable[[Endpoint, Emit], Pass | None] = _never
    """The slot of a probe for a look at an endpoint that is no request; None when it is well, not due or looked at."""


@frozen(kw_only=True)
class Admissions:
    """Paces requests: so many a minute, so many at once, as set, as told, as learned."""

    gate: Gate
    standing: Callable[[], tuple[ScopeStanding, ...]]


@frozen(kw_only=True)
class Budgets:
    """Keeps spending under its limits: reserved before a request, settled after it."""

    gate: WaitingGate | None
    refusal: Callable[[AnyAttempt | None], BudgetExceeded | None]
    """Why a request would be refused now, or why any would be that costs something, when none is given; None for one that would
    pass, at once or when others have ended."""
    standing: Callable[[], tuple[BudgetStanding, ...]]
    reset: Callable[[BudgetPeriod, Emit], None]
    """Begin the budgets of a period anew."""
    remember: Callable[[UsageLog], None] = _forgotten
    """Say which usage log knows what was spent in the periods that are under way; it is read before the first request."""
    recall: Callable[[], Coroutine[Any, Any, Settled[None, LLMError]]] = _nothing_recalled
    """Read it now."""
    begin_at: Callable[[str, Decimal, Decimal], None] = _not_kept
    """Count what was spent of a budget by its name before this process began, and the unknown part of it; before the first request."""


Ready: TypeAlias = Callable[[str, Emit], Coroutine[Any, Any, LLMError | None]]


@frozen(kw_only=True)
class Keys:
    """Which key of a provider is sent, where it has several or they change."""

    choose: Callable[[str, Secret | None], Secret | None]
    """The key of a provider to send now, given the one that its client was made with."""
    others: Callable[[str, Secret | None], bool]
    """Whether the provider has a key that works beside the one given."""
    ready: Ready | None
    """Fetch the keys of a provider if they are due; awaited before its key is chosen. None where no keys are fetched."""
    gate: WaitingGate | None
    standing: Callable[[], tuple[KeyStanding, ...]]


@frozen(kw_only=True)
class Resends:
    """How often requests may be sent again to an endpoint, so that an outage is not made worse."""

    gate: Gate
    wait: Callable[[Endpoint], float]
    """Seconds until one more re-send is within bounds; 0 for at once."""
    take: Callable[[Endpoint], float]
    """Count a re-send if there is room for it, and return 0; else the seconds until there is."""


@frozen(kw_only=True)
class Guards:
    """Everything that lets requests through."""

    breakers: Breakers
    admissions: Admissions
    budgets: Budgets
    keys: Keys
    resends: Resends
    sharing: Sharing | None = None
    """Where limits and budgets are shared with other processes."""

    @property
    def gates(self) -> tuple[Gate, ...]:
        """In the order in which they are passed: who waits holds no probe, and who is refused has spent nothing."""
        gates = (
            self.budgets.gate,
            self.breakers.entry,
            self.admissions.gate,
            self.breakers.gate,
            self.keys.gate,
            self.resends.gate,
        )
        return tuple(gate for gate in gates if gate is not None)
