"""What no provider could do is told before anything is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.policies.choosing import Besides
from llm_manager.policies.operation_faults import check_operation
from llm_manager.testing import run_virtual, scripted, scripted_manager


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (EmbedRequest(("a", "")), "texts[1]: it is empty"),
        (EmbedRequest("a", dimensions=0), "dimensions: it is less than 1"),
        (EmbedRequest("a", timeout_ms=0), "timeout_ms: it is less than 1"),
        (EmbedRequest("a", deadline_ms=-5), "deadline_ms: it is less than 1"),
        (ModerationRequest(()), "there is no text to judge"),
        (ModerationRequest("a", timeout_ms=0), "timeout_ms: it is less than 1"),
        (ImageRequest(" "), "an image wants a prompt"),
        (ImageRequest("a", count=0), "an image wants a prompt"),
        (ImageRequest("a", deadline_ms=0), "deadline_ms: it is less than 1"),
    ],
)
def test_each_fault_is_told_with_its_place_and_nothing_is_sent(asked: Besides, words: str) -> None:
    wrong = check_operation(asked)
    assert isinstance(wrong, InvalidRequest)
    assert wrong.message.startswith(words)
    model = scripted(able=("embed", "moderate", "create_image"))

    async def ask() -> object:
        manager = scripted_manager(model)
        match asked:
            case EmbedRequest():
                return (await manager.embed(asked)).failure()
            case ModerationRequest():
                return (await manager.moderate(asked)).failure()
            case ImageRequest():
                return (await manager.create_image(asked)).failure()

    assert wrong.message in str(run_virtual(ask()))
    assert not model.besides


@given(st.lists(st.text(min_size=1)), st.none() | st.integers(1), st.none() | st.integers(1))
def test_what_is_fine_is_let_through(texts: list[str], dimensions: int | None, milliseconds: int | None) -> None:
    assert check_operation(EmbedRequest(texts, dimensions=dimensions, timeout_ms=milliseconds, deadline_ms=milliseconds)) is None
    assert (check_operation(ModerationRequest(texts)) is None) == bool(texts)
