"""Gemini's client."""

from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import quote

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.envelopes import Addressed, addressed
from llm_manager.clients.gemini.codec import Defaults, decode, decode_event, encode, ended, streamed
from llm_manager.clients.gemini.counting import counted, counting
from llm_manager.clients.gemini.embedding import embedded, embedding
from llm_manager.clients.gemini.listing import MOST_PAGES, Page, described, read_page
from llm_manager.clients.profiles import describing, offered
from llm_manager.clients.talking import Dialect, Line, Offered, talking_client
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Operation
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import TokenCount
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.abilities import Ability
from llm_manager.policies.deadlines import CONNECT_SECONDS, Patient, operation_seconds
from llm_manager.policies.pricing import price
from llm_manager.services.model_client import Build, ClientParts, CountTokens, Embed, Encode, ModelClient

_ABLE: Final[frozenset[Ability]] = frozenset({"embed", "count_tokens"})
_Describe: TypeAlias = Callable[[str], ModelProfile]
_Bound: TypeAlias = Callable[[Patient, ModelProfile, Operation], Limits]


def building(facts: ProviderFacts) -> Build:
    """How a client of this provider is built; it opens nothing."""

    def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
        return addressed(facts, settings, parts.network).map(lambda way: _client(facts, settings, parts, way))

    return build


def _client(facts: ProviderFacts, settings: ProviderSettings, parts: ClientParts, way: Addressed) -> ModelClient:
    describe = describing(facts, way.endpoint, settings, parts)
    profiles = offered(facts, settings, describe)
    tiers = {profile.name: profile for profile in profiles}
    line = Line(way=way, transport=parts.make_transport(settings.ca_bundle), world=parts.world, default_model=profiles[0].name)
    defaults = Defaults(max_tokens=settings.max_tokens, temperature=settings.temperature, strict_parameters=settings.strict_parameters)

    def profile(name: str) -> ModelProfile:
        return tiers.get(name) or describe(name)

    def bound(asked: Patient, model: ModelProfile, operation: Operation) -> Limits:
        ours, own = parts.performance.timeout_ms, settings.timeout_ms
        seconds = operation_seconds(asked, model, operation, timeout_ms=ours, provider_timeout_ms=own)
        return Limits(connect_seconds=min(CONNECT_SECONDS, seconds), silence_seconds=seconds, attempt_seconds=seconds)

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        listed = await _listed(line, facts.health_path)
        return listed if isinstance(listed, Failure) else Success(tuple(described(row, profile) for row in listed.unwrap().rows))

    async def look() -> Settled[tuple[str, ...], LLMError]:
        first = await _page(line, facts.health_path)
        return first if isinstance(first, Failure) else Success(first.unwrap().names)

    dialect = Dialect(
        encode=lambda request, model: encode(request, model, defaults),
        streamed=lambda wire: (streamed(wire.path), wire.body),
        decode=decode,
        decode_event=decode_event,
        ended=ended,
    )
    known = tuple(model.name for model in facts.models)
    client = talking_client(
        dialect, line, Offered(profiles=profiles, profile=profile, known=known, list=list_models, look=look), settings, parts
    )
    return evolve(
        client,
        able=_ABLE,
        usual={} if facts.embedding_model is None else {"embed": facts.embedding_model},
        texts_per_call=facts.texts_per_call,
        embed=_embedding(facts, line, profile, bound),
        count_tokens=_counting(line, profile, dialect.encode, bound),
    )


async def _page(line: Line, path: str) -> Settled[Page, LLMError]:
    outcome = await line.ask(path)
    if isinstance(outcome, Failure):
        return outcome
    reply = outcome.unwrap()
    return await line.world.run_blocking(lambda: read_page(reply, line.who(), wall=line.world.wall()))


async def _listed(line: Line, path: str) -> Settled[Page, LLMError]:
    """Every page of the list as one."""
    rows: list[Page] = []
    token: str | None = ""
    while token is not None and len(rows) < MOST_PAGES:
        page = await _page(line, f"{path}&pageToken={quote(token, safe='')}" if token else path)
        if isinstance(page, Failure):
            return page
        rows.append(page.unwrap())
        token = rows[-1].next
    return Success(Page(rows=tuple(row for page in rows for row in page.rows)))


def _counting(line: Line, profile: _Describe, encode_request: Encode, bound: _Bound) -> CountTokens:
    """Ask for the number of tokens of a request as it would be sent."""

    async def count(request: LLMRequest) -> Settled[TokenCount, LLMError]:
        model = profile(request.preferences.model or line.default_model)
        encoded = sealed(encode_request(request, model))
        if isinstance(encoded, Failure):
            return encoded
        path, body = counting(encoded.unwrap(), model.name)
        outcome = await line.ask(path, method="POST", body=body, model=model.name, limits=bound(request, model, "count_tokens"))
        if isinstance(outcome, Failure):
            return outcome
        return counted(outcome.unwrap(), evolve(line.who(model.name), request=request), wall=line.world.wall())

    return publish(count)


def _embedding(facts: ProviderFacts, line: Line, profile: _Describe, bound: _Bound) -> Embed:
    """Ask for the vectors of some texts, from the provider's own model unless the request names one."""

    async def embed(asked: EmbedRequest) -> Settled[Embeddings, LLMError]:
        began = line.world.now()
        model = profile(asked.model or facts.embedding_model or line.default_model)
        written = sealed(embedding(asked, model.name, most=facts.texts_per_call))
        if isinstance(written, Failure):
            return written
        path, body = written.unwrap()
        outcome = await line.ask(path, method="POST", body=body, model=model.name, limits=bound(asked, model, "embed"))
        if isinstance(outcome, Failure):
            return outcome
        reply = outcome.unwrap()
        who = line.who(model.name).saying(asked.texts)
        read = await line.world.run_blocking(lambda: embedded(reply, who, len(asked.texts), wall=line.world.wall()))
        if isinstance(read, Failure):
            return read
        answer = read.unwrap()
        return Success(evolve(answer, cost=price(answer.usage, model.price), latency_seconds=line.world.now() - began))

    return publish(embed)
