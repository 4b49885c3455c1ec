"""What somebody who may not leave is told: which bound it met, and what to change."""

from typing import assert_never

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.errors import ContextTooLarge, LLMError, Origin, RateLimitExceeded
from llm_manager.policies.admission import Refused, Rules
from llm_manager.policies.fair_queue import Waiter


def refusal(attempt: AnyAttempt, refused: Refused, waiter: Waiter, rules: Rules, *, waited: float) -> LLMError:
    """The refusal of our own limiter as an error."""
    provider, model = attempt.endpoint.provider, attempt.model.name
    origin = Origin(provider=provider, endpoint=attempt.endpoint.base_url)
    seconds = refused.seconds or 0.0
    time = f"deadline_ms, or admission.longest_wait_seconds, now {rules.longest_wait:g}"
    match refused.why:
        case "size":
            said = (
                f"a request of about {waiter.tokens} tokens is more than the tokens_per_minute set for {provider}: shorten it, or set more"
            )
            return ContextTooLarge(
                model=model,
                token_count=waiter.tokens,
                limit=rules.tokens,
                limit_kind="tokens_per_minute",
                message=said,
                origin=origin,
            )
        case "full":
            said = f"{rules.queue} requests wait for {provider} already: send fewer at once, or raise admission.queue"
        case "paused":
            said = f"{provider} asked to wait {seconds:.0f} s: nothing is sent to it until then"
        case "wait":
            said = (
                f"a turn at {provider} is {seconds:.0f} s away, longer than this call may wait: "
                f"give it more time ({time}), or send fewer at once"
            )
        case "late":
            said = (
                f"no turn at {provider} within {waited:.1f} s: give the call more time ({time}), send fewer at once, "
                "or raise what is set for the provider (requests_per_minute, tokens_per_minute, concurrency)"
            )
        case _:
            assert_never(refused.why)
    return RateLimitExceeded(model=model, retry_after_seconds=refused.seconds, message=said, local=True, origin=origin)
