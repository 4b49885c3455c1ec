"""Errors are safe to show, and every question about them has an answer for each."""

import inspect
from typing import Any, get_args

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.domain import error_questions as questions
from llm_manager.domain.errors import (
    AllModelsFailed,
    BudgetExceeded,
    Charge,
    CircuitOpen,
    ConfigurationError,
    ContentFiltered,
    ContextTooLarge,
    Fault,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    Origin,
    OutputInvalid,
    PolicyBlocked,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest
from llm_manager.testing import samples
from llm_manager.testing import strategies as some
from llm_manager.testing.values import values_of

CANARY = "canary-91d0"

QUESTIONS = sorted(
    name
    for name, asked in vars(questions).items()
    if inspect.isfunction(asked) and asked.__module__ == questions.__name__ and not name.startswith("_")
)


def test_there_are_questions() -> None:
    """The table below is not empty by accident."""
    assert {"resend", "is_transient", "may_fall_back", "describe", "seed_tag", "origin_of"} <= set(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_total(question: str) -> None:
    """No error, whatever its fields, leaves a question without an answer; the same error gets the same answer."""

    @settings(max_examples=60, deadline=None)
    @given(some.errors())
    def check(error: LLMError) -> None:
        asked = getattr(questions, question)
        assert asked(error) == asked(error)

    check()


@pytest.mark.parametrize("member", get_args(LLMError), ids=lambda member: member.__name__)
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_knows_every_error(question: str, member: type) -> None:
    """Each member of the union is answered for in each question."""
    (sample,) = (error for error in samples.ERRORS if type(error) is member)
    getattr(questions, question)(sample)


def test_seed_tags_are_the_eight() -> None:
    """Every error maps onto a tag of the specification, and its own eight map onto themselves."""
    eight = get_args(questions.SeedTag)
    assert len(eight) == 8
    assert {questions.seed_tag(error) for error in samples.ERRORS} == set(eight)
    for error in samples.ERRORS:
        if error.tag in eight:
            assert questions.seed_tag(error) == error.tag


@settings(max_examples=60, deadline=None)
@given(some.errors())
def test_descriptions_always_tell_something(error: LLMError) -> None:
    """A person is told what went wrong, even where the error's own words are all there is and they are empty."""
    assert questions.describe(error)


def test_a_fault_is_told_once() -> None:
    """A message that only repeats its fault makes way for it; a heading over faults stays."""
    fault = Fault(source="openai", key="base_url", problem="the server redirects elsewhere", fix="mend it")
    told = "openai: base_url: the server redirects elsewhere; mend it"
    assert questions.describe(ConfigurationError(message="openai: the server redirects elsewhere", faults=(fault,))) == told
    assert questions.describe(ConfigurationError(message=str(fault), faults=(fault,))) == told
    assert questions.describe(ConfigurationError(message="one fault", faults=(fault,))) == f"one fault; {told}"
    assert questions.describe(ConfigurationError(message="one", faults=(Fault(source="s", key="", problem=""),))).startswith("one; ")


HIDDEN = [
    InvalidRequest(message="m", request=LLMRequest(CANARY, system=CANARY, messages=(Message(role="user", content=CANARY),))),
    StreamInterrupted(model="m", partial=CANARY),
    ContentFiltered(model="m", partial=CANARY),
]


@pytest.mark.parametrize("error", HIDDEN, ids=lambda error: error.tag)
def test_what_was_said_is_never_shown(error: LLMError) -> None:
    """Prompts and partial answers are kept for the caller, and shown in no repr, text or description."""
    shown = AllModelsFailed(causes=(error,))
    for text in (repr(error), str(error), f"{error}", repr(shown), repr([error]), questions.describe(error), questions.describe(shown)):
        assert CANARY not in text


@pytest.mark.parametrize("error", samples.ERRORS, ids=lambda error: error.tag)
def test_errors_are_frozen_values(error: LLMError) -> None:
    """Equal fields are equal errors, in any set, and nobody changes one."""
    twin = attrs.evolve(error)
    assert twin == error
    assert hash(twin) == hash(error)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(error, attrs.fields(type(error))[0].name, None)


@settings(max_examples=30)
@given(values_of(Fault))
def test_faults_name_place_and_fix(fault: Fault) -> None:
    """A fault in the settings reads as one sentence."""
    told = str(fault)
    assert told.startswith(fault.source)
    assert fault.problem in told
    assert fault.key in told
    assert fault.fix in told


def test_advice_is_given_once_and_in_the_readers_words() -> None:
    """Of many causes each is told shortly; the limit of waiting has the name that the reader knows."""
    dead = [NetworkError(model=name, message="refused") for name in ("a", "b", "c")]
    told = questions.describe(AllModelsFailed(causes=tuple(dead)))
    assert told == (
        "every model failed: could not reach a: refused; could not reach b: refused; could not reach c: refused; "
        "check the address and that the server is running"
    )
    late = RequestTimeout(model="m", timeout_ms=1000)
    assert questions.describe(late).endswith("within 1 s; raise timeout_ms if it is only slow")
    assert "raise --timeout if" in questions.describe(AllModelsFailed(causes=(late,)), ways={"timeout_ms": "--timeout"})
    assert questions.describe(attrs.evolve(late, phase="total")).endswith("raise deadline_ms if it is only slow")


def test_what_budgets_advise_is_called_what_the_reader_knows_it_by() -> None:
    """The names of an own budget, and of what makes a request cheaper."""
    ways = {"max_tokens": "--max-tokens", "max_cost_usd": "--max-cost"}
    own = BudgetExceeded(budget="max_cost_usd", message="nothing bounds it; say it with max_tokens")
    assert questions.describe(own).startswith("the budget max_cost_usd does not cover this call: nothing bounds it; say it with max_tokens")
    assert questions.describe(own, ways=ways).startswith("the budget --max-cost does not cover")
    assert "say it with --max-tokens" in questions.describe(own, ways=ways)
    told = questions.describe(BudgetExceeded(budget="a", message="budget 'a': ask for less (max_tokens)"), ways=ways)
    assert told == "budget 'a': ask for less (--max-tokens)"
    cut = OutputInvalid(model="m", path="$", message="cut", reason="truncated")
    assert questions.describe(cut, ways=ways).endswith("raise --max-tokens")


def test_an_answer_that_broke_off_is_not_one_that_was_never_begun() -> None:
    """The server was reached: nobody is sent to check its address."""
    told = questions.describe(NetworkError(model="m", message="the connection to a:1 broke before the answer was whole", sent=True))
    assert told.startswith("m was reached and its answer did not come whole: the connection to a:1 broke")
    assert "address" not in told


def test_a_breaker_tells_what_opened_it() -> None:
    shut = CircuitOpen(model="m", endpoint="e", retry_after_seconds=1.0, cause="could not reach m: the name of x:1 cannot be resolved")
    assert questions.describe(shut) == (
        "m failed too often just now: could not reach m: the name of x:1 cannot be resolved; it is asked again in 1 s"
    )


def test_a_server_that_does_not_run_is_the_subject_and_no_model() -> None:
    error = ModelUnavailable(model="llama3.2:3b", message="nothing answers at localhost:1: is it running?", reason="not_running")
    assert questions.describe(error) == error.message


def test_all_faults_are_told_at_once() -> None:
    """Nobody mends settings one start at a time."""
    error = ConfigurationError(
        message="2 settings are wrong",
        faults=(Fault(source="a.toml", key="x", problem="no number"), Fault(source="env", key="", problem="bad", fix="unset it")),
    )
    assert questions.describe(error) == "2 settings are wrong; a.toml: x: no number; env: bad; unset it"


@pytest.mark.parametrize(
    ("error", "resend"),
    [
        (ModelUnavailable(model="m", message="x", reason="permanent"), "never"),
        (ModelUnavailable(model="m", message="x", reason="overloaded"), "freely"),
        (RateLimitExceeded(model="m"), "freely"),
        (RateLimitExceeded(model="m", local=True), "never"),
        (QuotaExhausted(model="m", message="x"), "never"),
        (RequestTimeout(model="m", timeout_ms=1, phase="connect"), "freely"),
        (RequestTimeout(model="m", timeout_ms=1, phase="first_byte"), "once"),
        (RequestTimeout(model="m", timeout_ms=1, phase="total"), "never"),
        (NetworkError(model="m", message="x"), "freely"),
        (NetworkError(model="m", message="x", sent=True), "once"),
        (StreamInterrupted(model="m"), "once"),
        (StreamInterrupted(model="m", partial="a"), "never"),
        (AllModelsFailed(causes=()), "never"),
        (AllModelsFailed(causes=(QuotaExhausted(model="m", message="x"), NetworkError(model="m", message="x"))), "freely"),
    ],
)
def test_resending_follows_from_what_may_have_been_done(error: LLMError, resend: str) -> None:
    """What may have been charged is sent again at most once; what cannot change is not."""
    assert questions.resend(error) == resend
    assert questions.is_transient(error) is (resend != "never")


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (ContextTooLarge(model="m"), True),
        (ContextTooLarge(model="m", limit_kind="bytes"), False),
        (PolicyBlocked(message="x"), False),
        (StreamInterrupted(model="m", partial="a"), False),
        (RequestTimeout(model="m", timeout_ms=1, phase="total"), False),
        (AllModelsFailed(causes=(InvalidRequest(message="x"), NetworkError(model="m", message="x"))), True),
        (AllModelsFailed(causes=(InvalidRequest(message="x"),)), False),
    ],
)
def test_falling_back_is_for_what_another_model_can_do(error: LLMError, may: bool) -> None:
    """Another model does not mend a wrong request, and gets no private one."""
    assert questions.may_fall_back(error) is may


def test_a_caller_is_never_the_breakers_fault() -> None:
    """Only an endpoint's own faults count for its breaker."""
    counted = {error.tag for error in samples.ERRORS if questions.counts_for_breaker(error)}
    assert counted == {"ModelUnavailable", "TimeoutError", "NetworkError", "StreamInterrupted", "MalformedResponse", "AllModelsFailed"}


@given(st.sampled_from(("possible", "certain")))
def test_the_origins_own_word_on_charges_counts(charge: Charge) -> None:
    """What the provider's answer told about money comes before what the kind of error suggests."""
    origin = Origin(provider="p", charge=charge)
    assert questions.charge_of(NetworkError(model="m", message="x", origin=origin)) == charge
    assert questions.charge_of(AllModelsFailed(causes=(NetworkError(model="m", message="x", origin=origin),))) == charge


@pytest.mark.parametrize(("phase", "timeout_ms", "counts"), [("attempt", 999, False), ("attempt", 1000, True), ("connect", 50, True)])
def test_a_hurried_caller_tells_nothing_of_an_endpoint(phase: Any, timeout_ms: int, counts: bool) -> None:
    assert questions.counts_for_breaker(RequestTimeout(model="m", timeout_ms=timeout_ms, phase=phase)) is counts
    assert questions.counts_for_breaker(RequestTimeout(model="m", timeout_ms=30_000, phase=phase, given_ms=timeout_ms)) is counts
