"""How long to wait."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.policies.deadlines import limits_for, operation_seconds, total_seconds
from llm_manager.testing.strategies import requests

MODEL = ModelProfile(name="m", provider="p")


def test_the_timeout_bounds_silence_and_a_whole_answer_gets_the_time_of_its_tokens() -> None:
    limits = limits_for(LLMRequest("x", preferences=Preferences(max_tokens=2000)), MODEL, timeout_ms=30_000)
    assert (limits.silence_seconds, limits.attempt_seconds, limits.connect_seconds) == (30.0, 100.0, 5.0)
    short = limits_for(LLMRequest("x", preferences=Preferences(max_tokens=10)), MODEL, timeout_ms=30_000)
    assert short.attempt_seconds == 30.0


def test_a_stream_must_begin_within_the_silence() -> None:
    assert limits_for(LLMRequest("x"), MODEL, timeout_ms=30_000, streamed=True).attempt_seconds == 30.0


def test_the_requests_own_timeout_wins_over_the_providers_and_both_are_obeyed_as_they_stand() -> None:
    assert limits_for(LLMRequest("x", timeout_ms=2_000), MODEL, timeout_ms=30_000, provider_timeout_ms=9_000).attempt_seconds == 2.0
    assert limits_for(LLMRequest("x"), MODEL, timeout_ms=30_000, provider_timeout_ms=600_000).attempt_seconds == 600.0


def test_loading_a_model_has_time_of_its_own() -> None:
    slow = ModelProfile(name="m", provider="p", load_seconds=600.0)
    assert limits_for(LLMRequest("x", timeout_ms=1_000), slow, timeout_ms=30_000).attempt_seconds == 601.0


def test_the_total_leaves_room_to_fall_back() -> None:
    assert total_seconds(LLMRequest("x"), 600.0) == 1200.0
    assert total_seconds(LLMRequest("x"), 30.0) == 300.0
    assert total_seconds(LLMRequest("x", deadline_ms=1_500), 600.0) == 1.5


@given(requests(), st.integers(1, 10_000_000), st.none() | st.integers(1, 10_000_000), st.booleans())
def test_limits_are_total_and_never_pass_each_other(request: LLMRequest, timeout: int, provider: int | None, streamed: bool) -> None:
    limits = limits_for(request, MODEL, timeout_ms=timeout, provider_timeout_ms=provider, streamed=streamed)
    assert limits.connect_seconds <= limits.silence_seconds <= limits.attempt_seconds


def test_what_is_no_chat_has_the_usual_time_and_a_picture_three_minutes() -> None:
    asked, slow = EmbedRequest("x"), ModelProfile(name="m", provider="p", load_seconds=600.0)
    assert operation_seconds(asked, MODEL, "embed", timeout_ms=30_000) == 30.0
    assert operation_seconds(asked, slow, "embed", timeout_ms=30_000) == 630.0
    assert operation_seconds(asked, MODEL, "create_image", timeout_ms=30_000) == 180.0
    assert operation_seconds(asked, MODEL, "create_image", timeout_ms=300_000) == 300.0
    assert operation_seconds(asked, MODEL, "create_image", timeout_ms=30_000, provider_timeout_ms=9_000) == 9.0
    assert operation_seconds(EmbedRequest("x", timeout_ms=1), MODEL, "embed", timeout_ms=30_000, provider_timeout_ms=9_000) == 0.001
