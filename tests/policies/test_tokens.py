"""Guessed tokens: total, additive enough, and never less than the old rule of four characters."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.messages import ImageData, Message, TextPart, ToolCall, ToolSpec
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.policies.tokens import PER_IMAGE, estimate_message_tokens, estimate_request_tokens, estimate_tokens

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.text())
def test_any_text_takes_at_least_a_quarter_of_its_letters(text: str) -> None:
    assert len(text) // 4 <= estimate_tokens(text) <= 2 * len(text)


@given(st.text(), st.text())
def test_more_text_takes_no_fewer_tokens(text: str, more: str) -> None:
    assert estimate_tokens(text) <= estimate_tokens(text + more)


def test_lone_surrogates_are_counted_too() -> None:
    assert estimate_tokens("\ud800" * 8) > 0


def test_a_chinese_letter_is_about_a_token() -> None:
    assert 0.7 <= estimate_tokens("法国的首都是哪里" * 50) / 400 <= 1.3


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_tools_and_schemas_are_counted(schema: dict[str, object]) -> None:
    bare = LLMRequest("hello")
    with_tool = LLMRequest("hello", tools=(ToolSpec(name="f", description="d", input_schema=schema),))
    with_schema = LLMRequest("hello", output=JsonSchema(schema={"type": "object", "x": schema}))
    assert estimate_request_tokens(bare) < estimate_request_tokens(with_tool)
    assert estimate_request_tokens(bare) < estimate_request_tokens(with_schema)


def test_a_schema_that_holds_itself_ends() -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    assert estimate_request_tokens(LLMRequest("x", output=JsonSchema(schema=loop))) > 0


def test_images_calls_and_the_system_prompt_are_counted() -> None:
    image = Message(role="user", content=(TextPart(text="what is this"), ImageData(data=b"x")))
    call = Message(role="assistant", tool_calls=(ToolCall(id="1", name="look", arguments='{"a": "a long argument"}'),))
    assert estimate_message_tokens(image) > PER_IMAGE
    assert estimate_message_tokens(call) > estimate_message_tokens(Message(role="assistant"))
    whole = LLMRequest("x", system="Answer briefly.", messages=(image, call))
    assert estimate_request_tokens(whole) > estimate_message_tokens(image) + estimate_message_tokens(call)
