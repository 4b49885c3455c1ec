"""What `--json` writes: each answer of the command line as plain data whose keys are a promise."""

from decimal import Decimal
from typing import Any, assert_never

from llm_manager.domain.models import Health, KnownPrice, ModelProfile, Price, UnknownPrice
from llm_manager.domain.plans import Plan
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.standing import Standing
from llm_manager.domain.usage import Cost, Priced, Unpriced, Usage
from llm_manager.policies.provider_infos import ProviderStatus


def response_document(response: LLMResponse) -> dict[str, Any]:
    """An answer. Money is decimal text, since a float would round it; null is not known."""
    return {
        "content": response.content,
        "model": response.model,
        "provider": response.provider,
        "finish": response.finish,
        "complete": response.complete,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in response.tool_calls],
        "usage": None if response.usage is None else _usage(response.usage),
        "cost_usd": cost_usd(response.cost),
        "latency_seconds": response.latency_seconds,
        "time_to_first_token_seconds": response.time_to_first_token_seconds,
        "cached": response.cached,
        "age_seconds": response.age_seconds,
        "attempts": len(response.attempts),
        "notices": list(response.notices),
        "request_id": response.request_id,
    }


def plan_document(plan: Plan) -> dict[str, Any]:
    """A route: what would be asked, in order, and what would not, with every reason."""
    return {
        "strategy": plan.strategy,
        "task_type": plan.classification.task_type,
        "complexity": plan.classification.complexity,
        "sensitivity": plan.classification.sensitivity,
        "classified_by": list(plan.classification.reasons),
        "max_retries": plan.max_retries,
        "steps": [
            {
                "model": step.profile.name,
                "provider": step.profile.provider,
                "endpoint": step.endpoint.base_url,
                "locality": step.endpoint.locality,
                "reasons": list(step.reasons),
            }
            for step in plan.steps
        ],
        "refused": [{"provider": refusal.provider, "model": refusal.model or None, "reason": refusal.reason} for refusal in plan.refused],
        "notices": list(plan.notices),
    }


def model_document(profile: ModelProfile, lack: str | None = None) -> dict[str, Any]:
    """A model; prices are US dollars per million tokens, as decimal text. ``lack`` is why it cannot be asked."""
    price = profile.price if isinstance(profile.price, KnownPrice) else None
    return {
        "name": profile.name,
        "provider": profile.provider,
        "kind": profile.kind,
        "locality": profile.locality,
        "tier": profile.tier,
        "context_window": profile.context_window,
        "max_output_tokens": profile.max_output_tokens,
        "input_usd": None if price is None else str(price.input_usd),
        "output_usd": None if price is None else str(price.output_usd),
        "cache_read_usd": None if price is None else _text(price.cache_read_usd),
        "cache_write_usd": None if price is None else _text(price.cache_write_usd),
        "cache_write_long_usd": None if price is None else _text(price.cache_write_long_usd),
        "price_version": None if price is None else price.version,
        "vision": profile.vision,
        "documents": profile.documents,
        "tools": profile.tools,
        "json_schema": profile.json_schema,
        "reasoning": profile.reasoning,
        "quality": profile.quality,
        "latency_seconds": profile.latency_seconds,
        "retired": profile.retired,
        "replaced_by": profile.replaced_by,
        "configured": lack is None,
    }


def provider_document(status: ProviderStatus, state: str) -> dict[str, Any]:
    """A provider: what it is, how it is, and the models it offers."""
    info = status.info
    return {
        "name": info.name,
        "description": info.description,
        "aliases": list(info.aliases),
        "locality": info.where,
        "key_variable": info.key_variable,
        "abilities": list(info.abilities),
        "usual_models": dict(info.models),
        "available": status.available,
        "state": state,
        "models": [profile.name for profile in status.models],
    }


def health_document(health: Health, standing: Standing) -> dict[str, Any]:
    """An endpoint: whether it answers, how fast, what it serves, and what holds requests to it back."""
    breakers = [one.phase for one in standing.breakers if one.provider == health.provider]
    return {
        "provider": health.provider,
        "healthy": health.healthy,
        "latency_seconds": health.latency_seconds,
        "models": list(health.models),
        "error": health.error_message,
        "breaker": breakers[0] if breakers else "closed",
        "paused_seconds": max((one.paused_seconds for one in standing.scopes if one.provider == health.provider), default=0.0),
    }


def cost_usd(cost: Cost) -> str | None:
    """A cost as decimal text, or None when it is not known."""
    match cost:
        case Priced(usd=usd):
            return format(usd, "f")
        case Unpriced():
            return None
        case _:
            assert_never(cost)


def price_words(price: Price) -> str:
    """A price per million tokens, in and out, for a person."""
    match price:
        case KnownPrice(input_usd=asked, output_usd=answered):
            return "free" if not asked and not answered else f"{asked.normalize():f} / {answered.normalize():f}"
        case UnknownPrice():
            return "unknown"
        case _:
            assert_never(price)


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_long_tokens": usage.cache_write_long_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": usage.total_tokens,
    }
