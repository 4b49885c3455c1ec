"""The worst that all rows under way can cost never passes the budget of their run."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.messages import ImageUrl, Message
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.policies.run_budget import may_ask, spent_error, worst_of
from llm_manager.testing import scripted

_USD = st.decimals(0, 100, places=4)


@given(_USD, _USD, _USD, _USD)
def test_what_may_be_asked_fits(limit: Decimal, spent: Decimal, set_aside: Decimal, worst: Decimal) -> None:
    told = may_ask(limit, spent=spent, set_aside=set_aside, worst=worst)
    assert (told == "ask") == (spent + set_aside + worst <= limit)
    assert told != "wait" or set_aside > 0, "who waits, waits for somebody"


def test_the_worst_of_a_row_is_known_where_the_price_is() -> None:
    dear = scripted("x", provider="openai", locality="cloud").client.profiles[0]
    request = LLMRequest("hello", preferences=Preferences(max_tokens=10))
    worst = worst_of(request, dear)
    assert worst is not None
    assert worst > 0
    assert worst_of(request, None) is None
    seen = LLMRequest(messages=(Message(role="user", content=(ImageUrl(url="https://x/y.png"),)),))
    assert worst_of(seen, dear) is None
    assert worst_of(seen, scripted("x").client.profiles[0]) == 0, "whatever a picture takes, it is free here"


def test_why_a_run_pauses_is_told() -> None:
    error = spent_error(Decimal(2), spent=Decimal("1.5"), worst=Decimal(1))
    assert (error.limit, error.left) == ("2", "0.5")
    assert "not known" in spent_error(Decimal(2), spent=Decimal(0), worst=None).message
