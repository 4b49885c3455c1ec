"""Searching: in one case, any text, in bounded time, and an excerpt that is one line."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.conversations import Turn
from llm_manager.domain.messages import Message, ToolCall
from llm_manager.policies.conversation_words import LONGEST_WORD, MOST_WORDS, excerpt, folded, holds, spoken_in, words_of


@given(st.text())
def test_any_text_is_found_by_its_own_words(text: str) -> None:
    words = words_of(text)
    assert len(words) <= MOST_WORDS
    assert all(0 < len(word) <= LONGEST_WORD for word in words)
    assert holds(folded(text), words)
    assert holds(folded(text.upper()), words_of(text.upper()))
    folded(text).encode()


@given(st.text(max_size=400), st.lists(st.text(min_size=1, max_size=5), max_size=3))
def test_an_excerpt_is_one_short_line(text: str, words: list[str]) -> None:
    shown = excerpt(text, words)
    assert len(shown) <= 122
    assert "\n" not in shown


def test_an_excerpt_is_where_the_word_is() -> None:
    text = "x " * 200 + "the Needle is here" + " y" * 200
    shown = excerpt(text, ("needle",))
    assert "Needle is here" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")


def test_what_the_system_was_told_is_not_searched_and_calls_are() -> None:
    call = ToolCall(id="1", name="look", arguments='{"at":"it"}')
    turn = Turn(messages=(Message(role="system", content="secret"), Message(role="assistant", content="wait", tool_calls=(call,))))
    assert spoken_in(turn) == 'wait\nlook {"at":"it"}'
