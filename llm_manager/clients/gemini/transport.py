"""Gemini's client."""

from typing import Final
from urllib.parse import quote

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.clients.besides import bounding, counting, embedding
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.envelopes import Addressed, addressed
from llm_manager.clients.fitting import defaults_of
from llm_manager.clients.gemini import counting as counts
from llm_manager.clients.gemini import embedding as vectors
from llm_manager.clients.gemini.codec import decode, decode_event, encode, ended, streamed
from llm_manager.clients.gemini.listing import MOST_PAGES, Page, described, read_page
from llm_manager.clients.profiles import by_name, describing, offered
from llm_manager.clients.talking import Dialect, Line, Offered, talking_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import Settled
from llm_manager.policies.abilities import Ability
from llm_manager.services.model_client import Build, ClientParts, ModelClient

_ABLE: Final[frozenset[Ability]] = frozenset({"embed", "count_tokens"})


def building(facts: ProviderFacts) -> Build:
    """How a client of this provider is built; it opens nothing."""

    def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
        return addressed(facts, settings, parts.network).map(lambda way: _client(facts, settings, parts, way))

    return build


def _client(facts: ProviderFacts, settings: ProviderSettings, parts: ClientParts, way: Addressed) -> ModelClient:
    describe = describing(facts, way.endpoint, settings, parts)
    profiles = offered(facts, settings, describe)
    profile = by_name(profiles, describe)
    line = Line(way=way, transport=parts.make_transport(settings.ca_bundle), world=parts.world, default_model=profiles[0].name)
    defaults = defaults_of(settings)

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

    def write_count(request: LLMRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
        return encode(request, model, defaults).map(lambda wire: counts.counting(wire, model.name))

    known, model = tuple(row.name for row in facts.models), facts.embedding_model or profiles[0].name
    bound = bounding(settings, parts)
    client = talking_client(
        dialect, line, Offered(profiles=profiles, profile=profile, known=known, list=list_models, look=look), settings, parts
    )
    return evolve(
        client,
        able=_ABLE,
        usual={} if facts.embedding_model is None else {"embed": facts.embedding_model},
        texts_per_call=facts.texts_per_call,
        embed=embedding(line, profile, bound, default=model, most=facts.texts_per_call, write=vectors.embedding, read=vectors.embedded),
        count_tokens=counting(line, profile, bound, write=write_count, read=counts.counted),
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
