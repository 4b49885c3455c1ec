"""The pieces of what is learned: the curve, how many at once, how many a second."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.policies import paces, rooms
from llm_manager.policies.climbing import PLATEAU_SECONDS, Climb, height, held
from llm_manager.policies.rooms import FIRST, Room, crowded, is_steady, peaked, room_at

TIMES = st.floats(0.0, 1e5)


@settings(max_examples=100)
@given(st.floats(0.01, 100.0), st.floats(1.0, 5.0), TIMES, TIMES, st.sampled_from((0.0, 0.3, 5.0)))
def test_it_only_rises(start: float, times: float, earlier: float, later: float, doubling: float) -> None:
    climb = Climb(start, start * times, 10.0, PLATEAU_SECONDS, doubling)
    first, second = sorted((earlier, later))
    assert start * 0.999 <= height(climb, first) <= height(climb, second) * 1.000001
    assert height(held(climb, 5.0), second + 5.0) == pytest.approx(height(climb, second))


def test_it_is_quick_below_its_target_slow_around_it_and_twice_as_high_in_a_minute() -> None:
    climb = Climb(50.0, 100.0, 0.0)
    assert height(climb, PLATEAU_SECONDS / 2) > 90.0
    assert height(climb, PLATEAU_SECONDS) == 100.0
    assert height(climb, PLATEAU_SECONDS + 8.0) < 101.0
    assert height(climb, 60.0) > 200.0
    assert height(Climb(1.0, 1.0, 0.0, 0.0, 0.5), 2.0) == 16.0


def test_of_a_crowd_one_refusal_counts_in_a_round_trip() -> None:
    room = crowded(Room(size=100.0), number=40, latest=100, under_way=100, now=5.0, ramp=False)
    assert room_at(room, 5.0) == pytest.approx(70.0)
    assert crowded(room, number=100, latest=120, under_way=90, now=5.1, ramp=False) is room
    assert room_at(crowded(room, number=101, latest=120, under_way=60, now=5.1, ramp=False), 5.1) < 70.0


def test_an_outage_says_nothing_of_how_much_is_taken_afterwards() -> None:
    room = crowded(Room(size=100.0), number=1, latest=1, under_way=100, now=0.0, ramp=False)
    for number in range(2, 30):
        room = crowded(room, number=number, latest=number, under_way=1, now=number * 0.05, ramp=False)
    assert room_at(room, 1.5) < 5.0
    assert room.climb is not None
    assert room.climb.target == 100.0
    assert room_at(rooms.accepted(peaked(room, 60), more=0.0, now=2.0), 12.0) > 90.0


def test_what_was_never_tried_is_not_believed() -> None:
    room = crowded(Room(size=40.0), number=1, latest=1, under_way=10, now=0.0, ramp=False)
    assert room_at(room, 500.0) <= 20.0
    assert room_at(peaked(room, 15), 500.0) <= 30.0
    assert peaked(room, 5) is room


def test_a_slow_climb_is_half_as_many_again_in_a_quarter_of_an_hour() -> None:
    room = crowded(Room(size=400.0), number=1, latest=1, under_way=400, now=0.0, ramp=True)
    room = peaked(room, 400)
    assert room_at(room, 0.0) == 200.0
    assert room_at(room, 900.0) == pytest.approx(300.0)
    assert not is_steady(room)
    later = rooms.accepted(rooms.accepted(room, more=0.0, now=1800.0), more=0.0, now=1801.0)
    assert is_steady(later)
    assert room_at(later, 1801.0) >= FIRST


def test_a_crowd_of_long_ago_is_forgotten() -> None:
    room = crowded(Room(size=8.0), number=1, latest=1, under_way=8, now=0.0, ramp=False)
    assert room_at(rooms.accepted(room, more=1.0, now=601.0), 601.0) == FIRST


def test_a_pace_of_long_ago_is_forgotten_and_idle_time_proves_nothing() -> None:
    pace = paces.first_refused(taken=10, seconds=0.1, latest=12, lasted=0.05, now=0.0)
    assert paces.accepted(pace, 601.0) is None
    answered = paces.accepted(pace, 1.0)
    assert answered is not None
    assert answered.fruitless == 0
    assert paces.accepted(answered, 1.0) is answered
    before = paces.rate_at(paces.granted(pace, 0.0), 0.0)
    assert paces.rate_at(paces.granted(pace, 30.0), 30.0) == pytest.approx(before, rel=0.2)


def test_refusals_without_an_answer_in_between_wait_longer_each_time() -> None:
    pace = paces.first_refused(taken=0, seconds=0.1, latest=5, lasted=0.05, now=0.0)
    pauses = []
    for number in range(6, 20):
        pauses.append(paces.blind_pause(pace))
        pace = paces.refused(pace, number=number, at=float(number), rate=1.0, latest=number, now=float(number))
        assert paces.rate_at(pace, float(number)) > 0.0
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.1
    assert pauses[-1] == pytest.approx(6.4)
    assert paces.refused(pace, number=3, at=50.0, rate=1.0, latest=30, now=50.0) is pace
