"""What money went to."""

from decimal import Decimal

from llm_manager.domain.statistics import ModelStatistics, Spending, Statistics
from llm_manager.domain.usage import Usage
from llm_manager.policies.expenses import Expense, expense_lines, expenses


def model(provider: str, name: str, usd: str, unpriced: int = 0) -> ModelStatistics:
    """Three requests to a model."""
    return ModelStatistics(
        provider=provider, model=name, attempts=3, usage=Usage(input_tokens=7, output_tokens=2), cost_usd=Decimal(usd), unpriced=unpriced
    )


SEEN = Statistics(
    models={
        "openai/small": model("openai", "small", "0.25"),
        "openai/large": model("openai", "large", "1.50"),
        "ollama/free": model("ollama", "free", "0"),
        "groq/odd": model("groq", "odd", "0", unpriced=2),
    },
    users={f"user {number}": Spending(calls=1, tokens=number, cost_usd=Decimal(number)) for number in range(9)},
    features={"search": Spending(calls=5, cost_usd=Decimal(1))},
)


def test_expenses_come_dearest_first() -> None:
    """And what cost nothing is none."""
    found = expenses(SEEN)
    assert [(each.name, str(each.cost_usd)) for each in found if each.by == "model"] == [
        ("openai/large", "1.50"),
        ("openai/small", "0.25"),
        ("groq/odd", "0"),
    ]
    assert [each.name for each in found if each.by == "provider"] == ["openai", "groq"]
    assert Expense(by="feature", name="search", requests=5, tokens=0, cost_usd=Decimal(1)) in found
    assert [each.name for each in found if each.by == "user"][:2] == ["user 8", "user 7"]


def test_lines_show_the_dearest_of_each_kind_that_has_several() -> None:
    """One line a kind."""
    assert list(expense_lines(SEEN)) == [
        "spent by provider: openai 1.75 USD (6 requests), groq 0 USD (3 requests) and 2 requests of unknown cost",
        "spent by model: openai/large 1.5 USD (3 requests), openai/small 0.25 USD (3 requests), "
        "groq/odd 0 USD (3 requests) and 2 requests of unknown cost",
        "spent by user: user 8 8 USD (1 request), user 7 7 USD (1 request), user 6 6 USD (1 request), user 5 5 USD (1 request), "
        "user 4 4 USD (1 request), and 3 more",
    ]
    assert list(expense_lines(Statistics())) == []
