"""What is sent follows from what is asked."""

from hypothesis import given, settings

from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.messages import ImageData, ImageUrl, Message, TextPart
from llm_manager.domain.requests import LLMRequest
from llm_manager.testing import strategies as some


def test_a_prompt_is_a_user_message() -> None:
    """The prompt may be given by position."""
    request = LLMRequest("hello", system="be brief")
    assert request.conversation() == (
        Message(role="system", content="be brief"),
        Message(role="user", content="hello"),
    )
    assert request.texts() == ("be brief", "hello")


@settings(max_examples=50, deadline=None)
@given(some.requests())
def test_system_first_prompt_last(request: LLMRequest) -> None:
    """Messages keep their order between the two, and no text that is sent is missed."""
    told = request.conversation()
    assert told[1 if request.system is not None else 0 :][: len(request.messages)] == request.messages
    if request.prompt is not None:
        assert told[-1] == Message(role="user", content=request.prompt)
    sent = [part.text for message in told for part in message.content if isinstance(part, TextPart)]
    assert [text for text in sent if text] == [text for text in request.texts() if text]


def test_images_are_noticed() -> None:
    """By address or by bytes."""
    for part in (ImageUrl(url="https://example.com/a.png"), ImageData(data=b"x")):
        assert LLMRequest(messages=(Message(role="user", content=(TextPart(text="see"), part)),)).has_images
    assert not LLMRequest("text").has_images


def test_content_may_be_text() -> None:
    """A string is one part; text is that of all parts."""
    assert Message(role="user", content="a").content == (TextPart(text="a"),)
    assert Message(role="user", content="a").text == "a"
    assert Message(role="user", content=[TextPart(text="a"), ImageData(data=b""), TextPart(text="b")]).text == "ab"
    assert Message(role="assistant").text == ""


def test_image_bytes_are_not_printed() -> None:
    """A repr stays readable."""
    assert "xxxx" not in repr(ImageData(data=b"xxxx"))


@settings(max_examples=30, deadline=None)
@given(some.messages())
def test_generated_tool_calls_have_their_results(messages: tuple[Message, ...]) -> None:
    """The strategy gives what providers accept: each call is answered before anything else is said."""
    waiting: list[str] = []
    for message in messages:
        if message.role == "tool":
            assert message.tool_call_id == waiting.pop(0)
        else:
            assert not waiting
            waiting = [call.id for call in message.tool_calls]
    assert not waiting


@settings(max_examples=30, deadline=None)
@given(some.conversations())
def test_a_conversation_is_its_turns(conversation: Conversation) -> None:
    """Messages come oldest first, turn by turn."""
    assert conversation.messages() == tuple(message for turn in conversation.turns for message in turn.messages)
    assert isinstance(conversation.turns, tuple)
    assert all(isinstance(turn, Turn) for turn in conversation.turns)
