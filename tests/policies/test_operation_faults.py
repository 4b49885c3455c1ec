"""What no provider could do is told before anything is sent."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.policies.choosing import Besides
from llm_manager.policies.operation_faults import check_operation, too_large
from llm_manager.policies.value_faults import LARGEST
from llm_manager.testing import run_virtual, scripted, scripted_manager


def misfit(form: Callable[..., Any], *given: Any, **said: Any) -> Any:
    """A request as a caller without types may make it."""
    return form(*given, **said)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (EmbedRequest(("a", "")), "texts[1]: it is empty"),
        (EmbedRequest("a", dimensions=0), "dimensions: it is less than 1"),
        (EmbedRequest("a", timeout_ms=0), "timeout_ms: it is less than 1"),
        (EmbedRequest("a", deadline_ms=-5), "deadline_ms: it is less than 1"),
        (ModerationRequest(()), "texts: there is none to judge"),
        (ModerationRequest("a", timeout_ms=0), "timeout_ms: it is less than 1"),
        (ImageRequest(" "), "prompt: it has no words"),
        (ImageRequest("a", count=0), "count: it is less than 1"),
        (misfit(EmbedRequest, "a", sensitivity="Private"), "sensitivity: it is none of public, private; did you mean private?"),
        (misfit(EmbedRequest, "a", sensitivity=True), "sensitivity: it is none of public, private; give one"),
        (misfit(EmbedRequest, "a", cache="Off"), "cache: it is none of use, refresh, off; did you mean off?"),
        (misfit(EmbedRequest, "a", purpose="search"), "purpose: it is none of query, document; give one"),
        (misfit(EmbedRequest, "a", dimensions="5"), "dimensions: it is of type str; give a whole number"),
        (misfit(EmbedRequest, "a", model=5), "model: it is of type int; give a text"),
        (misfit(EmbedRequest, ("a", 5)), "texts[1]: it is of type int; give a text"),
        (misfit(ModerationRequest, "a", sensitivity="privat"), "sensitivity: it is none of public, private; did you mean private?"),
        (misfit(ModerationRequest, (None,)), "texts[0]: it is of type NoneType; give a text"),
        (misfit(ImageRequest, "a", sensitivity="secret"), "sensitivity: it is none of public, private; give one"),
        (misfit(ImageRequest, 5), "prompt: it is of type int; give a text"),
        (misfit(ImageRequest, "a", count=1.5), "count: it is of type float; give a whole number"),
        (misfit(ImageRequest, "a", timeout_ms="5"), "timeout_ms: it is of type str; give a whole number"),
        (ImageRequest("a", deadline_ms=0), "deadline_ms: it is less than 1"),
    ],
)
def test_each_fault_is_told_with_its_place_and_nothing_is_sent(asked: Besides, words: str) -> None:
    wrong = check_operation(asked)
    assert isinstance(wrong, InvalidRequest)
    assert wrong.message.startswith(words)
    model = scripted(able=("embed", "moderate", "create_image"), locality="cloud")

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


@given(st.lists(st.text(min_size=1)), st.none() | st.integers(1, LARGEST), st.none() | st.integers(1, LARGEST))
def test_what_is_fine_is_let_through(texts: list[str], dimensions: int | None, milliseconds: int | None) -> None:
    assert check_operation(EmbedRequest(texts, dimensions=dimensions, timeout_ms=milliseconds, deadline_ms=milliseconds)) is None
    assert (check_operation(ModerationRequest(texts)) is None) == bool(texts)


@pytest.mark.parametrize("asked", ["hello", None, LLMRequest("hello"), EmbedRequest("a", metadata=cast("RequestMetadata", {}))])
def test_what_is_no_request_is_told_so(asked: Any) -> None:
    model = scripted(able=("embed", "moderate", "create_image"))

    async def ask() -> list[Settled[object, LLMError]]:
        manager = scripted_manager(model)
        return [await settle(manager.embed(asked)), await settle(manager.moderate(asked)), await settle(manager.create_image(asked))]

    for outcome in run_virtual(ask()):
        assert isinstance(outcome.failure(), InvalidRequest)
    assert not model.besides


def test_a_text_that_surely_passes_the_window_is_named_with_both_sizes() -> None:
    profile = ModelProfile(name="m", provider="p", context_window=100)
    wrong = too_large(EmbedRequest(("a", "word " * 200)), profile)
    assert wrong is not None
    assert (wrong.token_count, wrong.limit, wrong.model) == (250, 100, "m")
    assert wrong.message.startswith("texts[1] has about 250 tokens")
    assert too_large(EmbedRequest("word " * 110), profile) is None
    assert too_large(EmbedRequest("word " * 200), ModelProfile(name="m", provider="p")) is None
