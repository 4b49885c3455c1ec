"""`llm-manager compare`: one prompt to several models at once, their answers side by side."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.cli.documents import cost_usd, response_document
from llm_manager.cli.exits import FAILED, OK, error_document
from llm_manager.cli.generate import summary
from llm_manager.cli.session import Session
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Cost, Priced
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.runs.telling import described


@frozen(kw_only=True)
class Contender:
    """Who is asked: a model, a provider, or a model of a provider."""

    model: str | None = None
    provider: str | None = None

    @property
    def title(self) -> str:
        """As it was named."""
        return "/".join(part for part in (self.provider, self.model) if part)


def contenders(models: Sequence[str], providers: Sequence[str]) -> Settled[tuple[Contender, ...], LLMError]:
    """Who takes part: each model, at the one provider if there is one; without models each provider with its own choice."""
    if not all(name.strip() for name in (*models, *providers)):
        return Failure(InvalidRequest(message="a model or provider has an empty name: say which one is meant, or leave it out"))
    if models and len(providers) > 1:
        return Failure(InvalidRequest(message="with several providers name each model as provider/model"))
    if models:
        named = tuple(Contender(model=model, provider=providers[0] if providers else None) for model in dict.fromkeys(models))
    else:
        named = tuple(Contender(provider=provider) for provider in dict.fromkeys(providers))
    if len(named) < 2:
        return Failure(InvalidRequest(message="name at least two to compare: --model A --model B, or --provider A --provider B"))
    return Success(named)


async def compare(session: Session, request: LLMRequest, asked: Sequence[Contender]) -> int:
    """Ask all at once, each exactly; who fails is shown with its error, and makes the command fail in the end."""
    requests = [
        evolve(request, preferences=evolve(request.preferences, model=each.model, provider=each.provider, exact=True)) for each in asked
    ]
    outcomes: list[Settled[LLMResponse, LLMError]] = list(await asyncio.gather(*(_answer(session, each) for each in requests)))
    if session.output.json:
        session.output.document(document(asked, outcomes))
    else:
        session.output.panels([_panel(each, outcome) for each, outcome in zip(asked, outcomes, strict=True)])
        session.output.note(total_line(outcomes))
    cut = request.preferences.max_tokens is None
    fine = all(isinstance(outcome, Success) and (outcome.unwrap().complete or not cut) for outcome in outcomes)
    return OK if fine else FAILED


async def _answer(session: Session, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
    ready = await session.prepare(request)
    return ready if isinstance(ready, Failure) else await settle(session.manager.generate(request))


def document(asked: Sequence[Contender], outcomes: Sequence[Settled[LLMResponse, LLMError]]) -> dict[str, Any]:
    """Every answer or error beside what was asked for, and what all cost together."""
    total, unpriced = _total(outcomes)
    return {
        "answers": [
            {
                "asked": each.title,
                **(
                    {**error_document(outcome.failure()), "content": None}
                    if isinstance(outcome, Failure)
                    else {**response_document(outcome.unwrap()), "error": None}
                ),
            }
            for each, outcome in zip(asked, outcomes, strict=True)
        ],
        "total_usd": format(total, "f"),
        "unpriced": unpriced,
    }


def total_line(outcomes: Sequence[Settled[LLMResponse, LLMError]]) -> str:
    """What all answers cost together, and how many of them have no price."""
    total, unpriced = _total(outcomes)
    failed = sum(isinstance(outcome, Failure) for outcome in outcomes)
    parts = [f"total cost {total:f} USD"]
    if unpriced:
        parts.append(f"{unpriced} of unknown price")
    if failed:
        parts.append(f"{failed} of {len(outcomes)} failed")
    return ", ".join(parts)


def _total(outcomes: Sequence[Settled[LLMResponse, LLMError]]) -> tuple[Decimal, int]:
    costs: list[Cost] = [outcome.unwrap().cost for outcome in outcomes if isinstance(outcome, Success)]
    priced = [cost.usd for cost in costs if isinstance(cost, Priced)]
    return sum(priced, Decimal(0)), len(costs) - len(priced)


def _panel(asked: Contender, outcome: Settled[LLMResponse, LLMError]) -> tuple[str, str, str]:
    if isinstance(outcome, Failure):
        return asked.title, f"error: {described(outcome.failure())}", outcome.failure().tag
    response = outcome.unwrap()
    usd = cost_usd(response.cost)
    finish = "" if response.finish == "stop" else f", ended by {response.finish}"
    calls = "\n".join(f"calls {call.name}({call.arguments})" for call in response.tool_calls)
    text = "\n".join(part for part in (response.content, calls) if part)
    return asked.title, text, f"{summary(response)}, {'price unknown' if usd is None else f'{usd} USD'}{finish}"
