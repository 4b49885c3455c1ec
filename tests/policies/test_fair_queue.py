"""Who is next."""

from collections import Counter
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.domain.requests import Priority
from llm_manager.policies.fair_queue import (
    EMPTY,
    Queue,
    Waiter,
    ahead_of,
    everybody,
    first,
    first_to_give_up,
    joined,
    without,
    without_first,
)


def waiter(number: int, priority: Priority = "normal", tenant: str = "", user: str = "", until: float = 100.0) -> Waiter:
    return Waiter(number, until, priority=priority, tenant=tenant, user=user)


def queue_of(*waiters: Waiter) -> Queue:
    queue = EMPTY
    for each in waiters:
        queue = joined(queue, each)
    return queue


def served(queue: Queue, count: int) -> list[Waiter]:
    order = []
    for _ in range(count):
        following = first(queue)
        assert following is not None
        order.append(following)
        queue = without_first(queue)
    return order


def test_alone_the_oldest_is_next() -> None:
    queue = queue_of(*(waiter(number) for number in range(5)))
    assert [each.number for each in served(queue, 5)] == [0, 1, 2, 3, 4]
    assert without_first(EMPTY) == EMPTY


def test_priorities_share_four_to_two_to_one() -> None:
    queue = queue_of(*(waiter(number, priority) for number in range(70) for priority in get_args(Priority)))
    assert Counter(each.priority for each in served(queue, 70)) == {"high": 40, "normal": 20, "low": 10}


def test_who_has_many_waiting_gets_no_more_than_who_has_few() -> None:
    greedy = [waiter(number, tenant="greedy", user="one") for number in range(100)]
    modest = [waiter(100 + number, tenant="modest") for number in range(3)]
    assert {each.tenant for each in served(queue_of(*greedy, *modest), 2)} == {"greedy", "modest"}
    assert [each.tenant for each in served(queue_of(*greedy, *modest), 7)].count("modest") == 3


def test_users_of_one_tenant_take_turns_too() -> None:
    queue = queue_of(*(waiter(number, tenant="t", user="a") for number in range(9)), waiter(9, tenant="t", user="b"))
    assert "b" in [each.user for each in served(queue, 2)]


def test_who_comes_back_again_and_again_starves_nobody() -> None:
    queue = queue_of(waiter(0, user="patient"), waiter(1, user="patient"))
    for number in range(2, 12):
        queue = joined(queue, waiter(number, user=f"newcomer {number}"))
        following = first(queue)
        queue = without_first(queue)
        if following is not None and following.number == 1:
            break
    else:
        raise AssertionError("the patient one was never served twice")


def test_a_priority_in_which_nobody_waited_saved_nothing_up() -> None:
    queue = queue_of(*(waiter(number, "high") for number in range(200)))
    for _ in range(100):
        queue = without_first(queue)
    for number in range(200, 250):
        queue = joined(queue, waiter(number, "low"))
    assert Counter(each.priority for each in served(queue, 10))["low"] <= 2


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("join", "join", "serve", "leave")), st.integers(0, 30), st.sampled_from(get_args(Priority)), st.integers(0, 2)
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(_STEPS)
def test_everybody_who_waits_is_in_it_and_nobody_else(steps: list[tuple[str, int, Priority, int]]) -> None:
    queue, inside = EMPTY, dict[int, Waiter]()
    for number, (what, pick, priority, who) in enumerate(steps):
        if what == "join":
            one = waiter(number, priority, tenant=f"t{who}", user=f"u{pick % 3}", until=float(pick))
            inside[number] = one
            queue = joined(queue, one)
            assert ahead_of(queue, one) == sum(
                (other.priority, other.tenant, other.user) == (one.priority, one.tenant, one.user) for other in inside.values()
            )
        elif what == "serve" and inside:
            following = first(queue)
            assert following is not None
            same = [
                other.number
                for other in inside.values()
                if (other.priority, other.tenant, other.user) == (following.priority, following.tenant, following.user)
            ]
            assert following.number == min(same)
            del inside[following.number]
            queue = without_first(queue)
        elif what == "leave" and inside:
            gone = inside.pop(sorted(inside)[pick % len(inside)])
            queue = without(queue, gone)
            assert without(queue, gone) is queue
        assert queue.size == len(inside)
        assert {each.number for each in everybody(queue)} == set(inside)
        impatient = first_to_give_up(queue)
        assert (None if impatient is None else impatient.until) == min((each.until for each in inside.values()), default=None)
    if not inside:
        assert (queue.rings, queue.expiring, first(queue)) == ((None, None, None), None, None)
