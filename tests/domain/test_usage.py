"""What an answer took, and what came with it."""

import attrs
from hypothesis import given

from llm_manager.domain.usage import Usage
from llm_manager.testing import strategies as some


@given(some.usages())
def test_buckets_sum_to_the_total(usage: Usage) -> None:
    """No token is counted twice and none is lost."""
    assert usage.total_tokens == sum(attrs.astuple(usage))
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@given(some.usages(), some.usages(), some.usages())
def test_addition_is_that_of_numbers(one: Usage, two: Usage, three: Usage) -> None:
    """Sums do not depend on the order, and nothing added changes nothing."""
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + Usage() == one
    assert (one + two).total_tokens == one.total_tokens + two.total_tokens
