"""What dialects do besides chat in the same way: a question of one request, bounded, and read by a pure function of the dialect."""

from collections.abc import Callable
from typing import TypeAlias

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.clients.talking import Line
from llm_manager.clients.who import Who
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.events import Operation
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import TokenCount
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.deadlines import CONNECT_SECONDS, Patient, operation_seconds
from llm_manager.policies.pricing import price
from llm_manager.services.model_client import ClientParts, CountTokens, Embed

Describe: TypeAlias = Callable[[str], ModelProfile]
Bound: TypeAlias = Callable[[Patient, ModelProfile, Operation], Limits]
WriteTexts: TypeAlias = Callable[[EmbedRequest, ModelProfile], Result[WireRequest, LLMError]]
ReadVectors: TypeAlias = Callable[[WireReply, Who, int, float], Settled[Embeddings, LLMError]]
"""Reads so many vectors at a wall time."""
WriteCount: TypeAlias = Callable[[LLMRequest, ModelProfile], Result[WireRequest, LLMError]]
ReadCount: TypeAlias = Callable[[WireReply, Who, float], Settled[TokenCount, LLMError]]


def bounding(settings: ProviderSettings, parts: ClientParts) -> Bound:
    """How long such a question may take: what it says itself, then the provider's settings, then all settings."""

    def bound(asked: Patient, model: ModelProfile, operation: Operation) -> Limits:
        ours, own = parts.performance.timeout_ms, settings.timeout_ms
        seconds = operation_seconds(asked, model, operation, timeout_ms=ours, provider_timeout_ms=own)
        return Limits(connect_seconds=min(CONNECT_SECONDS, seconds), silence_seconds=seconds, attempt_seconds=seconds)

    return bound


def embedding(line: Line, profile: Describe, bound: Bound, *, default: str, most: int, write: WriteTexts, read: ReadVectors) -> Embed:
    """Ask for the vectors of at most ``most`` texts, from the ``default`` model unless the request names one."""

    async def embed(asked: EmbedRequest) -> Settled[Embeddings, LLMError]:
        began, world = line.world.now(), line.world
        model, count = profile(asked.model or default), len(asked.texts)
        if not 0 < count <= most:
            return Failure(InvalidRequest(message=f"{model.name} takes between 1 and {most} texts at once, not {count}"))
        written = sealed(write(asked, model))
        if isinstance(written, Failure):
            return written
        wire = written.unwrap()
        outcome = await line.ask(wire.path, method="POST", body=wire.body, model=model.name, limits=bound(asked, model, "embed"))
        if isinstance(outcome, Failure):
            return outcome
        reply, who = outcome.unwrap(), line.who(model.name).saying(asked.texts)
        told = await world.run_blocking(lambda: read(reply, who, count, world.wall()))
        if isinstance(told, Failure):
            return told
        answer = told.unwrap()
        cost, seconds = price(answer.usage, model.price), world.now() - began
        return Success(evolve(answer, cost=cost, latency_seconds=seconds, notices=wire.notices))

    return publish(embed)


def counting(line: Line, profile: Describe, bound: Bound, *, write: WriteCount, read: ReadCount, above_base: bool = False) -> CountTokens:
    """Ask for the number of tokens of a request; ``above_base`` leaves the version out of the path."""

    async def count(request: LLMRequest) -> Settled[TokenCount, LLMError]:
        model = profile(request.preferences.model or line.default_model)
        who, limits = evolve(line.who(model.name), request=request), bound(request, model, "count_tokens")
        outcome = await post(line, write(request, model), who, limits, above_base=above_base)
        return outcome if isinstance(outcome, Failure) else read(outcome.unwrap(), who, line.world.wall())

    return publish(count)


async def post(
    line: Line, written: Result[WireRequest, LLMError], who: Who, limits: Limits, *, above_base: bool = False
) -> Settled[WireReply, LLMError]:
    """Send what was written, and wait for the whole answer."""
    wire = sealed(written)
    if isinstance(wire, Failure):
        return wire
    path, body = wire.unwrap().path, wire.unwrap().body
    return await line.ask(path, method="POST", body=body, model=who.model, limits=limits, above_base=above_base)
