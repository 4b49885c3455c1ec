"""Keep spending under its limits: `policies.budget` decides, one cell holds the book of all purses."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Final, TypeAlias

from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import Budget, BudgetPeriod
from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.errors import BudgetExceeded, LLMError
from llm_manager.domain.events import BudgetAlert, UsageReset
from llm_manager.domain.standing import BudgetStanding
from llm_manager.domain.usage import Priced
from llm_manager.layers.recalling import Recalling
from llm_manager.layers.waiting import Ticket
from llm_manager.outcomes import Settled
from llm_manager.policies.budget import give_up, opened, refusal, reserve, restarted, settle, turned, withdraw
from llm_manager.policies.budget_book import NOTHING, UNKNOWN, Alert, Book, Decisions, Exceeded, Real, Reserved, Wait
from llm_manager.policies.budget_rules import Need, Unbounded, amount_of, least_needs, needs_of, parts, rules_of
from llm_manager.policies.budget_words import exceeded_error, standing_of, unbounded_error
from llm_manager.services.gates import LET_THROUGH, Emit, End, Pass, Replied
from llm_manager.services.guards import Budgets
from llm_manager.services.world import World

_NO_TIME_SECONDS: Final = 1e-6
_SHORTEST_WAIT_SECONDS: Final = 0.001
"""What is a moment away, by clocks that disagree or from another thread, is asked for again after this, not at once."""

_Waiter: TypeAlias = tuple[int, Ticket[Reserved | Exceeded]]


def budgeting(budgets: Sequence[Budget], world: World) -> Budgets:
    """The purses of all budgets."""
    if not budgets:
        return Budgets(gate=None, refusal=lambda _: None, standing=tuple, reset=lambda _, __: None)
    purses = _Purses(budgets, world)
    recalling = purses.recalling
    return Budgets(
        gate=purses.enter,
        refusal=purses.refusal,
        standing=purses.standing,
        reset=purses.reset,
        remember=recalling.remember,
        recall=recalling.recall,
        begin_at=recalling.begin_at,
    )


class _Purses:
    """The book of all budgets, and those who wait for a change in it."""

    __slots__ = ("_counts_money", "_counts_tokens", "_rules", "_tickets", "_world", "cell", "recalling")

    def __init__(self, budgets: Sequence[Budget], world: World) -> None:
        self._rules = rules_of(budgets)
        self._counts_money = any(rule.unit == "usd" for rule in self._rules)
        self._counts_tokens = any(rule.unit == "tokens" for rule in self._rules)
        self._world = world
        self._tickets: dict[int, Ticket[Reserved | Exceeded]] = {}
        self.cell = Cell(opened(self._rules))
        self.recalling = Recalling(self._rules, self.cell, world.wall, self._tell)

    async def enter(self, attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        """Set the worst case aside, when others have ended if need be."""
        needs = needs_of(self._rules, attempt)
        if isinstance(needs, Unbounded):
            return Failure(unbounded_error(self._rules, needs, attempt.model))
        if not needs:
            return LET_THROUGH
        wall = self._world.wall()
        if wall >= self.recalling.due_at:
            read = await self.recalling.recall()
            if isinstance(read, Failure):
                return read
        answer, decided = self.cell.decide(lambda book: self._reserving(book, needs, wall))
        if decided:
            self._tell(decided)
        if isinstance(answer, tuple):
            answer = await self._waited(*answer, attempt.call_deadline)
        if isinstance(answer, Exceeded):
            return Failure(exceeded_error(self._rules, answer))
        held = _Held(self, answer.id, emit)
        return Success(Pass(ended=held.ended, unsent=held.unsent))

    def refusal(self, attempt: AnyAttempt | None) -> BudgetExceeded | None:
        """Why a request, or any at all, would be refused now; None for one that would pass, at once or when others have ended."""
        needs = least_needs(self._rules) if attempt is None else needs_of(self._rules, attempt)
        if isinstance(needs, Unbounded):
            return None if attempt is None else unbounded_error(self._rules, needs, attempt.model)
        exceeded = refusal(self.cell.read(), needs, self._world.wall())
        return None if exceeded is None else exceeded_error(self._rules, exceeded)

    def standing(self) -> tuple[BudgetStanding, ...]:
        """How every purse stands."""
        return standing_of(self.cell.read(), self._world.wall())

    def reset(self, period: BudgetPeriod, emit: Emit) -> None:
        """Begin the purses of a period anew."""
        wall = self._world.wall()
        self._tell(self.cell.decide(lambda book: restarted(book, period, wall)))
        emit(UsageReset(at=self._world.now(), period=period))

    def settle(self, id_: int, how: End, emit: Emit) -> None:
        """Tell the book how a request ended, and everybody whom that concerns."""
        real, wall = self._real(how), self._world.wall()
        decided, alerts = self.cell.decide(lambda book: settle(book, id_, real, wall))
        if decided:
            self._tell(decided)
        for alert in alerts:
            emit(self._event(alert))

    def withdraw(self, id_: int) -> None:
        """Take back a request that never left."""
        self._tickets.pop(id_, None)
        wall = self._world.wall()
        self._tell(self.cell.decide(lambda book: withdraw(book, id_, wall)))

    def _reserving(self, book: Book, needs: Sequence[Need], wall: float) -> tuple[Book, tuple[Reserved | Exceeded | _Waiter, Decisions]]:
        """Who has to wait gets its ticket before anybody can decide on it, since that may be told by another thread at once."""
        after, (answer, decided) = reserve(book, needs, wall)
        if not isinstance(answer, Wait):
            return after, (answer, decided)
        ticket = self._tickets[answer.id] = Ticket()
        return after, ((answer.id, ticket), decided)

    async def _waited(self, id_: int, ticket: Ticket[Reserved | Exceeded], deadline: float) -> Reserved | Exceeded:
        """Wait until others have ended, a period has, or the call's own time is over."""
        now, wall = self._world.now, self._world.wall
        try:
            while True:
                left = deadline - now()
                if left < _NO_TIME_SECONDS:
                    given_up = self._given_up(id_)
                    if given_up is not None:
                        return given_up
                turns = self.cell.read().turns_at - wall()
                outcome = await ticket.wait(max(_SHORTEST_WAIT_SECONDS, min(left, turns)))
                if outcome is not None:
                    return outcome
                self._tell(self.cell.decide(partial(turned, wall=wall())))
        except BaseException:
            self.withdraw(id_)
            raise

    def _given_up(self, id_: int) -> Reserved | Exceeded | None:
        """Why it waited in vain; None when another thread has decided on it just now, and its word is on the way."""
        wall = self._world.wall()
        outcome, decided = self.cell.decide(lambda book: give_up(book, id_, wall))
        self._tell(decided)
        if outcome is not None:
            self._tickets.pop(id_, None)
        return outcome

    def _tell(self, decided: Decisions) -> None:
        for each in decided:
            ticket = self._tickets.pop(each.id, None)
            if ticket is not None and not ticket.tell(each.outcome):
                self.withdraw(each.id)

    def _real(self, how: End) -> Real:
        if isinstance(how, Replied):
            usd: int | None = 0
            if self._counts_money:
                usd = parts(how.cost.usd, "usd") if isinstance(how.cost, Priced) else None
            tokens: int | None = 0
            if self._counts_tokens:
                tokens = None if how.usage is None else how.usage.total_tokens
            return Real(usd, tokens, 1)
        return NOTHING if how is not None and charge_of(how) == "none" else UNKNOWN

    def _event(self, alert: Alert) -> BudgetAlert:
        rule, name = self._rules[alert.key[0]], alert.key[1]
        if alert.place < len(rule.shares):
            share = rule.shares[alert.place]
        else:
            share = round(Decimal(alert.spent) / rule.limit, 4) if rule.limit else Decimal(1)
        return BudgetAlert(
            at=self._world.now(),
            budget=rule.name,
            of=name,
            unit=rule.unit,
            share=share,
            spent=amount_of(alert.spent, rule.unit),
            limit=amount_of(rule.limit, rule.unit),
        )


class _Held:
    """What is set aside for one request, until it has ended."""

    __slots__ = ("_emit", "_id", "_purses")

    def __init__(self, purses: _Purses, id_: int, emit: Emit) -> None:
        self._purses, self._id, self._emit = purses, id_, emit

    def ended(self, how: End) -> None:
        self._purses.settle(self._id, how, self._emit)

    def unsent(self) -> None:
        self._purses.withdraw(self._id)
