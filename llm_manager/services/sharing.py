"""What processes share at once: limits, purses, flights and what is remembered, wherever it is kept.

Each function is atomic among all who share. What is done ``soon`` is told to nobody who waits: it goes out behind the call, again and
again until it has arrived.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen
from msgspec import Struct

from llm_manager.domain.embeddings import Vector
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.standing import SharingStanding
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache


class Quota(Struct, frozen=True):
    """Whose limits they are, under a name that tells no secret, and what is set: a minute's requests and tokens, and how many at once."""

    name: str
    requests: int | None = None
    tokens: int | None = None
    concurrency: int | None = None


class Entered(Struct, frozen=True):
    """One may leave, in the ``second`` of whoever keeps the limits; ``leave`` is told of its end."""

    second: int
    leave: Callable[[int, bool], None]
    """How many tokens more than it was charged it took, and whether it never left; a second end is none."""


class NotYet(Struct, frozen=True):
    """One may not leave: for so many seconds, or until another one ends when that is None."""

    why: Literal["paused", "rate", "crowd"]
    seconds: float | None


@frozen(kw_only=True)
class SharedLimits:
    """Requests and tokens of every minute, and how many at once, among all who share them."""

    enter: Callable[[Quota, int], Coroutine[Any, Any, Settled[Entered | NotYet, LLMError]]]
    """Take a permit for a request of so many tokens."""
    pause: Callable[[str, float], None]
    """Let nobody of a quota leave for so many seconds; soon."""


class Share(Struct, frozen=True):
    """What one purse must have left: its name, which tells no secret, until when it is kept, its limit, and what is set aside."""

    purse: str
    ends: float
    limit: int
    amount: int


class Held(Struct, frozen=True):
    """Set aside in every purse. ``settle`` is told what was taken of each, None for what nobody knows; soon, and only once: whether
    it was the first time is its answer."""

    settle: Callable[[Sequence[int | None]], bool]


class Short(Struct, frozen=True):
    """The purse of this place has too little left: for ever in its period, or until others ``wait`` no more."""

    place: int
    spent: int
    reserved: int
    wait: bool


class Unopened(Struct, frozen=True):
    """The purse of this place is not there yet: say what is spent already."""

    place: int


class PurseSeen(Struct, frozen=True):
    """A purse when it was last seen; ``before`` is what was spent when the last one settled, or equal to ``spent``."""

    purse: str
    before: int
    spent: int
    unknown: int
    reserved: int
    above: int


Seen: TypeAlias = Callable[[PurseSeen], None]
Begin: TypeAlias = Mapping[int, tuple[int, int]]
"""What is spent of purses, by their place, and the part of it that nobody knows."""
NOT_BEGUN: Final[Begin] = {}


@frozen(kw_only=True)
class SharedPurses:
    """What is spent and set aside of budgets: never more than their limits, whoever asks."""

    reserve: Callable[[Sequence[Share], Begin, Seen], Coroutine[Any, Any, Settled[Held | Short | Unopened, LLMError]]]
    """Set aside in every purse or in none; ``seen`` is told of each purse now and when it settles."""
    look: Callable[[Sequence[str]], Coroutine[Any, Any, Settled[tuple[PurseSeen | None, ...], LLMError]]]
    """How purses stand; None for one that is not there yet."""
    restart: Callable[[Sequence[str]], None]
    """Begin purses anew; soon."""
    away: Callable[[], float]
    """For how many seconds they cannot be reached; 0 while they can."""


class Lead(Struct, frozen=True):
    """Nobody asks this now: ask it, and ``land`` with the answer, or with None for those who wait to ask for themselves."""

    land: Callable[[LLMResponse | None], Coroutine[Any, Any, None]]
    leave: Callable[[], None]
    """The same as landing with None, soon."""


class Follow(Struct, frozen=True):
    """Another asks this, under this token."""

    token: str


@frozen(kw_only=True)
class SharedFlights:
    """Who asks what, so that equal questions of many processes are asked once."""

    board: Callable[[str, bool], Coroutine[Any, Any, Settled[Lead | Follow | LLMResponse, LLMError]]]
    """Ask for a key: lead, follow, or, when True is said, have the answer of one that has just landed."""
    landed: Callable[[str, str], Coroutine[Any, Any, Settled[LLMResponse | bool, LLMError]]]
    """The answer of the flight with a token; True while it is under way, False when it ended without one."""


@frozen(kw_only=True)
class Sharing:
    """All that is shared, and how its keeper is. ``close`` ends what belongs to the running loop; the next use opens it again."""

    limits: SharedLimits
    purses: SharedPurses
    flights: SharedFlights
    answers: Cache[LLMResponse]
    vectors: Cache[Vector]
    standing: Callable[[], SharingStanding]
    close: Callable[[], Coroutine[Any, Any, None]] = field(repr=False)
