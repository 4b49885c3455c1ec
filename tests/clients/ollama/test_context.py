"""How much of a window is asked for, and what the tokens that were read tell."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.fitting import Defaults
from llm_manager.clients.ollama.context import LEAST, MOST, Context, checked, context_for, refused
from llm_manager.clients.who import Who
from llm_manager.domain.errors import ContextTooLarge
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Usage
from llm_manager.policies.tokens import estimate_request_tokens

LLAMA = ModelProfile(name="llama3.2:3b", provider="ollama", context_window=131_072)
WHO = Who(provider="ollama", model="llama3.2:3b")
ANSWER = LLMResponse(content="x", model="m", provider="ollama")

tokens = st.integers(0, 300_000)
windows = st.none() | st.integers(1, 300_000)


def read(count: int | None, num_ctx: int, estimate: int) -> object:
    usage = None if count is None else Usage(input_tokens=count)
    return checked(evolve(ANSWER, usage=usage), Context(num_ctx, estimate), WHO)


def test_settings_are_obeyed_to_the_token() -> None:
    assert context_for(LLMRequest("x" * 90_000), LLAMA, Defaults(context_length=5000)).num_ctx == 5000


def test_it_grows_by_doubling_with_prompt_and_answer() -> None:
    """A server loads a model anew for each other size, so there are few of them."""
    assert context_for(LLMRequest("Hi"), LLAMA, Defaults()).num_ctx == LEAST
    assert context_for(LLMRequest("x" * 40_000), LLAMA, Defaults()).num_ctx == 16_384
    assert context_for(LLMRequest("Hi", preferences=Preferences(max_tokens=20_000)), LLAMA, Defaults()).num_ctx == 32_768
    assert context_for(LLMRequest("Hi"), LLAMA, Defaults(max_tokens=9_000)).num_ctx == 16_384
    assert context_for(LLMRequest("x" * 10_000_000), LLAMA, Defaults()).num_ctx == 131_072
    assert context_for(LLMRequest("x" * 10_000_000), evolve(LLAMA, context_window=None), Defaults()).num_ctx == MOST
    assert context_for(LLMRequest("Hi"), evolve(LLAMA, context_window=2048), Defaults()).num_ctx == 2048


@given(st.integers(0, 100_000), st.none() | st.integers(1, 100_000), windows, st.none() | st.integers(1, 10_000))
def test_what_is_asked_for_fits_or_is_all_there_is(characters: int, answer: int | None, window: int | None, length: int | None) -> None:
    """It is never more than the window, and holds the prompt and its answer wherever the window does."""
    request = LLMRequest("x" * characters, preferences=Preferences(max_tokens=answer))
    made = context_for(request, evolve(LLAMA, context_window=window), Defaults(context_length=length))
    assert made.estimate == estimate_request_tokens(request)
    if length is not None:
        assert made.num_ctx == length
        return
    most = window or MOST
    assert 1 <= made.num_ctx <= most
    assert made.num_ctx >= min(made.estimate + (answer or 0), most)


@given(tokens, st.integers(1, 300_000))
def test_only_what_surely_does_not_fit_is_refused(estimate: int, num_ctx: int) -> None:
    error = refused(Context(num_ctx, estimate), "m")
    assert (error is None) == (estimate <= num_ctx * 1.5)
    if error is not None:
        assert (error.token_count, error.limit) == (estimate, num_ctx)


@given(st.none() | tokens, st.integers(1, 300_000), tokens)
def test_there_are_no_false_alarms(count: int | None, num_ctx: int, estimate: int) -> None:
    """A prompt that was guessed to fit is taken to be whole however few tokens were read: a cache may hold the others."""
    outcome = read(count, num_ctx, estimate)
    if count == num_ctx:
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.failure(), ContextTooLarge)
    elif estimate <= num_ctx or (count or 0) > num_ctx:
        assert outcome == Success(evolve(ANSWER, usage=None if count is None else Usage(input_tokens=count)))
    else:
        assert isinstance(outcome, Success)
        assert len(outcome.unwrap().notices) == 1


def test_a_prompt_that_filled_everything_was_cut() -> None:
    """What older servers do in silence."""
    outcome = read(4096, 4096, 6000)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ContextTooLarge)
    assert (error.token_count, error.limit, error.origin and error.origin.charge) == (6000, 4096, "certain")


def test_when_unsure_a_notice_says_so() -> None:
    for count, shown in ((3000, "3000"), (None, "an unknown number")):
        outcome = read(count, 4096, 5000)
        assert isinstance(outcome, Success)
        (notice,) = outcome.unwrap().notices
        assert "may not have read the whole prompt" in notice
        assert f"{shown} of 4096" in notice
