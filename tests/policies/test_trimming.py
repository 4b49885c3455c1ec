"""Trimming: whole turns, always a history that providers accept, and an end whatever comes in."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.conversations import Turn
from llm_manager.domain.messages import Message, ToolCall
from llm_manager.policies.tokens import estimate_message_tokens
from llm_manager.policies.trimming import trim, turns_of

SYSTEM = Message(role="system", content="Answer briefly.")
PLENTY = 1_000_000


def trim_messages(messages: Iterable[Message], *, max_tokens: int, keep_messages: int) -> tuple[Message, ...]:
    kept = trim(turns_of(messages), max_tokens=max_tokens, keep_messages=keep_messages)
    return tuple(message for turn in kept for message in turn.messages)


def user(text: str = "hello") -> Message:
    return Message(role="user", content=text)


def said(text: str = "hi") -> Message:
    return Message(role="assistant", content=text)


def call(*ids: str, text: str = "") -> Message:
    calls = tuple(ToolCall(id=each, name="f") for each in ids)
    return Message(role="assistant", content=text or (), tool_calls=calls)


def result(id_: str | None) -> Message:
    return Message(role="tool", content="42", tool_call_id=id_)


def is_accepted(messages: tuple[Message, ...], coming: tuple[Message, ...] = ()) -> bool:
    """Say whether every call is answered right after it and every result was asked for."""
    waiting: set[str | None] = set()
    for message in (*messages, *coming):
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                return False
            waiting.discard(message.tool_call_id)
        elif waiting:
            return False
        waiting |= {each.id for each in message.tool_calls}
    return not waiting


IDS = st.sampled_from(["1", "2", "3"])
ANY_MESSAGE = st.one_of(
    st.builds(user, st.text(max_size=40)),
    st.builds(said, st.text(max_size=40)),
    st.builds(lambda text: Message(role="system", content=text), st.text(max_size=40)),
    st.lists(IDS, min_size=1, max_size=2, unique=True).map(lambda ids: call(*ids)),
    st.lists(IDS, min_size=1, max_size=2, unique=True).map(lambda ids: call(*ids, text="wait")),
    st.builds(result, st.none() | IDS),
)
ANY_HISTORY = st.lists(ANY_MESSAGE, max_size=12).map(tuple)
LIMITS = st.integers(-10, 120)


@given(ANY_HISTORY)
def test_turns_are_a_partition(messages: tuple[Message, ...]) -> None:
    turns = turns_of(messages)
    assert tuple(message for turn in turns for message in turn.messages) == messages
    assert all(turn.messages for turn in turns)
    assert all(turn.messages[0].role == "user" for turn in turns[1:])


@given(ANY_HISTORY, LIMITS, LIMITS)
def test_any_history_becomes_one_that_is_accepted(messages: tuple[Message, ...], tokens: int, room: int) -> None:
    kept = trim_messages(messages, max_tokens=tokens, keep_messages=room)
    assert is_accepted(kept)
    assert [each for each in kept if each.role == "system"] == [each for each in messages if each.role == "system"]


@given(ANY_HISTORY, LIMITS, LIMITS)
def test_what_is_kept_fits_or_is_the_last_turn(messages: tuple[Message, ...], tokens: int, room: int) -> None:
    kept = trim_messages(messages, max_tokens=tokens, keep_messages=room)
    spoken = [each for each in kept if each.role != "system"]
    fits = sum(map(estimate_message_tokens, kept)) <= tokens and len(spoken) <= room
    assert fits or sum(any(each.role != "system" for each in turn.messages) for turn in turns_of(spoken)) <= 1


@given(ANY_HISTORY, LIMITS, LIMITS)
def test_trimming_again_changes_nothing(messages: tuple[Message, ...], tokens: int, room: int) -> None:
    once = trim_messages(messages, max_tokens=tokens, keep_messages=room)
    assert trim_messages(once, max_tokens=tokens, keep_messages=room) == once


@given(st.lists(ANY_HISTORY.map(lambda messages: Turn(messages=messages)), max_size=6), ANY_HISTORY, LIMITS, LIMITS)
def test_what_is_coming_is_reckoned_with(turns: list[Turn], coming: tuple[Message, ...], tokens: int, room: int) -> None:
    kept = trim(turns, max_tokens=tokens, keep_messages=room, coming=coming)
    messages = tuple(message for turn in kept for message in turn.messages)
    if is_accepted(coming) and coming:
        assert is_accepted(messages, coming)
    assert [each for each in messages if each.role == "system"] == [
        each for turn in turns for each in turn.messages if each.role == "system"
    ]


def test_the_latest_turns_stay() -> None:
    history = (SYSTEM, user("a"), said("b"), user("c"), said("d"), user("e"))
    assert trim_messages(history, max_tokens=PLENTY, keep_messages=4) == (SYSTEM, user("c"), said("d"), user("e"))
    assert trim_messages(history, max_tokens=PLENTY, keep_messages=2) == (SYSTEM, user("e"))
    assert trim_messages(history, max_tokens=PLENTY, keep_messages=50) == history


def test_a_call_and_its_results_leave_together() -> None:
    history = (user(), call("1", "2"), result("1"), result("2"), said("both are 42"), user("thanks"))
    for room in range(6):
        kept = trim_messages(history, max_tokens=PLENTY, keep_messages=room)
        assert kept in {history, history[5:]}


def test_a_system_message_that_is_too_long_keeps_the_last_turn() -> None:
    system = Message(role="system", content="x" * 100_000)
    assert trim_messages((system, user("a"), said(), user("b")), max_tokens=10, keep_messages=50) == (system, user("b"))


def test_results_that_are_coming_keep_the_turn_that_asked() -> None:
    before = (Turn(messages=(user("old"), said())), Turn(messages=(user(), call("1"))))
    kept = trim(before, max_tokens=1, keep_messages=0, coming=(result("1"),))
    assert kept == before[1:]


def test_a_call_that_nobody_answered_is_left_out() -> None:
    before = (Turn(messages=(user(), call("1"))), Turn(messages=(user(), call("2", text="let me see"))))
    kept = trim(before, max_tokens=PLENTY, keep_messages=50, coming=(user("never mind"),))
    assert kept == (Turn(messages=(user(),)), Turn(messages=(user(), said("let me see"))))


def test_a_turn_that_begins_with_results_goes_with_the_one_before() -> None:
    before = (Turn(messages=(user(), call("1"))), Turn(messages=(result("1"), said())), Turn(messages=(user(), said())))
    coming = (user("next"),)
    assert len(trim(before, max_tokens=PLENTY, keep_messages=3, coming=coming)) == 1
    assert trim(before, max_tokens=PLENTY, keep_messages=50, coming=coming) == (
        Turn(messages=(user(), call("1"), result("1"), said())),
        before[2],
    )


def test_nothing_of_the_past_need_stay_when_a_question_is_coming() -> None:
    assert trim([Turn(messages=(user(), said()))], max_tokens=1, keep_messages=50, coming=(user("x" * 400),)) == ()
