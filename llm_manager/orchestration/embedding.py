"""Texts as vectors: each distinct one asked once, in batches, several at once; what was paid for is remembered.

One plan step, one model: vectors of two models do not compare. The re-sends of all batches share one count, so that
requests never pass the batches plus ``max_retries``.
"""

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Final

from attrs import evolve, frozen
from msgspec.structs import replace
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.caching import Provenance, Remembered
from llm_manager.domain.embeddings import Embeddings, EmbedRequest, Vector
from llm_manager.domain.errors import AttemptRecord, Attempts, LLMError, with_attempts
from llm_manager.domain.events import CacheHit
from llm_manager.domain.plans import Plan
from llm_manager.domain.usage import Cost, Priced, Unpriced, Usage
from llm_manager.effects import publish
from llm_manager.orchestration.asking_once import one_for_each
from llm_manager.orchestration.operating import OperatingDeps, Round, cost_of
from llm_manager.orchestration.trying import Missed, record, try_steps
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.cache_key import vector_keys
from llm_manager.policies.operation_faults import check_operation, too_large
from llm_manager.policies.pricing import together
from llm_manager.policies.recovery import GiveUp, Means, Move, Try, next_move
from llm_manager.policies.request_faults import not_asked
from llm_manager.services.cache import Cache
from llm_manager.services.model_client import Embed, ModelClient

_LOOKED_UP_AT_ONCE: Final = 1000
"""Texts looked up before others on the event loop get their turn."""


def embedding(deps: OperatingDeps, vectors: Cache[Vector] | None) -> Embed:
    """Turn texts into vectors; without a cache nothing is remembered."""

    async def embed(asked: EmbedRequest) -> Settled[Embeddings, LLMError]:
        strange = not_asked(asked, EmbedRequest)
        if strange is not None:
            return Failure(strange)

        async def work(call_id: str, started: float) -> Settled[Embeddings, LLMError]:
            wrong = check_operation(asked)
            if wrong is not None:
                return Failure(wrong)
            planned = sealed(await deps.choose(asked))
            if isinstance(planned, Failure):
                return planned
            plan = planned.unwrap()
            profile = plan.steps[0].profile
            overlong = too_large(asked, profile)
            if overlong is not None:
                return Failure(overlong)
            distinct = dict.fromkeys(asked.texts)
            size = max(1, deps.clients()[profile.provider].texts_per_call)
            most = max(1, min(-(-len(distinct) // size), deps.performance.concurrency or profile.concurrency))
            waves = -(-len(distinct) // (size * most))
            tries = Round(deps=deps, operation="embed", call_id=call_id, asked=asked, plan=plan)
            start = tries.ledger(started, waves=max(1, waves))
            memory = _memory(asked, plan, vectors)
            job = _Job(asked=asked, size=size, tries=tries, start=start, memory=memory, texts=iter(distinct))
            error = await job.done_by(most)
            if error is not None:
                return Failure(with_attempts(error, job.records()))
            answer = job.answer(deps.world.now() - started)
            if 0 < len(answer.vectors) == answer.remembered:
                hit = CacheHit(
                    at=deps.world.now(),
                    call_id=call_id,
                    provider=profile.provider,
                    model=profile.name,
                    shared=False,
                    operation="embed",
                    saved=job.saved(),
                    metadata=asked.metadata,
                )
                deps.journal.emit(hit)
            return Success(answer)

        return await deps.told(asked.metadata, work)

    return publish(embed)


@frozen(kw_only=True)
class _Memory:
    cache: Cache[Vector]
    key: Callable[[str], str]
    reads: bool
    provenance: Provenance

    async def recall(self, text: str) -> Remembered[Vector] | None:
        """The remembered vector; a cache that fails remembers nothing."""
        if not self.reads:
            return None
        found = await self.cache.get(self.key(text))
        return found.unwrap() if isinstance(found, Success) else None

    async def store(self, answer: Embeddings, batch: tuple[str, ...]) -> None:
        """Remember the vectors of a batch; each text took its share of what the batch cost."""
        cost = answer.cost.usd / len(batch) if isinstance(answer.cost, Priced) else None
        made_by = answer.model if answer.model != self.provenance.model else None
        provenance = evolve(self.provenance, cost_usd=cost, made_by=made_by)
        for text, vector in zip(batch, answer.vectors, strict=True):
            await self.cache.put(self.key(text), Remembered(value=vector, provenance=provenance))


def _memory(asked: EmbedRequest, plan: Plan, vectors: Cache[Vector] | None) -> _Memory | None:
    if vectors is None or asked.cache == "off":
        return None
    step = plan.steps[0]
    provenance = Provenance(
        provider=step.profile.provider,
        model=step.profile.name,
        tenant=asked.metadata.tenant,
        tags=asked.metadata.tags,
        private=plan.classification.sensitivity == "private",
    )
    key = vector_keys(asked, step.endpoint, step.profile.name)
    return _Memory(cache=vectors, key=key, reads=asked.cache == "use", provenance=provenance)


class _Job:
    """The batches of one call: workers take texts, ask for their vectors and leave them."""

    def __init__(
        self, *, asked: EmbedRequest, size: int, tries: Round, start: Ledger, memory: _Memory | None, texts: Iterator[str]
    ) -> None:
        self._asked, self._size, self._tries, self._start, self._memory, self._texts = asked, size, tries, start, memory, texts
        self._taking = asyncio.Lock()
        self._found: dict[str, Vector] = {}
        self._remembered: set[str] = set()
        self._saved: list[Decimal | None] = []
        self._made_by: str | None = None
        self._paid: list[Embeddings] = []
        self._records: list[AttemptRecord] = []
        self._begun = 0
        self._resends = 0
        self._failed: LLMError | None = None

    async def done_by(self, workers: int) -> LLMError | None:
        """Ask everything, by so many workers; after a failure no batch is begun, and those under way are waited for and kept."""
        if workers == 1:
            await self._work()
            return self._failed
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work())
        return self._failed

    def answer(self, seconds: float) -> Embeddings:
        """All vectors in the order of their texts, and what they took."""
        profile = self._tries.plan.steps[0].profile
        usages = [each.usage for each in self._paid]
        told = [usage for usage in usages if usage is not None]
        return Embeddings(
            vectors=tuple(self._found[text] for text in self._asked.texts),
            model=self._paid[0].model if self._paid else self._made_by or profile.name,
            provider=profile.provider,
            usage=sum(told, Usage()) if len(told) == len(usages) else None,
            cost=together(each.cost for each in self._paid),
            remembered=sum(text in self._remembered for text in self._asked.texts),
            latency_seconds=seconds,
            attempts=self.records(),
            notices=tuple(dict.fromkeys((*self._tries.plan.notices, *(told for each in self._paid for told in each.notices)))),
        )

    def saved(self) -> Cost:
        """What the remembered vectors took when they were made."""
        known = [usd for usd in self._saved if usd is not None]
        if len(known) < len(self._saved):
            return Unpriced(reason="what some of the vectors took is not known")
        return Priced(usd=sum(known, Decimal(0)), price_version="remembered")

    def records(self) -> Attempts:
        """Every attempt of every batch, in the order in which they began."""
        return tuple(sorted(self._records, key=lambda each: each.number))

    async def _work(self) -> None:
        while self._failed is None and (batch := await self._batch()):
            outcome = await self._vectors_of(batch)
            if isinstance(outcome, Failure):
                self._give_up(outcome.failure())
                return
            answer = outcome.unwrap()
            self._paid.append(evolve(answer, vectors=()))
            self._found.update(zip(batch, answer.vectors, strict=True))
            if self._memory is not None:
                await self._memory.store(answer, batch)

    def _give_up(self, error: LLMError) -> None:
        if self._failed is None:
            self._failed = error

    async def _batch(self) -> tuple[str, ...]:
        """The next texts to be paid for; those remembered are set aside on the way."""
        async with self._taking:
            if self._memory is None:
                return tuple(islice(self._texts, self._size))
            batch: list[str] = []
            for looked, text in enumerate(self._texts, start=1):
                remembered = await self._memory.recall(text)
                if remembered is not None:
                    self._found[text] = remembered.value
                    self._remembered.add(text)
                    self._saved.append(remembered.provenance.cost_usd)
                    self._made_by = self._made_by or remembered.provenance.made_by
                else:
                    batch.append(text)
                    if len(batch) == self._size:
                        break
                if looked % _LOOKED_UP_AT_ONCE == 0:
                    await self._tries.deps.world.sleep(0.0)
            return tuple(batch)

    async def _vectors_of(self, batch: tuple[str, ...]) -> Settled[Embeddings, LLMError]:
        tries, number = self._tries, 0
        plan, deps = tries.plan, tries.deps

        def ask(client: ModelClient, model: str, milliseconds: int) -> FutureResult[Embeddings, LLMError]:
            sent = evolve(self._asked, texts=batch, model=model, provider=client.endpoint.provider, timeout_ms=milliseconds)
            return client.embed(sent).bind_result(lambda said: one_for_each(said, said.vectors, batch))

        async def step(move: Try, ledger: Ledger, began: float) -> Settled[Embeddings, Missed]:
            nonlocal number
            number = self._begun = self._begun + 1
            outcome = await tries.attempt(move.step, ledger, ask, texts=batch, number=number, last_resort=move.last_resort)
            if isinstance(outcome, Failure):
                return outcome
            answer, key = outcome.unwrap()
            cost = cost_of(answer, plan.steps[move.step].profile)
            line = record(plan, ledger, move.step, began, deps.world.now(), cost=cost, key=key)
            self._records.append(evolve(line, number=number))
            return Success(evolve(answer, cost=cost))

        def decide(plan: Plan, ledger: Ledger, error: LLMError, *, now: float, jitter: float, means: Means) -> Move:
            self._records.append(evolve(ledger.attempts[-1], number=number))
            if self._failed is not None:
                return GiveUp(error=error)
            others = replace(ledger, resent=max(0, self._resends - ledger.resends))
            move = next_move(plan, others, error, now=now, jitter=jitter, means=means)
            self._resends += isinstance(move, Try) and ledger.attempts[-1].sent  # what was kept back has been counted, or was the first
            return move

        return await try_steps(step, evolve(tries.trial(), decide=decide), self._start)
