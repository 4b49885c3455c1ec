"""A book in the making, while periods turn and queues move: it lives inside one step and is never shared."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from llm_manager.policies.budget_book import Book, Decided, Decisions, Exceeded, Line, Purse, Recalled, Reserved, Waiting
from llm_manager.policies.budget_periods import end_of
from llm_manager.policies.budget_rules import OTHERS, Key, Need, told_at
from llm_manager.policies.shelves import items, kept, put, without


class Draft:
    """Changes to one book, at one moment of the wall clock; what they decide of others gathers in ``decided``."""

    __slots__ = ("_book", "_held", "_named", "_next_purse", "_purses", "_recalled", "_turns_at", "_waiting", "_wall", "decided")

    def __init__(self, book: Book, wall: float) -> None:
        self._book, self._wall = book, wall
        self._purses, self._held, self._waiting = book.purses, book.held, book.waiting
        self._named = list(book.named) if book.named else [0] * len(book.rules)
        self._turns_at, self._next_purse = book.turns_at, book.next_purse
        self._recalled = book.recalled
        self.decided: list[Decided] = []
        if wall >= book.turns_at:
            self._turn()

    def closed(self, next_id: int | None = None) -> tuple[Book, Decisions]:
        """The book as it is now, and what was decided on the way."""
        book = replace(
            self._book,
            purses=self._purses,
            named=tuple(self._named),
            held=self._held,
            waiting=self._waiting,
            next_id=self._book.next_id if next_id is None else next_id,
            turns_at=self._turns_at,
            next_purse=self._next_purse,
            recalled=self._recalled,
        )
        return book, tuple(self.decided)

    def named(self, needs: Sequence[Need]) -> tuple[Need, ...]:
        """The needs with the purses they fall to: names that come too late share one."""
        most = self._book.most_names
        return tuple(
            ((key[0], OTHERS), amount) if key[1] and self._named[key[0]] >= most and kept(self._purses, key) is None else (key, amount)
            for key, amount in needs
        )

    def place(self, id_: int, needs: tuple[Need, ...]) -> Reserved | Exceeded | None:
        """Let one through, refuse it, or have it wait in its place by age."""
        verdict = self._judge(id_, needs)
        if isinstance(verdict, Exceeded):
            return verdict
        if verdict is None:
            self._hold(id_, needs)
            return Reserved(id_)
        purse = self.purse(verdict)
        queue = list(purse.queue)
        insort(queue, id_)
        largest = max(purse.largest, _amount(needs, verdict))
        self._purses = put(self._purses, verdict, replace(purse, queue=tuple(queue), largest=largest))
        self._waiting = put(self._waiting, id_, Waiting(needs, verdict))
        return None

    def examine(self, key: Key) -> None:
        """Let those through who wait for a purse, the oldest first, as far as it goes; refuse those for whom it never will be enough."""
        self._refuse_hopeless(key)
        while True:
            purse = kept(self._purses, key)
            if purse is None or not purse.queue:
                return
            first = purse.queue[0]
            waiting = kept(self._waiting, first)
            if waiting is None:
                return
            needs = self.named(waiting.needs)
            if self._judge(first, needs) == key:
                return
            self._unqueue(key, first)
            self._settle_place(first, needs)

    def leave(self, id_: int) -> Waiting | None:
        """Take one out of its queue, and let those behind it come up."""
        waiting = kept(self._waiting, id_)
        if waiting is not None:
            self._unqueue(waiting.at, id_)
            self.examine(waiting.at)
        return waiting

    def purse(self, key: Key) -> Purse:
        """A purse as it is, made new at the first need of it."""
        purse = kept(self._purses, key)
        if purse is None:
            purse = Purse(self._next_purse, end_of(self._book.rules[key[0]].period, self._wall))
            self._next_purse += 1
            self._turns_at = min(self._turns_at, purse.ends)
            self._purses = put(self._purses, key, purse)
            if key[1]:
                self._named[key[0]] += 1
        return purse

    def restart(self, key: Key) -> None:
        """Begin a purse anew. What is held for requests under way stays held, unless the clock says that its period is another."""
        purse = self.purse(key)
        if purse.ends != end_of(self._book.rules[key[0]].period, self._wall):
            self._drop((key,))
            return
        self._recalled = {each: known for each, known in self._recalled.items() if each != key}
        fresh = Purse(purse.number, purse.ends, reserved=purse.reserved, queue=purse.queue, largest=purse.largest)
        self._purses = put(self._purses, key, fresh)
        self.examine(key)

    def recall(self, others: Mapping[Key, tuple[int, int]]) -> None:
        """Take into account what others have spent, in the place of what they had when they were last told of. No alert is due for that:
        who spent it was alerted."""
        known: dict[Key, Recalled] = {}
        for key, last in self._recalled.items():
            purse = kept(self._purses, key)
            if purse is not None and purse.number == last.number:
                known[key] = last
        summed = dict.fromkeys(known, (0, 0))
        for key, (spent, unknown) in others.items():
            if spent:
                ((named, _),) = self.named(((key, 0),))
                number = self.purse(named).number
                known.setdefault(named, Recalled(number, 0, 0))
                before = summed.get(named, (0, 0))
                summed[named] = before[0] + spent, before[1] + unknown
        for key, (spent, unknown) in summed.items():
            purse, last = self.purse(key), known[key]
            now = max(0, purse.spent + spent - last.spent)
            of_it = min(now, max(0, purse.unknown + unknown - last.unknown))
            told = told_at(self._book.rules[key[0]], now, purse.told)
            self._purses = put(self._purses, key, replace(purse, spent=now, unknown=of_it, told=told))
            known[key] = Recalled(last.number, spent, unknown)
        self._recalled = known
        for key in summed:
            self.examine(key)

    def _judge(self, id_: int, needs: tuple[Need, ...]) -> Exceeded | Key | None:
        """The purse that one must wait for, or why it need not wait at all; a younger one never overtakes at a purse."""
        short: Key | None = None
        for key, amount in needs:
            if not amount:
                continue
            purse, limit = self.purse(key), self._book.rules[key[0]].limit
            if purse.spent + amount > limit:
                return Exceeded(key, amount, purse.spent, purse.reserved, self._ends(key, purse))
            if short is None and (purse.spent + purse.reserved + amount > limit or (purse.queue and purse.queue[0] < id_)):
                short = key
        return short

    def _ends(self, key: Key, purse: Purse) -> float:
        """When a purse ends. One that was opened by a clock far ahead of now must not refuse until then: it ends with the period of now."""
        period = self._book.rules[key[0]].period
        ends = end_of(period, self._wall)
        if purse.ends <= end_of(period, ends):
            return purse.ends
        self._purses = put(self._purses, key, replace(purse, ends=ends))
        self._turns_at = min(self._turns_at, ends)
        return ends

    def _hold(self, id_: int, needs: tuple[Need, ...]) -> None:
        lines = []
        for key, amount in needs:
            purse = self.purse(key)
            self._purses = put(self._purses, key, replace(purse, reserved=purse.reserved + amount))
            lines.append(Line(key, purse.number, amount))
        self._held = put(self._held, id_, tuple(lines))

    def _settle_place(self, id_: int, needs: tuple[Need, ...]) -> None:
        placed = self.place(id_, needs)
        if placed is not None:
            self.decided.append(Decided(id_, placed))

    def _unqueue(self, key: Key, id_: int) -> None:
        self._waiting = without(self._waiting, id_)
        purse = kept(self._purses, key)
        if purse is not None:
            place = bisect_left(purse.queue, id_)
            queue = purse.queue[:place] + purse.queue[place + 1 :]
            self._purses = put(self._purses, key, replace(purse, queue=queue, largest=purse.largest if queue else 0))

    def _refuse_hopeless(self, key: Key) -> None:
        purse = kept(self._purses, key)
        if purse is None or not purse.queue or purse.spent + purse.largest <= self._book.rules[key[0]].limit:
            return
        largest = 0
        for id_ in purse.queue:
            waiting = kept(self._waiting, id_)
            if waiting is None:
                continue
            verdict = self._judge(id_, self.named(waiting.needs))
            if isinstance(verdict, Exceeded):
                self._unqueue(key, id_)
                self.decided.append(Decided(id_, verdict))
            else:
                largest = max(largest, _amount(waiting.needs, key))
        self._purses = put(self._purses, key, replace(self.purse(key), largest=largest))

    def _turn(self) -> None:
        """Drop the purses whose period is over; who waited for them is placed anew, the oldest first."""
        self._turns_at = min((purse.ends for _, purse in items(self._purses) if purse.ends > self._wall), default=float("inf"))
        self._drop(tuple(key for key, purse in items(self._purses) if purse.ends <= self._wall))

    def _drop(self, keys: tuple[Key, ...]) -> None:
        waited: list[int] = []
        for key in keys:
            purse = self.purse(key)
            waited += purse.queue
            self._purses = without(self._purses, key)
            if key[1]:
                self._named[key[0]] -= 1
        for id_ in sorted(waited):
            waiting = kept(self._waiting, id_)
            if waiting is not None:
                self._waiting = without(self._waiting, id_)
                self._settle_place(id_, self.named(waiting.needs))


def _amount(needs: tuple[Need, ...], key: Key) -> int:
    return next(amount for each, amount in needs if each == key)
