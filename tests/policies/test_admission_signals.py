"""What a quota reads from requests and their ends."""

import pytest

from llm_manager.domain.attempts import OtherAttempt
from llm_manager.domain.errors import (
    CircuitOpen,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    Origin,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.policies.admission import How
from llm_manager.policies.admission_signals import charged_tokens, how_it_failed, is_told_of_account, tokens_of_failure
from llm_manager.testing import attempt_for

SAID = Origin(provider="p", code="concurrency_limit_exceeded")


@pytest.mark.parametrize(
    ("error", "how", "tokens"),
    [
        (RateLimitExceeded(model="m"), "limited", 0),
        (RateLimitExceeded(model="m", local=True), "unsent", 0),
        (RateLimitExceeded(model="m", ramp=True), "crowded", 0),
        (RateLimitExceeded(model="m", origin=SAID), "crowded", 0),
        (RateLimitExceeded(model="m", message="Too many concurrent requests"), "crowded", 0),
        (ModelUnavailable(model="m", message="", reason="overloaded"), "crowded", 0),
        (ModelUnavailable(model="m", message="", reason="busy"), "crowded", 0),
        (ModelUnavailable(model="m", message="", reason="server"), "other", 0),
        (ModelUnavailable(model="m", message="", reason="not_running"), "unsent", 0),
        (NetworkError(model="m", message="", sent=True), "other", None),
        (NetworkError(model="m", message=""), "unsent", 0),
        (RequestTimeout(model="m", timeout_ms=1, phase="connect"), "unsent", 0),
        (RequestTimeout(model="m", timeout_ms=1), "other", None),
        (CircuitOpen(model="m", endpoint="e"), "unsent", 0),
        (InvalidRequest(message="no"), "other", 0),
    ],
)
def test_what_a_failure_says_of_limits(error: LLMError, how: How, tokens: int | None) -> None:
    assert (how_it_failed(error), tokens_of_failure(error)) == (how, tokens)


def test_a_limit_of_the_account_is_one_of_all_its_keys() -> None:
    assert is_told_of_account(RateLimitExceeded(model="m", scope="account"))
    assert not is_told_of_account(RateLimitExceeded(model="m", scope="account", local=True))
    assert not is_told_of_account(RateLimitExceeded(model="m"))


def test_what_a_request_is_charged() -> None:
    model = ModelProfile(name="m", provider="p", context_window=8000)
    endpoint = Endpoint(provider="p", base_url="https://p.example", locality="cloud")
    unbounded = attempt_for(LLMRequest("word " * 400), model=model).unwrap()
    bounded = attempt_for(LLMRequest("word " * 400, preferences=Preferences(max_tokens=6000)), model=model).unwrap()
    prompt = charged_tokens(unbounded, None) - 4096
    assert 400 <= prompt <= 600
    assert charged_tokens(unbounded, 8000) == prompt + 1000
    assert charged_tokens(bounded, None) == prompt + 6000
    assert charged_tokens(bounded, 4000) == 4000
    assert charged_tokens(bounded, 100) > 100
    other = OtherAttempt(
        call_id="c",
        number=1,
        operation="embed",
        model=model,
        endpoint=endpoint,
        key=None,
        metadata=RequestMetadata(),
        prompt_tokens=70,
        most_prompt_tokens=300,
        call_deadline=5.0,
    )
    assert charged_tokens(other, 1000) == 70
