"""What every attempt tells the journal: that it left, and once how it ended; or that it had no need to leave."""

from collections.abc import Callable

from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import AttemptAnswered, AttemptFailed, AttemptLeft, AttemptStarted, CacheHit
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Cost, Unpriced, Usage
from llm_manager.policies.budget_rules import most_of
from llm_manager.policies.pricing import Pricing
from llm_manager.policies.prompt_prefixes import saved_by_prefixes
from llm_manager.services.gates import Emit


class Started:
    """An attempt that has left, to be told once that it was ``answered``, that it ``failed`` or that it was ``left``."""

    __slots__ = ("_attempt", "_began", "_emit", "_key", "_now")

    def __init__(self, attempt: AnyAttempt, emit: Emit, now: Callable[[], float]) -> None:
        self._attempt, self._emit, self._now = attempt, emit, now
        key = self._key = None if attempt.key is None else attempt.key.fingerprint
        began = self._began = now()
        emit(
            AttemptStarted(
                at=began,
                call_id=attempt.call_id,
                number=attempt.number,
                provider=attempt.model.provider,
                model=attempt.model.name,
                operation=attempt.operation,
                key_fingerprint=key,
                metadata=attempt.metadata,
            )
        )

    def answered(self, usage: Usage | None, cost: Cost, tokens_per_second: float | None = None) -> None:
        """Its model answered."""
        at, attempt = self._now(), self._attempt
        self._emit(
            AttemptAnswered(
                at=at,
                call_id=attempt.call_id,
                number=attempt.number,
                provider=attempt.model.provider,
                model=attempt.model.name,
                seconds=at - self._began,
                usage=usage,
                cost=cost,
                operation=attempt.operation,
                tokens_per_second=tokens_per_second,
                metadata=attempt.metadata,
                key_fingerprint=self._key,
                most=most_of(attempt) if usage is None or isinstance(cost, Unpriced) else None,
                prefix_saved_usd=None if usage is None or not _kept(usage) else saved_by_prefixes(usage, attempt.model.price),
            )
        )

    def failed(self, error: LLMError) -> None:
        """Its model did not answer."""
        at, attempt = self._now(), self._attempt
        self._emit(
            AttemptFailed(
                at=at,
                call_id=attempt.call_id,
                number=attempt.number,
                provider=attempt.model.provider,
                model=attempt.model.name,
                seconds=at - self._began,
                error=error,
                operation=attempt.operation,
                metadata=attempt.metadata,
                key_fingerprint=self._key,
                most=None if charge_of(error) == "none" else most_of(attempt),
            )
        )

    def left(self) -> None:
        """Nobody waits for it any more."""
        at, attempt = self._now(), self._attempt
        self._emit(
            AttemptLeft(
                at=at,
                call_id=attempt.call_id,
                number=attempt.number,
                provider=attempt.model.provider,
                model=attempt.model.name,
                seconds=at - self._began,
                operation=attempt.operation,
                metadata=attempt.metadata,
                key_fingerprint=self._key,
                most=most_of(attempt),
            )
        )


def _kept(usage: Usage) -> bool:
    """Say whether the provider kept any of the prompt, or had kept it."""
    return bool(usage.cache_read_tokens or usage.cache_write_tokens or usage.cache_write_long_tokens)


def hit(attempt: Attempt, answer: LLMResponse, pricing: Pricing, now: float, *, shared: bool) -> CacheHit:
    """An attempt that was answered from memory, or by an equal one under way."""
    return CacheHit(
        at=now,
        call_id=attempt.call_id,
        provider=attempt.endpoint.provider,
        model=attempt.model.name,
        shared=shared,
        usage=answer.usage,
        saved=pricing(answer.usage, attempt.model.price),
        metadata=attempt.metadata,
    )
