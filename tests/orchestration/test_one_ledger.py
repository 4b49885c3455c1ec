"""One ledger for a call with all it does: attempts, re-sends, seconds and money, over re-asks, turns of tools and streams."""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import ContextSettings, LLMConfig, PerformanceSettings
from llm_manager.domain.conversations import Conversation
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import (
    AllModelsFailed,
    BudgetExceeded,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    OutputInvalid,
    QuotaExhausted,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.events import Answered, Event
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.orchestration.generating import going_on_with
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.manager import LLMManager
from llm_manager.stores.memory.conversations import memory_conversations
from llm_manager.testing import Scripted, faults, run_virtual, scripted, scripted_manager
from llm_manager.tools.from_function import tool_from_function

DOWN = ModelUnavailable(model="m", message="500")
RESET = NetworkError(model="m", message="reset", sent=True)
A_CENT = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(10_000), version="1")
"""A cent for each token that is written."""
HI = LLMRequest("hi", cache="off")


def with_retries(times: int, **told: Any) -> LLMConfig:
    return LLMConfig(routing=RoutingPolicy(fallback_order=("one", "two"), max_retries=times), **told)


def costly(*outcomes: Any, provider: str = "one", seconds: float = 0.0) -> Scripted:
    return scripted(*outcomes, provider=provider, locality="cloud", profile={"price": A_CENT}, seconds=seconds)


def failure(outcome: Settled[Any, LLMError]) -> LLMError:
    assert isinstance(outcome, Failure)
    return outcome.failure()


def ask(manager: LLMManager, request: LLMRequest = HI) -> Settled[LLMResponse, LLMError]:
    return run_virtual(settle(manager.generate(request)))


def test_an_error_carries_every_attempt_with_its_key_and_what_it_may_have_cost() -> None:
    key = Secret("sk-one-0123456789")
    one, two = scripted(RESET, DOWN, provider="one", key=key), scripted(QuotaExhausted(model="m", message="spent"), provider="two")
    error = failure(ask(scripted_manager(one, two, config=with_retries(1))))
    assert isinstance(error, AllModelsFailed)
    assert [(each.provider, each.error, each.sent) for each in error.attempts] == [
        ("one", RESET, True),
        ("two", QuotaExhausted(model="m", message="spent"), True),
        ("one", DOWN, True),
    ]
    assert [each.cost for each in error.attempts] == [Unpriced(reason="may have been billed"), None, None]
    assert [each.key_fingerprint for each in error.attempts] == [key.fingerprint, None, key.fingerprint]
    assert [each.number for each in error.attempts] == [1, 2, 3]


def test_an_error_before_any_attempt_has_none() -> None:
    assert failure(ask(scripted_manager(scripted("x")), LLMRequest(""))).attempts == ()


def test_a_request_that_cannot_be_written_was_not_sent() -> None:
    unwritable = scripted("x", provider="one")
    client = evolve(unwritable.client, encode=lambda request, _: Failure(InvalidRequest(message="no JSON", request=request)))
    error = failure(ask(scripted_manager(unwritable, clients={"one": client})))
    assert [(each.sent, each.cost) for each in error.attempts] == [(False, None)]


async def _collected(events: AsyncGenerator[Result[Any, LLMError], None]) -> Settled[LLMResponse, LLMError]:
    return sealed(await collect(events))


@pytest.mark.parametrize("fault", [faults.reset(), faults.cut_after(2)])
def test_a_stream_that_fails_before_or_after_opening_carries_its_attempts(fault: Any) -> None:
    one = scripted(DOWN, fault, provider="one")
    error = failure(run_virtual(_collected(scripted_manager(one, config=with_retries(1)).stream(HI))))
    assert isinstance(error, NetworkError | StreamInterrupted)
    assert [each.error for each in error.attempts] == [DOWN, error]
    assert error.attempts[1].cost == Unpriced(reason="may have been billed")


def test_what_is_no_chat_carries_its_attempts_too() -> None:
    model = scripted(able=("embed",), meets=[RESET, DOWN, None])
    answer = run_virtual(settle(scripted_manager(model).embed(EmbedRequest(["a"])))).unwrap()
    assert [each.error for each in answer.attempts] == [RESET, DOWN, None]
    failing = scripted(able=("embed",), meets=[DOWN, RESET])
    error = failure(run_virtual(settle(scripted_manager(failing, config=with_retries(1)).embed(EmbedRequest(["a"])))))
    assert [(each.number, each.error, each.cost is None) for each in error.attempts] == [(1, DOWN, True), (2, RESET, False)]


@frozen
class Review:
    score: int


FITS, STRAY = '{"score": 3}', '{"score": "three"}'


def structured(model: Scripted, request: LLMRequest = HI, config: LLMConfig | None = None, **more: Any) -> Settled[Any, LLMError]:
    return run_virtual(settle(scripted_manager(model, config=config, **more).generate_as(Review, request)))


def test_an_answer_that_does_not_fit_is_asked_for_again_with_what_was_wrong() -> None:
    model, told = costly(STRAY, FITS), list[Event]()
    outcome = structured(model, tell=told.append)
    assert outcome.unwrap().value == Review(3)
    answer = outcome.unwrap().response
    assert [each.error for each in answer.attempts] == [None, None]
    assert answer.cost == Priced(usd=sum((each.cost.usd for each in answer.attempts), Decimal(0)), price_version="1")
    assert answer.usage == sum((each.usage or Usage() for each in told if isinstance(each, Answered)), Usage())
    assert any("asked for once more" in notice for notice in answer.notices)
    first, second = model.requests
    question, wrong = second.conversation()
    assert (first.prompt, question.text, question.role, wrong.role) == ("hi", "hi", "user", "user")
    assert "$.score" in wrong.text
    assert STRAY not in wrong.text
    assert second.output == first.output
    assert [event.call_id for event in told if isinstance(event, Answered)] == ["id-1", "id-2"]


def test_it_goes_to_the_model_that_answered() -> None:
    one, two = scripted(DOWN, FITS, provider="one"), scripted(STRAY, FITS, provider="two")
    manager = scripted_manager(one, two, config=with_retries(3))
    answer = run_virtual(settle(manager.generate_as(Review, HI))).unwrap().response
    assert [each.provider for each in answer.attempts] == ["one", "two", "two"]


def test_after_an_answer_from_memory_nobody_who_failed_before_it_is_preferred() -> None:
    one, two = scripted(DOWN, provider="one"), scripted(FITS, provider="two")
    manager = scripted_manager(one, two, config=with_retries(3))

    async def both() -> Settled[LLMResponse, LLMError]:
        await settle(manager.generate(LLMRequest("hi", preferences=Preferences(provider="two"))))
        return await settle(manager.generate(LLMRequest("hi")))

    answer = sealed(run_virtual(both())).unwrap()
    assert (answer.cached, [each.provider for each in answer.attempts]) == (True, ["one"])
    mine = Preferences(max_tokens=5)
    assert going_on_with(mine, answer) == mine


def test_it_is_asked_no_more_often_than_settings_say_and_then_the_error_carries_all_attempts() -> None:
    for times, sent in ((0, 1), (1, 2), (3, 4)):
        model = scripted(STRAY)
        error = failure(structured(model, config=with_retries(5, performance=PerformanceSettings(output_retries=times))))
        assert isinstance(error, OutputInvalid)
        assert (model.count, len(error.attempts)) == (sent, sent)


def test_a_re_ask_is_a_re_send_of_its_call() -> None:
    """Requests never pass the models tried and the retries, whoever spends them."""
    settings = PerformanceSettings(output_retries=10)
    none_left = scripted(DOWN, STRAY)
    assert isinstance(failure(structured(none_left, config=with_retries(1, performance=settings))), OutputInvalid)
    assert none_left.count == 2
    shared = scripted(DOWN, STRAY, DOWN, DOWN, DOWN)
    error = failure(structured(shared, config=with_retries(3, performance=settings)))
    assert isinstance(error, OutputInvalid)
    assert (shared.count, len(error.attempts)) == (4, 4)


def test_a_cut_answer_is_not_asked_for_again() -> None:
    cut = LLMResponse(content='{"score"', model="m", provider="p", finish="length")
    model = scripted(cut)
    assert failure(structured(model)).attempts[0].error is None
    assert model.count == 1


def test_a_re_ask_stays_within_the_deadline_of_its_call() -> None:
    slow = scripted(STRAY, seconds=2.0)
    error = failure(structured(slow, evolve(HI, deadline_ms=3_000), with_retries(5, performance=PerformanceSettings(output_retries=5))))
    assert isinstance(error, OutputInvalid)
    assert slow.count == 2
    last = error.attempts[-1]
    assert isinstance(last.error, RequestTimeout)
    assert last.after_seconds + last.seconds == pytest.approx(3.0)


def test_no_turn_begins_after_the_deadline() -> None:
    late = scripted(STRAY, seconds=3.0)
    manager = scripted_manager(late)

    async def two_turns() -> Settled[Any, LLMError]:
        return await settle(manager.generate_as(Review, evolve(HI, deadline_ms=3_000)))

    assert isinstance(failure(run_virtual(two_turns())), OutputInvalid | RequestTimeout)
    assert late.count == 1


def test_a_re_ask_stays_within_what_the_call_may_cost() -> None:
    model = costly(LLMResponse(content=STRAY, model="m", provider="one", usage=Usage(output_tokens=4)), FITS)
    limited = evolve(HI, max_cost_usd=Decimal("0.08"), preferences=Preferences(max_tokens=5))
    error = failure(structured(model, limited))
    assert isinstance(error, OutputInvalid)
    assert model.count == 1
    refused = error.attempts[-1]
    assert isinstance(refused.error, BudgetExceeded)
    assert (refused.sent, refused.error.left) == (False, "0.04")
    assert structured(costly(STRAY, FITS), evolve(limited, max_cost_usd=Decimal(1))).unwrap().value == Review(3)


def test_what_a_call_may_cost_is_looked_at_before_its_first_attempt() -> None:
    dear, cheap = costly("dear"), scripted("cheap", provider="two")
    limited = evolve(HI, max_cost_usd=Decimal("0.01"), preferences=Preferences(max_tokens=100))
    answer = ask(scripted_manager(dear, cheap, config=with_retries(3)), limited).unwrap()
    assert (answer.content, dear.count) == ("cheap", 0)
    error = failure(ask(scripted_manager(costly("dear")), limited))
    assert isinstance(error, BudgetExceeded)
    assert (error.budget, error.limit, error.left) == ("max_cost_usd", "0.01", "0.01")


def test_what_is_remembered_or_shared_is_free_whatever_a_call_may_cost() -> None:
    model = costly("hello", "again", seconds=1.0)
    broke = evolve(HI, cache="use", max_cost_usd=Decimal(0), preferences=Preferences(max_tokens=5))
    rich = evolve(broke, max_cost_usd=None)

    async def calls() -> list[Settled[LLMResponse, LLMError]]:
        manager = scripted_manager(model)
        refused = settle(manager.generate(broke)), settle(manager.generate(rich)), settle(manager.generate(broke))
        together = list(await asyncio.gather(*refused))
        return [*together, await settle(manager.generate(broke)), sealed(await collect(manager.stream(broke)))]

    first, *others = run_virtual(calls())
    assert isinstance(failure(first), BudgetExceeded)
    assert [(each.unwrap().content, each.unwrap().cached, each.unwrap().shared) for each in others] == [
        ("hello", False, False),
        ("hello", False, True),
        ("hello", True, False),
        ("hello", True, False),
    ]
    assert model.count == 1


def test_what_may_have_been_billed_is_counted_at_its_worst_before_a_re_send() -> None:
    model = costly(RESET, "hello")
    limited = evolve(HI, max_cost_usd=Decimal("0.08"), preferences=Preferences(max_tokens=5))
    error = failure(ask(scripted_manager(model), limited))
    assert isinstance(error, BudgetExceeded)
    assert (error.left, model.count) == ("0.03", 1)
    assert [each.most_usd for each in error.attempts] == [Decimal("0.05"), None]
    refused = costly(DOWN, "hello")
    assert isinstance(ask(scripted_manager(refused), limited), Success), "what was not billed costs nothing"


def add(number: int) -> int:
    """One more."""
    return number + 1


CALL = LLMResponse(
    content="",
    model="scripted-1",
    provider="scripted",
    finish="tool_calls",
    tool_calls=(ToolCall(id="c", name="add", arguments='{"number": 1}'),),
)


def with_tools(model: Scripted, config: LLMConfig, request: LLMRequest = HI) -> Settled[Any, LLMError]:
    tools = [tool_from_function(add).unwrap()]
    return run_virtual(settle(scripted_manager(model, config=config).call_tools(request, tools)))


def test_the_turns_of_a_run_share_their_re_sends() -> None:
    run = with_tools(scripted(DOWN, CALL, DOWN, CALL, DOWN, "never"), with_retries(2)).unwrap()
    assert isinstance(run.stopped, ModelUnavailable)
    assert len(run.stopped.attempts) == 5
    assert [each.error for each in run.response.attempts] == [DOWN, None, DOWN, None]
    assert [len(each.attempts) for each in run.responses] == [2, 4]


def test_what_may_have_been_billed_is_told_once_whichever_turn_it_was_sent_in() -> None:
    manager = scripted_manager(scripted(RESET, CALL, DOWN, RESET, DOWN), config=with_retries(3))
    request = evolve(HI, metadata=RequestMetadata(feature="tools"))
    run_virtual(settle(manager.call_tools(request, [tool_from_function(add).unwrap()])))
    assert manager.stats().features["tools"].doubtful == 2


def test_each_turn_may_ask_every_model_again() -> None:
    assert with_tools(scripted(CALL, CALL, CALL, "done"), with_retries(0)).unwrap().response.content == "done"


def test_a_run_stays_within_what_it_may_cost() -> None:
    costing = evolve(CALL, usage=Usage(output_tokens=4))
    limited = evolve(HI, max_cost_usd=Decimal("0.08"), preferences=Preferences(max_tokens=5))
    run = with_tools(costly(costing, costing), with_retries(3), limited).unwrap()
    assert isinstance(run.stopped, BudgetExceeded)
    assert run.stopped.left == "0.04"


TOO_LONG = ContextTooLarge(model="scripted-1")


def talk(model: Scripted, turns: int, config: LLMConfig) -> tuple[Settled[LLMResponse, LLMError], Conversation]:
    storage = memory_conversations()

    async def go() -> tuple[Settled[LLMResponse, LLMError], Conversation]:
        manager = scripted_manager(model, config=config, conversations=storage)
        for number in range(turns):
            assert isinstance(await settle(manager.converse("c", LLMRequest(f"question {number}"))), Success)
        return await settle(manager.converse("c", LLMRequest("the last"))), (await settle(storage.load("c"))).unwrap()

    return run_virtual(go())


def test_a_conversation_too_long_for_every_model_is_sent_with_its_last_messages_and_says_so() -> None:
    model = scripted(*["answer"] * 6, TOO_LONG, "short")
    outcome, stored = talk(model, 6, with_retries(3))
    answer = outcome.unwrap()
    assert answer.content == "short"
    assert any("too long; only its last 4 messages were sent" in notice for notice in answer.notices)
    sent = [message.text for message in model.requests[-1].conversation()]
    assert sent == ["question 4", "answer", "question 5", "answer", "the last"]
    assert [each.error for each in answer.attempts] == [TOO_LONG, None]
    assert len(stored.messages()) == 14


def test_a_conversation_that_is_short_already_is_not_cut_further() -> None:
    model = scripted("answer", TOO_LONG)
    assert failure(talk(model, 1, with_retries(3))[0]) == TOO_LONG
    assert model.count == 2
    unsent = scripted(*["answer"] * 6, TOO_LONG)
    assert failure(talk(unsent, 6, with_retries(0))[0]) == TOO_LONG
    assert unsent.count == 7


def test_a_conversation_too_long_even_so_ends_in_that_error() -> None:
    model = scripted(*["answer"] * 6, TOO_LONG)
    config = with_retries(3, context=ContextSettings(keep_messages=50))
    error = failure(talk(model, 6, config)[0])
    assert (error, len(error.attempts)) == (TOO_LONG, 2)
