"""What is told in short, when, and that a history which providers accept is left whatever comes in."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.conversations import Conversation, ConversationSummary, Turn
from llm_manager.domain.messages import Message, ToolCall
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.policies.summarising import still_said, summary_request, to_summarise, with_summary
from llm_manager.policies.trimming import fits, trim
from tests.policies.test_trimming import ANY_HISTORY, LIMITS, is_accepted, said, user

_TURNS = st.lists(ANY_HISTORY.map(lambda messages: Turn(messages=messages)), max_size=6).map(tuple)
_SUMMARY = st.none() | st.builds(ConversationSummary, text=st.text(max_size=20), turns=st.integers(-2, 9))


def _of(turns: tuple[Turn, ...], summary: ConversationSummary | None = None) -> Conversation:
    return Conversation(id="c", turns=turns, version=len(turns), summary=summary)


@given(_TURNS, _SUMMARY, LIMITS, LIMITS)
def test_any_conversation_leaves_a_history_that_is_accepted(
    turns: tuple[Turn, ...], summary: ConversationSummary | None, tokens: int, room: int
) -> None:
    conversation, coming = _of(turns, summary), (user("now"),)
    wanted = to_summarise(conversation, max_tokens=tokens, keep_messages=room, coming=coming)
    if wanted is not None:
        done = 0 if summary is None else summary.turns
        assert max(0, done) < wanted.until <= len(turns)
        assert wanted.turns
        conversation = _of(turns, ConversationSummary(text="short", turns=wanted.until))
    kept = trim(still_said(conversation), max_tokens=tokens, keep_messages=room, coming=coming)
    assert is_accepted(tuple(message for turn in kept for message in turn.messages), coming)
    system = [message for message in _of(turns).messages() if message.role == "system"]
    assert [message for turn in kept for message in turn.messages if message.role == "system"] == system


def test_nothing_is_told_in_short_while_all_fits() -> None:
    turns = (Turn(messages=(user(), said())),) * 3
    assert to_summarise(_of(turns), max_tokens=1000, keep_messages=6, coming=()) is None
    assert to_summarise(_of(turns), max_tokens=10_000, keep_messages=5, coming=(user(),)) is not None


def test_half_of_the_room_is_made_free() -> None:
    turns = tuple(Turn(messages=(user(f"{number}"), said())) for number in range(20))
    wanted = to_summarise(_of(turns), max_tokens=100_000, keep_messages=20, coming=(user(),))
    assert wanted is not None
    assert (wanted.until, wanted.turns) == (15, turns[:15])
    later = to_summarise(
        _of(turns * 2, ConversationSummary(text="so far", turns=15)), max_tokens=100_000, keep_messages=20, coming=(user(),)
    )
    assert later is not None
    assert (later.before, later.until) == ("so far", 35)


def test_results_that_are_coming_keep_the_turn_that_asked() -> None:
    call = Message(role="assistant", tool_calls=(ToolCall(id="1", name="look"),))
    turns = (Turn(messages=(user("x" * 400), said())), Turn(messages=(user("y" * 4000), call)))
    wanted = to_summarise(_of(turns), max_tokens=100, keep_messages=50, coming=(Message(role="tool", tool_call_id="1", content="a cat"),))
    assert wanted is not None
    assert wanted.until == 1
    assert to_summarise(_of(turns[1:]), max_tokens=100, keep_messages=50, coming=(Message(role="tool", tool_call_id="1"),)) is None


def test_a_summary_is_asked_for_on_behalf_of_who_asked_and_no_less_private() -> None:
    call = Message(role="assistant", content="wait", tool_calls=(ToolCall(id="1", name="look", arguments='{"at":"it"}'),))
    turns = (Turn(messages=(user("What is it?"), call, Message(role="tool", content="a cat", tool_call_id="1"), said("A cat."))),)
    wanted = to_summarise(_of(turns, ConversationSummary(text="They met.", turns=0)), max_tokens=1, keep_messages=1, coming=(user(),))
    assert wanted is not None
    metadata = RequestMetadata(tenant="t", user="u")
    asked = LLMRequest("now", sensitivity="private", metadata=metadata, preferences=Preferences(provider="ollama", model="m"))
    request = summary_request(asked, wanted, None)
    assert (request.sensitivity, request.metadata, request.preferences.provider) == ("private", metadata, "ollama")
    assert request.prompt is not None
    for words in ("They met.", "User: What is it?", 'wait calls look({"at":"it"})', "Result of a tool: a cat", "Assistant: A cat."):
        assert words in request.prompt
    named = summary_request(asked, wanted, "gpt-4o-mini").preferences
    assert (named.model, named.provider) == ("gpt-4o-mini", None)


def test_it_is_told_after_all_else() -> None:
    assert with_summary(LLMRequest("x", system="Rhyme."), ConversationSummary(text="short", turns=1)).system == (
        "Rhyme.\n\nWhat was said earlier in this conversation, in short:\nshort"
    )
    assert (
        with_summary(LLMRequest("x"), ConversationSummary(text="short", turns=1)).system
        == "What was said earlier in this conversation, in short:\nshort"
    )
    assert with_summary(LLMRequest("x"), None) == LLMRequest("x")


@given(ANY_HISTORY, LIMITS, LIMITS)
def test_with_the_first_turn_kept_it_is_accepted_too(messages: tuple[Message, ...], tokens: int, room: int) -> None:
    from llm_manager.policies.trimming import turns_of

    turns = turns_of(messages)
    kept = trim(turns, max_tokens=tokens, keep_messages=room, keep_first=True)
    said_again = tuple(message for turn in kept for message in turn.messages)
    assert is_accepted(said_again)
    assert [each for each in said_again if each.role == "system"] == [each for each in messages if each.role == "system"]
    assert fits(kept, tokens, room) or kept == trim(turns, max_tokens=tokens, keep_messages=room)
