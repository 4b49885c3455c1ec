"""Budgets by reservation: the worst case of a request is set aside before it is sent, and what it took takes its place after.

    reserve      -> Reserved(id) | Wait(id) | Exceeded: what is spent and reserved never comes above a limit
    settle       with what it took, `NOTHING` when it was not billed, `UNKNOWN` when it may have been: once, whoever asks
    give_up      who waits no longer is told why, unless its turn has just come
    withdraw     who leaves, whether it waits or holds, leaves nothing behind
    turned       a period is over
    restarted    a period begins anew because somebody says so
    recalled     others have spent of the same purses, before this book was opened or since

Each takes a book and gives another one; who waited and what became of it are told beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from llm_manager.domain.configuration import BudgetPeriod
from llm_manager.policies.budget_book import NOTHING, Alert, Book, Decisions, Exceeded, Line, Purse, Real, Reserved, Wait
from llm_manager.policies.budget_draft import Draft
from llm_manager.policies.budget_rules import LEAST, Key, Need, Rule, told_at
from llm_manager.policies.shelves import items, kept, put, without

_MOST_PURSES: Final = 100_000
_NO_DECISIONS: Final[Decisions] = ()
_NO_ALERTS: Final[tuple[Alert, ...]] = ()


def opened(rules: Sequence[Rule], *, most_purses: int = _MOST_PURSES) -> Book:
    """A book in which nothing is spent yet. Names beyond ``most_purses`` of all budgets that split by name share one purse of each."""
    split = sum(rule.budget.each is not None for rule in rules)
    return Book(rules=tuple(rules), most_names=max(1, most_purses // max(1, split)), named=(0,) * len(rules))


def reserve(book: Book, needs: Sequence[Need], wall: float) -> tuple[Book, tuple[Reserved | Wait | Exceeded, Decisions]]:
    """Set aside what a request needs at most, in every purse or in none. It is exceeded only by what is spent already."""
    if wall >= book.turns_at:
        return _reserve_slowly(book, needs, wall)
    purses, rules = book.purses, book.rules
    lines = []
    for key, amount in needs:
        purse = kept(purses, key)
        if purse is None or (amount and (purse.queue or purse.spent + purse.reserved + amount > rules[key[0]].limit)):
            return _reserve_slowly(book, needs, wall)
        lines.append(Line(key, purse.number, amount))
        reserved = purse.reserved + amount
        purse_after = Purse(
            purse.number, purse.ends, purse.spent, purse.unknown, reserved, purse.told, purse.above, purse.queue, purse.largest
        )
        purses = put(purses, key, purse_after)
    id_ = book.next_id
    held = put(book.held, id_, tuple(lines))
    after = Book(rules, book.most_names, purses, book.named, held, book.waiting, id_ + 1, book.turns_at, book.next_purse, book.recalled)
    return after, (Reserved(id_), _NO_DECISIONS)


def settle(book: Book, id_: int, real: Real, wall: float) -> tuple[Book, tuple[Decisions, tuple[Alert, ...]]]:
    """Put what a request took in the place of what was set aside for it, in the periods in which that was done."""
    lines = kept(book.held, id_)
    if lines is None:
        return book, (_NO_DECISIONS, _NO_ALERTS)
    purses, rules = book.purses, book.rules
    alerts: list[Alert] = []
    awaited: list[Key] = []
    for line in lines:
        key = line.key
        purse = kept(purses, key)
        if purse is None or purse.number != line.number:
            continue
        rule = rules[key[0]]
        took = real.usd if rule.unit == "usd" else real.tokens if rule.unit == "tokens" else real.requests
        unknown, above, told = purse.unknown, purse.above, purse.told
        if took is None:
            took = line.amount
            unknown += took
        elif took > line.amount > LEAST:
            above += 1
        spent = purse.spent + took
        if took and told < len(rule.alerts) and spent >= rule.alerts[told]:
            told = told_at(rule, spent, told)
            alerts += [Alert(key, place, spent) for place in range(purse.told, told)]
        # field by field: `replace` takes thrice the time, and this runs on every call
        purse_after = Purse(purse.number, purse.ends, spent, unknown, purse.reserved - line.amount, told, above, purse.queue, purse.largest)
        purses = put(purses, key, purse_after)
        if purse.queue:
            awaited.append(key)
    held = without(book.held, id_)
    next_id, turns_at, next_purse = book.next_id, book.turns_at, book.next_purse
    after = Book(rules, book.most_names, purses, book.named, held, book.waiting, next_id, turns_at, next_purse, book.recalled)
    if not awaited:
        return after, (_NO_DECISIONS, tuple(alerts) if alerts else _NO_ALERTS)
    draft = Draft(after, wall)
    for key in awaited:
        draft.examine(key)
    closed, decided = draft.closed()
    return closed, (decided, tuple(alerts))


def give_up(book: Book, id_: int, wall: float) -> tuple[Book, tuple[Reserved | Exceeded | None, Decisions]]:
    """Wait no longer: why it would have had to, or what was set aside for it just now; None for one who neither waits nor holds."""
    if kept(book.held, id_) is not None:
        return book, (Reserved(id_), _NO_DECISIONS)
    draft = Draft(book, wall)
    waited = draft.leave(id_)
    if waited is None:
        closed, decided = draft.closed()
        mine = next((each.outcome for each in decided if each.id == id_), None)
        return closed, (mine, tuple(each for each in decided if each.id != id_))
    purse = draft.purse(waited.at)
    amount = next(amount for key, amount in waited.needs if key == waited.at)
    closed, decided = draft.closed()
    return closed, (Exceeded(waited.at, amount, purse.spent, purse.reserved, purse.ends, waited=True), decided)


def withdraw(book: Book, id_: int, wall: float) -> tuple[Book, Decisions]:
    """Leave a queue, or give back what was set aside, whichever it was."""
    if kept(book.held, id_) is not None:
        after, (decided, _) = settle(book, id_, NOTHING, wall)
        return after, decided
    after, (outcome, decided) = give_up(book, id_, wall)
    if isinstance(outcome, Reserved):
        after, (more, _) = settle(after, id_, NOTHING, wall)
        return after, (*decided, *more)
    return after, decided


def turned(book: Book, wall: float) -> tuple[Book, Decisions]:
    """Drop the purses whose period is over, and let those through who waited for them."""
    return Draft(book, wall).closed() if wall >= book.turns_at else (book, _NO_DECISIONS)


def restarted(book: Book, period: BudgetPeriod, wall: float) -> tuple[Book, Decisions]:
    """Begin the purses of a period anew: nothing spent, nothing told. What is under way stays reserved, and counts when it ends."""
    draft = Draft(book, wall)
    for key, _ in sorted(items(book.purses)):
        if book.rules[key[0]].period == period:
            draft.restart(key)
    return draft.closed()


def recalled(book: Book, others: Mapping[Key, tuple[int, int]], wall: float) -> tuple[Book, Decisions]:
    """Take into account what others have spent of each purse in its period, ``spent`` and the ``unknown`` part of it, whatever was said of
    it before; a purse that is not told of is one of which they have spent nothing."""
    draft = Draft(book, wall)
    draft.recall(others)
    return draft.closed()


def refusal(book: Book, needs: Sequence[Need], wall: float) -> Exceeded | None:
    """Why a request would be refused now; None for one that would pass, at once or when others have ended."""
    answer = reserve(book, needs, wall)[1][0]
    return answer if isinstance(answer, Exceeded) else None


def _reserve_slowly(book: Book, needs: Sequence[Need], wall: float) -> tuple[Book, tuple[Reserved | Wait | Exceeded, Decisions]]:
    draft, id_ = Draft(book, wall), book.next_id
    placed = draft.place(id_, draft.named(needs))
    after, decided = draft.closed(next_id=id_ + 1)
    return after, (Wait(id_) if placed is None else placed, decided)
