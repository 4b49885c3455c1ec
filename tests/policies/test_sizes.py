"""How large requests are: guessed, and at most."""

from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_manager.domain.attempts import Attempt, OtherAttempt
from llm_manager.domain.events import Operation
from llm_manager.domain.messages import DocumentData, DocumentUrl, ImageData, ImageUrl, Message, Part, TextPart, ToolSpec
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.policies.sizes import MOST_PER_DOCUMENT, MOST_PER_IMAGE, most_tokens, size_of, texts_size
from llm_manager.testing.attempts import attempt_for

PRICE = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(5), version="t")
PROFILE = ModelProfile(name="m", provider="p", price=PRICE, context_window=200_000, max_output_tokens=4000, vision=True, documents=True)


def attempt(request: LLMRequest, profile: ModelProfile = PROFILE, body: bytes | None = None) -> Attempt:
    """An attempt whose body is as given."""
    made = attempt_for(request, model=profile).unwrap()
    return made if body is None else replace(made, wire=replace(made.wire, body=body))


def saying(*parts: Part) -> LLMRequest:
    """A request of one message."""
    return LLMRequest(messages=(Message(role="user", content=parts),))


@given(st.text())
def test_no_text_has_more_tokens_than_its_body_has_bytes(text: str) -> None:
    """And the guess is never above the bound."""
    asked = attempt(LLMRequest(text))
    size = size_of(asked)
    assert size.prompt_tokens <= size.most_prompt_tokens
    assert size.most_prompt_tokens >= len(asked.wire.body)


def test_the_answer_is_bounded_by_who_asks_then_by_the_model_then_by_its_window() -> None:
    """None when nobody says."""
    assert most_tokens(attempt(LLMRequest("x", preferences=Preferences(max_tokens=7))))[1] == 7
    assert most_tokens(attempt(LLMRequest("x")))[1] == 4000
    assert most_tokens(attempt(LLMRequest("x"), evolve(PROFILE, max_output_tokens=None)))[1] == 200_000
    assert most_tokens(attempt(LLMRequest("x"), evolve(PROFILE, max_output_tokens=None, context_window=None)))[1] is None


def test_tools_bring_words_of_the_provider() -> None:
    """More than the request itself has."""
    tool = ToolSpec(name="now", description="", input_schema={"type": "object"})
    plain, with_tools = attempt(LLMRequest("x"), body=b"1234"), attempt(LLMRequest("x", tools=(tool,)), body=b"1234")
    assert most_tokens(with_tools)[0] == most_tokens(plain)[0] + 1000


@pytest.mark.parametrize("image", [ImageUrl(url="https://example.org/a.png"), ImageData(data=bytes(6_000_000))])
def test_an_image_counts_for_what_the_dearest_provider_takes(image: ImageUrl | ImageData) -> None:
    """Not for its bytes, which are no words."""
    written = 100 + (8_000_000 if isinstance(image, ImageData) else 0)
    asked = attempt(saying(TextPart(text="what is this?"), image), body=bytes(written))
    assert most_tokens(asked)[0] == 116 + MOST_PER_IMAGE


def test_a_document_is_no_longer_than_the_window() -> None:
    """Or than a million tokens where that is not known; a document of text is what its bytes are."""
    paper, page = DocumentUrl(url="https://example.org/a.pdf"), DocumentData(data=bytes(300), media_type="text/plain")
    assert most_tokens(attempt(saying(paper), body=bytes(50)))[0] == 200_000
    assert most_tokens(attempt(saying(paper), evolve(PROFILE, context_window=None), body=bytes(50)))[0] == 66 + MOST_PER_DOCUMENT
    assert most_tokens(attempt(saying(page), body=bytes(400)))[0] == 416


@pytest.mark.parametrize(("operation", "most"), [("embed", 0), ("moderate", 0), ("create_image", None)])
def test_what_is_no_chat_writes_no_text(operation: Operation, most: int | None) -> None:
    """Nobody knows how many tokens a picture will be."""
    chat = attempt(LLMRequest("x"))
    other = OtherAttempt(
        call_id="c",
        number=1,
        operation=operation,
        model=PROFILE,
        endpoint=chat.endpoint,
        key=None,
        metadata=RequestMetadata(),
        prompt_tokens=3,
        most_prompt_tokens=20,
        call_deadline=1.0,
    )
    size = size_of(other)
    assert (size.prompt_tokens, size.most_prompt_tokens, size.most_completion_tokens) == (3, 20, most)


def test_texts_are_as_long_as_their_bytes_and_a_frame() -> None:
    """Whatever the letters."""
    assert texts_size(["abcd", "é"]) == (1, 38)
