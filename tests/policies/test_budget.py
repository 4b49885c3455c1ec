"""Budgets hold under any interleaving: nothing is overspent, nobody waits for nothing, nothing is settled twice."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llm_manager.domain.configuration import Budget, BudgetPeriod
from llm_manager.policies.budget import give_up, opened, recalled, refusal, reserve, restarted, settle, turned, withdraw
from llm_manager.policies.budget_book import NOTHING, UNKNOWN, Book, Decisions, Exceeded, Line, Purse, Real, Reserved, Wait
from llm_manager.policies.budget_rules import OTHERS, Key, Need, rules_of
from llm_manager.policies.shelves import items, kept

DAY = 86_400.0
NOON = 1_800_000_000.0
RULES = rules_of(
    (
        Budget(name="run", limit=Decimal(20), unit="requests"),
        Budget(name="daily", limit=Decimal(30), unit="tokens", period="day"),
        Budget(name="users", limit=Decimal(10), unit="tokens", period="day", each="user"),
        Budget(name="monthly", limit=Decimal("0.00000000002"), period="month"),
    )
)
USERS = ["ann", "ann", "ann", "ben", "cid", "dot", "eve"]
AMOUNTS = st.sampled_from([8, 7, 9, 3, 2, 1, 0, 13, 21, 31])


class Purses(RuleBasedStateMachine):
    """Random calls that begin, wait, end in every way and meet every clock."""

    def __init__(self) -> None:
        super().__init__()
        self.book = opened(RULES, most_purses=3)
        self.wall = NOON
        self.waiting: set[int] = set()
        self.held: dict[int, tuple[Line, ...]] = {}
        self.overrun: set[tuple[Key, int]] = set()

    def decide(self, decided: Decisions) -> None:
        for each in decided:
            assert each.id in self.waiting
            self.waiting.remove(each.id)
            if isinstance(each.outcome, Reserved):
                self.hold(each.id)
            else:
                self.is_right(each.outcome)

    def hold(self, number: int) -> None:
        lines = kept(self.book.held, number)
        assert lines is not None
        assert number not in self.held
        self.held[number] = lines

    def is_right(self, exceeded: Exceeded) -> None:
        assert exceeded.waited or exceeded.spent + exceeded.amount > RULES[exceeded.key[0]].limit

    @rule(run=st.booleans(), tokens=st.none() | AMOUNTS, user=st.none() | st.sampled_from(USERS), money=st.none() | AMOUNTS)
    def begin(self, run: bool, tokens: int | None, user: str | None, money: int | None) -> None:
        needs: list[Need] = [((0, ""), 1)] if run else []
        if tokens is not None:
            needs.append(((1, ""), tokens))
            if user is not None:
                needs.append(((2, user), tokens))
        if money is not None:
            needs.append(((3, ""), money))
        hopeless = refusal(self.book, needs, self.wall)
        self.book, (answer, decided) = reserve(self.book, needs, self.wall)
        self.decide(decided)
        match answer:
            case Reserved(id=number):
                self.hold(number)
            case Wait(id=number):
                self.waiting.add(number)
            case Exceeded():
                self.is_right(answer)
                assert not answer.waited
        assert (hopeless is not None) == isinstance(answer, Exceeded)

    @rule(amounts=st.lists(AMOUNTS, min_size=2, max_size=6), user=st.none() | st.sampled_from(USERS))
    def many_begin(self, amounts: list[int], user: str | None) -> None:
        for amount in amounts:
            self.begin(False, amount, user, amount)

    def end(self, data: st.DataObject, how: Real | None) -> None:
        if not self.held:
            return
        number = data.draw(st.sampled_from(sorted(self.held)))
        lines = self.held.pop(number)
        if how is None:
            most = max(line.amount for line in lines) if lines else 0
            took = data.draw(st.sampled_from([0, 1, most // 2, most, most + 3]))
            how = Real(took, took, 1)
        before = self.book
        self.book, (decided, _) = settle(before, number, how, self.wall)
        for line in lines:
            unit = RULES[line.key[0]].unit
            real = how.usd if unit == "usd" else how.tokens if unit == "tokens" else how.requests
            was, now = kept(before.purses, line.key), kept(self.book.purses, line.key)
            if real is not None and real > line.amount:
                self.overrun.add((line.key, line.number))
            if was is None or now is None or was.number != line.number != now.number or was.number != now.number:
                continue
            assert now.spent == was.spent + (line.amount if real is None else real)
        self.decide(decided)
        assert settle(self.book, number, how, self.wall) == (self.book, ((), ()))

    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        self.end(data, None)

    @rule(data=st.data(), how=st.sampled_from([NOTHING, UNKNOWN]))
    def failed(self, data: st.DataObject, how: Real) -> None:
        self.end(data, how)

    @rule(data=st.data())
    def wait_no_longer(self, data: st.DataObject) -> None:
        if not self.waiting:
            return
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        self.waiting.remove(number)
        self.book, (outcome, decided) = give_up(self.book, number, self.wall)
        assert outcome is not None
        if isinstance(outcome, Reserved):
            self.hold(number)
        else:
            self.is_right(outcome)
        self.decide(decided)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        there = sorted({*self.waiting, *self.held})
        number = data.draw(st.sampled_from(there)) if there else 0
        self.waiting.discard(number)
        self.held.pop(number, None)
        self.book, decided = withdraw(self.book, number, self.wall)
        self.decide(decided)

    @rule(seconds=st.sampled_from([1.0, 1.0, 1.0, DAY, DAY / 2, 31 * DAY, -1.0, -DAY, -400 * DAY, 3650 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.wall += seconds
        self.book, decided = turned(self.book, self.wall)
        self.decide(decided)

    @rule(seconds=st.sampled_from([1.0, 1.0, DAY, 31 * DAY]))
    def time_passes_unseen(self, seconds: float) -> None:
        self.wall += seconds

    @rule(day=AMOUNTS, users=st.dictionaries(st.sampled_from(USERS), AMOUNTS), month=AMOUNTS, unknown=st.booleans())
    def others_spend(self, day: int, users: dict[str, int], month: int, unknown: bool) -> None:
        told = {(1, ""): day, (3, ""): month, **{(2, user): amount for user, amount in users.items()}}
        others = {key: (amount, amount if unknown else 0) for key, amount in told.items()}
        self.book, decided = recalled(self.book, others, self.wall)
        for key, purse in items(self.book.purses):
            if key in self.book.recalled:
                self.overrun.add((key, purse.number))
                assert purse.spent >= 0
        self.decide(decided)
        assert recalled(self.book, others, self.wall) == (self.book, ()), "the same once more changes nothing"

    @rule(period=st.sampled_from(["run", "day", "month"]))
    def reset(self, period: BudgetPeriod) -> None:
        self.book, decided = restarted(self.book, period, self.wall)
        self.decide(decided)
        assert all(purse.spent == 0 for key, purse in items(self.book.purses) if RULES[key[0]].period == period)

    @invariant()
    def no_limit_is_passed(self) -> None:
        for key, purse in items(self.book.purses):
            if (key, purse.number) not in self.overrun:
                assert purse.spent + purse.reserved <= RULES[key[0]].limit
            assert purse.reserved >= 0
            assert 0 <= purse.unknown <= purse.spent

    @invariant()
    def no_purse_outlives_its_period_unseen(self) -> None:
        assert all(purse.ends >= self.book.turns_at for _, purse in items(self.book.purses))

    @invariant()
    def what_is_reserved_is_what_is_under_way(self) -> None:
        assert dict(items(self.book.held)) == self.held
        for key, purse in items(self.book.purses):
            lines = [line for each in self.held.values() for line in each if line.key == key and line.number == purse.number]
            assert purse.reserved == sum(line.amount for line in lines)

    @invariant()
    def everybody_who_waits_stands_in_one_queue_by_age(self) -> None:
        queued = [number for _, purse in items(self.book.purses) for number in purse.queue]
        assert sorted(queued) == sorted(self.waiting)
        assert dict(items(self.book.waiting)).keys() == self.waiting
        for _, purse in items(self.book.purses):
            assert list(purse.queue) == sorted(purse.queue)

    @invariant()
    def the_first_of_a_queue_has_a_reason_to_wait(self) -> None:
        for key, purse in items(self.book.purses):
            if purse.queue:
                waiting = kept(self.book.waiting, purse.queue[0])
                assert waiting is not None
                assert waiting.at == key
                amount = dict(waiting.needs)[key]
                assert purse.spent + purse.reserved + amount > RULES[key[0]].limit
                assert purse.reserved > 0

    @invariant()
    def names_are_bounded(self) -> None:
        named = [key for key, _ in items(self.book.purses) if key[0] == 2]
        assert len([key for key in named if key[1] != OTHERS]) <= 3
        assert self.book.named == (0, 0, len(named), 0)

    def teardown(self) -> None:
        for number in sorted(self.held):
            if number in self.held:
                self.held.pop(number)
                self.book, (decided, _) = settle(self.book, number, NOTHING, self.wall)
                self.decide(decided)
        while self.held:
            number = min(self.held)
            self.held.pop(number)
            self.book, (decided, _) = settle(self.book, number, NOTHING, self.wall)
            self.decide(decided)
        assert not self.waiting


TestPurses = Purses.TestCase
TestPurses.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def purse_of(book: Book, key: Key = (0, "")) -> Purse:
    """A purse that is there."""
    found = kept(book.purses, key)
    assert found is not None
    return found


def booked(*amounts: int, limit: int = 10) -> tuple[Book, list[Reserved | Wait | Exceeded]]:
    """A book of one budget of tokens, and what became of calls that want so much of it, in turn."""
    book, answers = opened(rules_of((Budget(name="b", limit=Decimal(limit), unit="tokens"),))), []
    for amount in amounts:
        book, (answer, _) = reserve(book, [((0, ""), amount)], NOON)
        answers.append(answer)
    return book, answers


def test_what_is_spent_refuses_and_what_is_reserved_makes_wait() -> None:
    """The one is for good, the other is not."""
    book, answers = booked(6, 5, 11)
    assert answers == [Reserved(1), Wait(2), Exceeded((0, ""), 11, 0, 6, float("inf"))]
    after, (decided, _) = settle(book, 1, Real(0, 4, 1), NOON)
    assert [each.outcome for each in decided] == [Reserved(2)]
    after, (decided, _) = settle(book, 1, UNKNOWN, NOON)
    assert [type(each.outcome) for each in decided] == [Exceeded]
    assert purse_of(after).unknown == 6


def test_the_young_do_not_overtake_and_the_free_never_wait() -> None:
    """A small request behind a large one waits its turn; one that takes nothing passes."""
    book, answers = booked(6, 8, 1, 0)
    assert answers == [Reserved(1), Wait(2), Wait(3), Reserved(4)]
    _, (decided, _) = settle(book, 1, NOTHING, NOON)
    assert [each.id for each in decided] == [2, 3]


def test_who_can_never_be_served_is_told_at_once_though_others_wait_before_it() -> None:
    """When the spending of others has made it hopeless."""
    book, answers = booked(3, 3, 3, 5, 9)
    assert answers[3:] == [Wait(4), Wait(5)]
    book, (decided, _) = settle(book, 1, Real(0, 2, 1), NOON)
    assert [(each.id, type(each.outcome)) for each in decided] == [(5, Exceeded)]
    _, (decided, _) = settle(book, 2, NOTHING, NOON)
    assert [each.outcome for each in decided] == [Reserved(4)]


def test_the_first_that_leaves_lets_the_next_one_come_up() -> None:
    """A queue never stands still for somebody who is gone."""
    book, _ = booked(6, 8, 2)
    _, decided = withdraw(book, 2, NOON)
    assert [each.id for each in decided] == [3]
    _, (outcome, decided) = give_up(book, 2, NOON)
    assert isinstance(outcome, Exceeded)
    assert outcome.waited
    assert [each.id for each in decided] == [3]


def test_one_who_waits_for_two_purses_moves_from_queue_to_queue_and_keeps_its_place() -> None:
    """By age, not by arrival at the second queue."""
    rules = rules_of((Budget(name="a", limit=Decimal(10), unit="tokens"), Budget(name="b", limit=Decimal(10), unit="tokens")))
    book = opened(rules)
    a, b = (0, ""), (1, "")
    for needs in ([(a, 8)], [(b, 8)], [(a, 5), (b, 5)], [(b, 4)]):
        book, _ = reserve(book, needs, NOON)
    assert (purse_of(book, a).queue, purse_of(book, b).queue) == ((3,), (4,))
    book, (decided, _) = settle(book, 1, NOTHING, NOON)
    assert decided == ()
    assert (purse_of(book, a).queue, purse_of(book, b).queue) == ((), (3, 4))
    _, (decided, _) = settle(book, 2, NOTHING, NOON)
    assert [each.id for each in decided] == [3, 4]


def test_a_new_period_lets_those_through_who_waited_for_the_old_one() -> None:
    """Oldest first, and what was reserved before stays in its own period."""
    rules = rules_of((Budget(name="d", limit=Decimal(10), unit="tokens", period="day"),))
    book = opened(rules)
    for amount in (9, 8, 7):
        book, _ = reserve(book, [((0, ""), amount)], NOON)
    book, decided = turned(book, NOON + DAY)
    assert [each.id for each in decided] == [2]
    book, (more, _) = settle(book, 1, Real(0, 9, 1), NOON + DAY)
    assert more == ()
    assert (purse_of(book).spent, purse_of(book).reserved) == (0, 8)


def test_a_clock_that_goes_back_gives_nothing_back() -> None:
    """The later period goes on until it is over."""
    rules = rules_of((Budget(name="d", limit=Decimal(10), unit="tokens", period="day"),))
    book, _ = reserve(opened(rules), [((0, ""), 9)], NOON)
    book, _ = settle(book, 1, Real(0, 9, 1), NOON)
    _, (answer, _) = reserve(book, [((0, ""), 9)], NOON - 3 * DAY)
    assert isinstance(answer, Exceeded)
    mended, _ = restarted(book, "day", NOON - 3 * DAY)
    assert isinstance(reserve(mended, [((0, ""), 9)], NOON - 3 * DAY)[1][0], Reserved)


def test_a_clock_that_was_far_ahead_does_not_refuse_until_then() -> None:
    """What was spent counts in the period of now, and the next one begins anew."""
    rules = rules_of((Budget(name="d", limit=Decimal(10), unit="tokens", period="day"),))
    book, (first, _) = reserve(opened(rules), [((0, ""), 9)], NOON + 3650 * DAY)
    assert isinstance(first, Reserved)
    book, _ = settle(book, first.id, Real(0, 9, 1), NOON)
    book, (answer, _) = reserve(book, [((0, ""), 9)], NOON)
    assert isinstance(answer, Exceeded)
    assert answer.ends - NOON <= DAY
    assert isinstance(reserve(book, [((0, ""), 9)], NOON + DAY)[1][0], Reserved)


def test_what_was_set_aside_in_a_purse_that_is_gone_takes_nothing_from_one_of_the_same_day() -> None:
    """The clock goes back, the budgets begin anew, and the clock comes to the same day again."""
    rules = rules_of((Budget(name="d", limit=Decimal(10), unit="tokens", period="day"),))
    book, (first, _) = reserve(opened(rules), [((0, ""), 9)], NOON)
    book, _ = restarted(book, "day", NOON - 3 * DAY)
    book, (second, _) = reserve(book, [((0, ""), 9)], NOON)
    assert isinstance(first, Reserved)
    assert isinstance(second, Reserved)
    book, _ = settle(book, first.id, NOTHING, NOON)
    assert purse_of(book).reserved == 9
    assert isinstance(reserve(book, [((0, ""), 9)], NOON)[1][0], Wait)


def test_who_waits_while_its_purse_is_given_to_others_shares_one_when_it_comes_up() -> None:
    """However many names wait when a period ends, no more purses are kept than there may be."""
    book = opened(RULES, most_purses=3)
    book, _ = reserve(book, [((0, ""), 20)], NOON)
    for user in ("ann", "ben", "cid", "dot"):
        book, (answer, _) = reserve(book, [((0, ""), 1), ((2, user), 1)], NOON)
        assert isinstance(answer, Wait)
    for user in ("eve", "fay", "gus"):
        book, _ = reserve(book, [((2, user), 1)], NOON + 2 * DAY)
    held = min(number for number, _ in items(book.held))
    book, _ = settle(book, held, NOTHING, NOON + 2 * DAY)
    named = [key[1] for key, _ in items(book.purses) if key[0] == 2]
    assert len([name for name in named if name != OTHERS]) == 3


def test_alerts_are_told_once_each_and_once_more_above_the_limit() -> None:
    """And again in a period that begins anew."""
    rules = rules_of((Budget(name="b", limit=Decimal(10), unit="tokens", alerts=(Decimal("0.5"), Decimal(1))),))
    book = opened(rules)
    told = []
    for took in (4, 1, 0, 4, 3, 0):
        book, (answer, _) = reserve(book, [((0, ""), 0)], NOON)
        assert isinstance(answer, Reserved)
        book, (_, alerts) = settle(book, answer.id, Real(0, took, 1), NOON)
        told.append([alert.place for alert in alerts])
    assert told == [[], [0], [], [], [1, 2], []]
    book, _ = restarted(book, "run", NOON)
    book, (answer, _) = reserve(book, [((0, ""), 9)], NOON)
    assert isinstance(answer, Reserved)
    _, (_, alerts) = settle(book, answer.id, UNKNOWN, NOON)
    assert [alert.place for alert in alerts] == [0]


def test_what_took_more_than_was_reserved_is_counted_as_it_is() -> None:
    """Not cut, not hidden."""
    book, _ = booked(6)
    book, (_, alerts) = settle(book, 1, Real(0, 15, 1), NOON)
    assert (purse_of(book).spent, purse_of(book).above) == (15, 1)
    assert [alert.place for alert in alerts] == [0, 1, 2]


def test_names_that_come_too_late_share_a_purse() -> None:
    """And the limit holds for them together."""
    rules = rules_of((Budget(name="u", limit=Decimal(10), unit="tokens", each="user"),))
    book = opened(rules, most_purses=2)
    answers = []
    for user in ("ann", "ben", "cid", "dot", "ann"):
        book, (answer, _) = reserve(book, [((0, user), 6)], NOON)
        answers.append(type(answer))
    assert answers == [Reserved, Reserved, Reserved, Wait, Wait]
    assert {key[1] for key, _ in items(book.purses)} == {"ann", "ben", OTHERS}


def test_what_late_names_may_have_taken_is_spent_until_the_period_ends() -> None:
    """Calls that nobody told the tokens of fill the purse they share; a new period owes nothing of it."""
    book = opened(rules_of((Budget(name="u", limit=Decimal(10), unit="tokens", period="day", each="user"),)), most_purses=1)
    for user in ("ann", "ben"):
        book, (answer, _) = reserve(book, [((0, user), 6)], NOON)
        assert isinstance(answer, Reserved)
        book, _ = settle(book, answer.id, UNKNOWN, NOON)
    assert isinstance(reserve(book, [((0, "cid"), 6)], NOON)[1][0], Exceeded)
    book, (answer, _) = reserve(book, [((0, "cid"), 6)], NOON + DAY)
    assert isinstance(answer, Reserved)
    assert {(key[1], purse.spent, purse.unknown) for key, purse in items(book.purses)} == {("cid", 0, 0)}


def test_neither_waiting_nor_holding_is_nothing_to_give_up() -> None:
    """Whatever number is named."""
    book, _ = booked(6)
    assert give_up(book, 1, NOON) == (book, (Reserved(1), ()))
    assert give_up(book, 77, NOON)[1] == (None, ())
    assert withdraw(book, 77, NOON)[1] == ()


def test_what_others_spent_is_counted_once_however_often_it_is_told() -> None:
    """Beside what is spent here; the last word on them is the one that holds, and alerts that they had are not given again."""
    rules = rules_of((Budget(name="b", limit=Decimal(10), unit="tokens", period="day", alerts=(Decimal("0.5"),)),))
    book, _ = reserve(opened(rules), [((0, ""), 2)], NOON)
    book, (_, alerts) = settle(book, 1, Real(0, 2, 1), NOON)
    assert not alerts
    for told, spent in ((4, 6), (4, 6), (7, 9), (1, 3), (0, 2)):
        book, _ = recalled(book, {(0, ""): (told, min(told, 1))}, NOON)
        assert purse_of(book).spent == spent
    book, _ = recalled(book, {(0, ""): (6, 0)}, NOON)
    book, (answer, _) = reserve(book, [((0, ""), 2)], NOON)
    assert isinstance(answer, Reserved)
    book, (_, alerts) = settle(book, answer.id, Real(0, 2, 1), NOON)
    assert not alerts, "half was passed by others"
    assert isinstance(reserve(book, [((0, ""), 1)], NOON)[1][0], Exceeded)
    book, _ = restarted(book, "day", NOON)
    assert purse_of(book).spent == 0
    book, _ = recalled(book, {(0, ""): (3, 0)}, NOON)
    assert purse_of(book).spent == 3, "all that they have spent since"
    tomorrow, _ = turned(book, NOON + DAY)
    assert not tomorrow.purses
    tomorrow, _ = recalled(tomorrow, {(0, ""): (5, 5)}, NOON + DAY)
    assert (purse_of(tomorrow).spent, purse_of(tomorrow).unknown) == (5, 5)


def test_who_waits_is_told_when_others_have_spent_what_it_waits_for() -> None:
    """And let through when they have not."""
    book, answers = booked(6, 6)
    assert isinstance(answers[1], Wait)
    _, decided = recalled(book, {(0, ""): (5, 0)}, NOON)
    assert [(each.id, type(each.outcome)) for each in decided] == [(2, Exceeded)]
    _, decided = recalled(book, {(0, ""): (4, 0)}, NOON)
    assert not decided
