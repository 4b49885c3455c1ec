"""Keep the spending of many processes under limits of days and months: what is spent and set aside is where all of them see it.

Budgets of a run are those of this process and stay in it. When what is shared is away, what costs something is refused: nobody knows
what the others spend meanwhile, and a limit that is passed cannot be taken back, while a refused request can be sent again.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import Budget, BudgetPeriod
from llm_manager.domain.errors import BudgetExceeded, LLMError, StorageFailed
from llm_manager.domain.events import BudgetAlert
from llm_manager.domain.standing import BudgetStanding
from llm_manager.layers.in_turn import in_turn
from llm_manager.outcomes import Settled
from llm_manager.policies.budget import refusal
from llm_manager.policies.budget_book import Alert, Exceeded
from llm_manager.policies.budget_past import amounts_of
from llm_manager.policies.budget_periods import end_of, start_of
from llm_manager.policies.budget_rules import Key, Need, Unbounded, amount_of, least_needs, needs_of, rules_of
from llm_manager.policies.budget_words import exceeded_error, standing_of, unbounded_error
from llm_manager.policies.shared_budgets import (
    alerts_of,
    book_of,
    coarse,
    coarse_limit,
    ended_before,
    fine,
    is_shared,
    purse_digest,
    share_of,
    took_of_answer,
    took_of_failure,
)
from llm_manager.services.gates import LET_THROUGH, Emit, End, Entered, Pass, Replied
from llm_manager.services.guards import Budgets
from llm_manager.services.sharing import Held, PurseSeen, Share, SharedPurses, Short, Unopened
from llm_manager.services.usage_log import UsageLog
from llm_manager.services.world import World

_FIRST_LOOK: Final = 0.02
_LONGEST_LOOK: Final = 0.25
_KEPT_SECONDS: Final = 172_800.0
"""So long after its period is a purse kept, for those whose clocks differ and for what ends late."""
_NOTHING: Final = (0, 0)
_RESTART_SECONDS: Final = 10.0
"""Who asks within so many seconds after it went away waits that long for it: it may only be started anew."""


def budgeting_together(own: Budgets, shared: SharedPurses, budgets: Sequence[Budget], world: World) -> Budgets:
    """``own`` keeps the budgets that are not shared, of those given; the others are kept together."""
    together = [budget for budget in budgets if is_shared(budget)]
    if not together:
        return own
    purses = _Purses(together, shared, world)

    def refused(attempt: AnyAttempt | None) -> BudgetExceeded | None:
        return own.refusal(attempt) or purses.refusal(attempt)

    def standing() -> tuple[BudgetStanding, ...]:
        return (*own.standing(), *purses.standing())

    def reset(period: BudgetPeriod, emit: Emit) -> None:
        own.reset(period, emit)
        purses.reset(period)

    def remember(log: UsageLog) -> None:
        own.remember(log)
        purses.remember(log)

    gate = purses.enter if own.gate is None else in_turn(own.gate, purses.enter)

    async def recall() -> Settled[None, LLMError]:
        read = await own.recall()
        return read if isinstance(read, Failure) else await purses.recall()

    return evolve(own, gate=gate, refusal=refused, standing=standing, reset=reset, remember=remember, recall=recall)


class _Purses:
    """The purses of all, as they are seen from here."""

    __slots__ = ("_logs", "_rules", "_seen", "_shared", "_world")

    def __init__(self, budgets: Sequence[Budget], shared: SharedPurses, world: World) -> None:
        self._rules = rules_of(budgets)
        self._shared, self._world = shared, world
        self._seen: dict[tuple[Key, float], tuple[int, int, int, int]] = {}
        self._logs: tuple[UsageLog, ...] = ()

    async def enter(self, attempt: AnyAttempt, emit: Emit) -> Entered:
        """Set the worst case aside among all, when others have ended if need be."""
        needs = needs_of(self._rules, attempt)
        if isinstance(needs, Unbounded):
            return Failure(unbounded_error(self._rules, needs, attempt.model))
        if not needs:
            return LET_THROUGH
        look, begin = _FIRST_LOOK, dict[int, tuple[int, int]]()
        while True:
            asking = _Asking(self, needs, emit)
            said = await self._shared.reserve(asking.shares, begin, asking.seen)
            left = attempt.call_deadline - self._world.now()
            if isinstance(said, Failure):
                if self._shared.away() > _RESTART_SECONDS or left <= 0:
                    return Failure(_away(said.failure()))
                await self._world.sleep(min(_LONGEST_LOOK, left))
                continue
            answer = said.unwrap()
            if isinstance(answer, Held):
                return Success(asking.passed(answer))
            if isinstance(answer, Unopened):
                spent = await self._spent(needs[answer.place][0])
                if isinstance(spent, Failure):
                    return spent
                begin[answer.place] = spent.unwrap()
                continue
            left = attempt.call_deadline - self._world.now()
            if not answer.wait or left <= 0:
                return Failure(exceeded_error(self._rules, asking.exceeded(answer)))
            await self._world.sleep(min(look, left))
            look, begin = min(look * 1.5, _LONGEST_LOOK), {}

    def refusal(self, attempt: AnyAttempt | None) -> BudgetExceeded | None:
        """Why a request would be refused now, as far as was seen; None for one that would pass."""
        needs = least_needs(self._rules) if attempt is None else needs_of(self._rules, attempt)
        if isinstance(needs, Unbounded):
            return None if attempt is None else unbounded_error(self._rules, needs, attempt.model)
        wall = self._world.wall()
        exceeded = refusal(book_of(self._rules, self._seen.copy(), wall), needs, wall)
        return None if exceeded is None else exceeded_error(self._rules, exceeded)

    def standing(self) -> tuple[BudgetStanding, ...]:
        """How every purse stood when it was last seen from here."""
        wall = self._world.wall()
        return standing_of(book_of(self._rules, self._seen.copy(), wall), wall)

    def reset(self, period: BudgetPeriod) -> None:
        """Begin the purses of a period anew, those that were seen from here."""
        wall = self._world.wall()
        keys = {key for key, _ in self._seen} | {(place, "") for place, rule in enumerate(self._rules) if rule.budget.each is None}
        meant = [(key, self._rules[key[0]]) for key in sorted(keys) if self._rules[key[0]].period == period]
        self._shared.restart([purse_digest(rule, key[1], end_of(rule.period, wall)) for key, rule in meant])
        for key, rule in meant:
            self._seen.pop((key, end_of(rule.period, wall)), None)

    def remember(self, log: UsageLog) -> None:
        """Ask this log what was spent of a purse that is not there yet, unless another one came before it."""
        self._logs = (*self._logs, log)

    def saw(self, key: Key, ends: float, purse: PurseSeen, emit: Emit) -> None:
        """Keep how a purse stands, and tell what it has come to."""
        place = (key, ends)
        if place not in self._seen:
            for old in ended_before(list(self._seen), self._world.wall()):
                self._seen.pop(old, None)
        self._seen[place] = (purse.spent, purse.unknown, purse.reserved, purse.above)
        rule = self._rules[key[0]]
        for alert in alerts_of(rule, key, purse.before, purse.spent):
            emit(self._alert(alert))

    def expect(self, place: tuple[Key, float], amount: int, took: int | None) -> None:
        """How a purse will stand when what was told soon has arrived, so that it need not be waited for."""
        seen = self._seen.get(place)
        if seen is not None:
            spent, unknown, reserved, above = seen
            more = amount if took is None else took
            self._seen[place] = (spent + more, unknown + (amount if took is None else 0), max(0, reserved - amount), above)

    def share(self, need: Need) -> tuple[Share, float]:
        """What one purse must have left, in the period of now, and when that ends."""
        (place, name), amount = need
        rule = self._rules[place]
        ends = end_of(rule.period, self._world.wall())
        digest = purse_digest(rule, name, ends)
        return Share(digest, ends + _KEPT_SECONDS, coarse_limit(rule), coarse(rule, amount)), ends

    def took(self, needs: Sequence[Need], how: End) -> list[int | None]:
        """What was taken of each purse."""
        if isinstance(how, Replied):
            return [took_of_answer(self._rules[key[0]], how.usage, how.cost) for key, _ in needs]
        return [took_of_failure(how)] * len(needs)

    def fine(self, key: Key, amount: int) -> int:
        """An amount in the parts of its rule."""
        return fine(self._rules[key[0]], amount)

    async def recall(self) -> Settled[None, LLMError]:
        """See how purses stand: those of whole budgets, those that were seen from here, and those that the usage log knows."""
        wall = self._world.wall()
        known: dict[Key, tuple[int, int]] = {(place, ""): _NOTHING for place, rule in enumerate(self._rules) if rule.budget.each is None}
        known |= {key: _NOTHING for key, ends in self._seen if ends > wall}
        if self._logs:
            asked = [(rule.budget, start_of(rule.period, wall)) for rule in self._rules]
            told = await self._logs[0].spent(asked, ())
            if isinstance(told, Failure):
                return told
            known |= amounts_of(self._rules, range(len(self._rules)), told.unwrap())
        places = [(key, end_of(self._rules[key[0]].period, wall)) for key in known]
        looked = await self._shared.look([purse_digest(self._rules[key[0]], key[1], ends) for key, ends in places])
        if isinstance(looked, Failure):
            return looked
        for (key, ends), seen in zip(places, looked.unwrap(), strict=True):
            if seen is not None:
                self._seen[key, ends] = (seen.spent, seen.unknown, seen.reserved, seen.above)
            elif any(known[key]):
                rule, (spent, unknown) = self._rules[key[0]], known[key]
                self._seen[key, ends] = (coarse(rule, spent), coarse(rule, unknown), 0, 0)
        return Success(None)

    async def _spent(self, key: Key) -> Settled[tuple[int, int], LLMError]:
        """What the usage log knows of a purse that is not there yet."""
        if not self._logs:
            return Success(_NOTHING)
        log, rule = self._logs[0], self._rules[key[0]]
        await log.flush()
        told = await log.spent([(rule.budget, start_of(rule.period, self._world.wall()))], ())
        if isinstance(told, Failure):
            return told
        amounts: Mapping[Key, tuple[int, int]] = amounts_of(self._rules, [key[0]], told.unwrap())
        spent, unknown = amounts.get(key, _NOTHING)
        return Success((coarse(rule, spent), min(coarse(rule, spent), coarse(rule, unknown))))

    def _alert(self, alert: Alert) -> BudgetAlert:
        rule = self._rules[alert.key[0]]
        return BudgetAlert(
            at=self._world.now(),
            budget=rule.name,
            of=alert.key[1],
            unit=rule.unit,
            share=share_of(rule, alert),
            spent=amount_of(alert.spent, rule.unit),
            limit=amount_of(rule.limit, rule.unit),
        )


class _Asking:
    """One request for what it needs, in the periods of now."""

    __slots__ = ("_emit", "_ends", "_needs", "_places", "_purses", "shares")

    def __init__(self, purses: _Purses, needs: Sequence[Need], emit: Emit) -> None:
        self._purses, self._needs, self._emit = purses, needs, emit
        found = [purses.share(need) for need in needs]
        self.shares = [share for share, _ in found]
        self._ends = [ends for _, ends in found]
        self._places = {share.purse: place for place, share in enumerate(self.shares)}

    def seen(self, purse: PurseSeen) -> None:
        place = self._places[purse.purse]
        self._purses.saw(self._needs[place][0], self._ends[place], purse, self._emit)

    def exceeded(self, short: Short) -> Exceeded:
        key, amount = self._needs[short.place]
        spent, reserved = self._purses.fine(key, short.spent), self._purses.fine(key, short.reserved)
        return Exceeded(key, amount, spent, reserved, self._ends[short.place], waited=short.wait)

    def passed(self, held: Held) -> Pass:
        def settle(real: Sequence[int | None]) -> None:
            if held.settle(real):
                for need, ends, share, took in zip(self._needs, self._ends, self.shares, real, strict=True):
                    self._purses.expect((need[0], ends), share.amount, took)

        return Pass(
            lambda how: settle(self._purses.took(self._needs, how)),
            unsent=lambda: settle([0] * len(self._needs)),
        )


def _away(error: LLMError) -> LLMError:
    """Not `BudgetExceeded`: nothing is spent, what mends it is another thing, and nobody is to wait for the next period."""
    if not isinstance(error, StorageFailed):
        return error
    told = f"budgets of days and months cannot be checked, so nothing is sent that costs something: {error.message}"
    return evolve(error, message=told)
