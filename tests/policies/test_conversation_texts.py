"""Conversations go out as JSON and Markdown and come back the same; any text gets a result."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Result

from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.messages import Message
from llm_manager.policies.conversation_json import conversations_from_json, conversations_to_json
from llm_manager.policies.conversation_markdown import conversation_from_markdown, conversation_to_markdown
from llm_manager.policies.trimming import turns_of
from llm_manager.testing.strategies import conversations

_LINES = st.lists(
    st.sampled_from(["# a", "## Turn 1", "### User", "\\### User", "<!-- {} -->", "\\\\<!--", "", "text", "> quoted", "--> --", "```"]),
    max_size=6,
).map("\n".join)


def _said(*texts: str) -> Conversation:
    messages = tuple(Message(role="assistant" if place % 2 else "user", content=text) for place, text in enumerate(texts))
    turns = turns_of(messages)
    return Conversation(id="c", turns=turns, version=len(turns))


@given(st.lists(conversations(), max_size=3).map(tuple))
def test_json_comes_back(said: tuple[Conversation, ...]) -> None:
    written = conversations_to_json(said)
    assert written.isascii()
    assert conversations_from_json(written).unwrap() == said


@given(conversations())
def test_markdown_comes_back(said: Conversation) -> None:
    assert conversation_from_markdown(conversation_to_markdown(said), "new").unwrap() == said


@given(st.lists(_LINES, min_size=1, max_size=4))
def test_what_looks_like_our_own_marks_is_text(texts: list[str]) -> None:
    said = _said(*texts)
    assert conversation_from_markdown(conversation_to_markdown(said), "new").unwrap() == said


@given(st.text(max_size=60) | _LINES)
def test_any_text_gets_a_result(text: str) -> None:
    assert isinstance(conversation_from_markdown(text, "new"), Result)
    assert isinstance(conversations_from_json(text), Result)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        '# A\n\n<!-- {"id": 5} -->\n',
        '## Turn 1\n\n<!-- {"at": "x"} -->',
        '### User\n\n<!-- {"role": 1} -->',
        "### User\n\n<!-- {nonsense} -->",
    ],
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    assert isinstance(conversation_from_markdown(text, "new"), Failure)


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"format":"llm-manager conversations","version":2,"conversations":[]}', "[" * 100_000,
     '{"format":"llm-manager conversations","version":1,"conversations":[{"id":1}]}'],
)  # fmt: skip
def test_what_is_no_document_is_said(text: str) -> None:
    assert isinstance(conversations_from_json(text), Failure)


def test_a_page_written_by_hand_is_read() -> None:
    page = "# Rivers\n\n### User\n\nName one.\n\n### Assistant\n\nThe Loire.\n\n### User\nAnother?\n\n### Assistant\n\nThe Rhône.\n"
    read = conversation_from_markdown(page, "new").unwrap()
    assert (read.id, read.title, read.version) == ("new", "Rivers", 2)
    assert [message.text for message in read.messages()] == ["Name one.", "The Loire.", "Another?", "The Rhône."]


def test_a_comment_holds_no_end_of_itself() -> None:
    said = evolve(_said("-->"), title="--> <script>", metadata=(("--", "-->"),))
    page = conversation_to_markdown(said)
    assert all(line.count("-->") == 1 for line in page.split("\n") if line.startswith("<!--"))
    assert conversation_from_markdown(page, "new").unwrap() == said


def test_a_turn_says_what_it_is() -> None:
    turn = Turn(messages=(Message(role="user", content="hi"),), at=0.0, cut=True, private=True)
    assert "## Turn 1, 1970-01-01 00:00 UTC, cut short, private" in conversation_to_markdown(Conversation(id="c", turns=(turn,), version=1))
