"""What the rows of a batch know together of what is down: how long they wait for it, and who looks whether it answers again."""

from collections.abc import Callable
from math import inf
from typing import Final

from returns.result import Failure, Result

from llm_manager.domain.attempts import Outages
from llm_manager.domain.error_questions import is_down
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse

_LOOK_SECONDS: Final = 1.0
_LONGEST_LOOK_SECONDS: Final = 3.0
_SLOWER: Final = 1.25
"""An endpoint that is down is looked after each time so much later than the last time, up to the longest."""
_MOST_LOOKS: Final = 100
_IN_VAIN: Final = 2
"""So many looks, one at least in vain, make an outage."""
_OTHERS_SECONDS: Final = 2.0
"""How long a look that is due is left to those who wait: each of them has thought of it in less."""
_MOST_OTHERS: Final = 4
"""So many rows for each worker are begun beyond the others at most."""
_FEW: Final = 4
"""When no more rows than that can be begun beyond the others, each comes after twice as long as the one before."""


class Patience:
    """How long rows wait for what is down: not before any of them was answered, nor once a row for each worker has waited in vain.

    One of those who wait looks now and then whether it answers again. When none of them may, another worker is begun, whose row
    has nothing to lose yet; as many workers end when their rows do.
    """

    __slots__ = ("_answered", "_begin", "_due", "_extra", "_last", "_longest", "_now", "_revived", "_vain", "_workers")

    def __init__(self, workers: int, longest_seconds: float, now: Callable[[], float], begin: Callable[[], None]) -> None:
        self._workers = workers
        self._longest = longest_seconds
        self._now = now
        self._begin = begin
        self._answered = False
        self._vain = 0
        self._extra = 0
        self._last: dict[str, float] = {}
        self._revived: dict[str, float] = {}
        self._due: dict[str, tuple[float, int]] = {}

    def outages(self) -> Outages:
        """What the rows know together."""
        return Outages(
            seconds=self._seconds,
            answered=lambda provider: self._last.get(provider, -inf),
            revived=lambda provider: self._revived.get(provider, -inf),
            due=lambda provider: self._due.get(provider, (-inf, 0))[0],
            look=self._look,
            overdue=self._overdue,
        )

    def heed(self, outcome: Result[LLMResponse, LLMError]) -> None:
        """Learn from a row's end."""
        if isinstance(outcome, Failure):
            self._vain += is_down(outcome.failure())
            return
        self._answered, self._vain = True, 0
        answer = outcome.unwrap()
        if answer.attempts and not answer.cached:
            self._hear(answer.provider)

    def dismissed(self) -> bool:
        """Say whether a worker that has ended its row is one too many."""
        if not self._extra:
            return False
        self._extra -= 1
        return True

    def end(self) -> None:
        """Begin no more workers."""
        self._extra = self._workers * _MOST_OTHERS

    def _seconds(self) -> float:
        return self._longest if self._answered and self._vain < self._workers else 0.0

    def _hear(self, provider: str) -> None:
        now = self._now()
        self._last[provider] = now
        due, looks = self._due.get(provider, (0.0, 0))
        if looks:  # who fails next is not looked after sooner for it
            self._due[provider] = min(due, now + _LOOK_SECONDS), 0
        if looks >= _IN_VAIN:
            self._revived[provider] = now

    def _look(self, provider: str, at: float) -> None:
        looks = self._due.get(provider, (0.0, 0))[1]
        self._due[provider] = at + _until_the_next(looks), looks + 1

    def _overdue(self, provider: str) -> None:
        now = self._now()
        due, looks = self._due.setdefault(provider, (now, 0))
        left = self._workers * _MOST_OTHERS - self._extra
        if left <= 0 or now - due < max(_OTHERS_SECONDS * 2.0 ** max(0, _FEW - left), _until_the_next(looks)):
            return
        self._due[provider] = now, looks + 1  # it is due still: the new row looks at once where it is refused by a breaker
        self._extra += 1
        self._begin()


def _until_the_next(looks: int) -> float:
    return min(_LONGEST_LOOK_SECONDS, _LOOK_SECONDS * _SLOWER ** min(looks, _MOST_LOOKS))
