"""A stable beginning, and no word of anybody's changed."""

from decimal import Decimal
from random import Random

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.messages import Message, TextPart, ToolSpec
from llm_manager.domain.models import FREE, KnownPrice, PriceTier, UnknownPrice
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Usage
from llm_manager.policies.prompt_prefixes import arranged, saved_by_prefixes
from llm_manager.testing.strategies import requests

_words = st.sampled_from(["be brief", "be kind", "Be brief", ""])
_spoken = _words.map(lambda text: (TextPart(text=text),))
_messages = st.lists(st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=_spoken), max_size=8)
_tools = st.lists(st.builds(ToolSpec, name=st.text("abc", min_size=1, max_size=2)), max_size=5, unique_by=lambda tool: tool.name)
_requests = st.builds(LLMRequest, _words, system=st.none() | _words, messages=_messages.map(tuple), tools=_tools.map(tuple))


@given(_requests | requests())
def test_no_words_but_repeated_ones_of_the_system_are_touched(request: LLMRequest) -> None:
    """What anybody else said is there, whole and in its order; so is all that the system said, once."""
    done = arranged(request)

    def others(asked: LLMRequest) -> list[Message]:
        return [message for message in asked.conversation() if message.role != "system"]

    def systems(asked: LLMRequest) -> list[Message]:
        return [message for message in asked.conversation() if message.role == "system"]

    assert others(done) == others(request)
    assert {message.text for message in systems(done)} == {message.text for message in systems(request)}
    first = [message for place, message in enumerate(systems(request)) if message not in systems(request)[:place]]
    assert [message.text for message in systems(done)] == [message.text for message in first]
    assert evolve(done, messages=(), tools=()) == evolve(request, messages=(), tools=())
    assert {tool.name: tool for tool in done.tools} == {tool.name: tool for tool in request.tools}


@given(_requests | requests())
def test_arranging_again_changes_nothing(request: LLMRequest) -> None:
    done = arranged(request)
    assert arranged(done) is done


@given(_requests, st.integers())
def test_tools_in_any_order_are_sent_in_one(request: LLMRequest, seed: int) -> None:
    """So that what comes before the words stays the same from call to call."""
    shuffled = list(request.tools)
    Random(seed).shuffle(shuffled)
    assert arranged(evolve(request, tools=tuple(shuffled))) == arranged(request)


def test_a_usual_request_is_itself() -> None:
    request = LLMRequest("Hi", system="Be brief.", messages=(Message(role="user", content="a"), Message(role="assistant", content="b")))
    assert arranged(request) is request


PRICE = KnownPrice(
    input_usd=Decimal(10),
    output_usd=Decimal(30),
    cache_read_usd=Decimal(1),
    cache_write_usd=Decimal("12.5"),
    version="v",
    tiers=(PriceTier(above_tokens=10_000, input_usd=Decimal(20), output_usd=Decimal(60), cache_read_usd=Decimal(2)),),
)


def test_what_kept_beginnings_saved_is_told() -> None:
    assert saved_by_prefixes(Usage(input_tokens=100, cache_read_tokens=1000, output_tokens=7), PRICE) == Decimal("0.009")
    assert saved_by_prefixes(Usage(input_tokens=100, cache_write_tokens=1000), PRICE) == Decimal("-0.0025")
    assert saved_by_prefixes(Usage(input_tokens=100, cache_read_tokens=10_000), PRICE) == Decimal("0.18")
    assert saved_by_prefixes(Usage(input_tokens=100), PRICE) == 0
    assert saved_by_prefixes(Usage(cache_read_tokens=100), FREE) == 0
    assert saved_by_prefixes(Usage(cache_read_tokens=100), UnknownPrice()) is None
