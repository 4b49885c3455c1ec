"""Cohere's client."""

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.clients.besides import bounding, counting, embedding
from llm_manager.clients.cohere import counting as counts
from llm_manager.clients.cohere import embedding as vectors
from llm_manager.clients.cohere.codec import decode, decode_event, encode, streamed
from llm_manager.clients.cohere.listing import Row, described, read_list
from llm_manager.clients.data.cohere import COHERE
from llm_manager.clients.envelopes import Addressed, addressed
from llm_manager.clients.fitting import defaults_of
from llm_manager.clients.profiles import by_name, describing, offered
from llm_manager.clients.talking import Dialect, Line, Offered, talking_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import TokenCount
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ClientParts, ModelClient


def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
    """Cohere's client; nothing is opened."""
    return addressed(COHERE, settings, parts.network).map(lambda way: _client(settings, parts, way))


def _client(settings: ProviderSettings, parts: ClientParts, way: Addressed) -> ModelClient:
    describe = describing(COHERE, way.endpoint, settings, parts)
    profiles = offered(COHERE, settings, describe)
    profile = by_name(profiles, describe)
    line = Line(way=way, transport=parts.make_transport(settings.ca_bundle), world=parts.world, default_model=profiles[0].name)
    defaults = defaults_of(settings)

    async def listed() -> Settled[tuple[Row, ...], LLMError]:
        outcome = await line.ask(COHERE.models_path, above_base=True)
        return outcome if isinstance(outcome, Failure) else read_list(outcome.unwrap(), line.who(), wall=line.world.wall())

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        rows = await listed()
        return rows if isinstance(rows, Failure) else Success(tuple(described(row, profile) for row in rows.unwrap()))

    async def look() -> Settled[tuple[str, ...], LLMError]:
        rows = await listed()
        return rows if isinstance(rows, Failure) else Success(tuple(row.name for row in rows.unwrap()))

    dialect = Dialect(
        encode=lambda request, model: encode(request, model, defaults),
        streamed=lambda wire: (wire.path, streamed(wire.body)),
        decode=decode,
        decode_event=decode_event,
    )
    known, model = tuple(row.name for row in COHERE.models), COHERE.embedding_model or ""
    bound, most = bounding(settings, parts), COHERE.texts_per_call
    client = talking_client(
        dialect, line, Offered(profiles=profiles, profile=profile, known=known, list=list_models, look=look), settings, parts
    )
    ask = counting(line, profile, bound, write=counts.counting, read=counts.counted, above_base=True)

    def count_tokens(request: LLMRequest) -> FutureResult[TokenCount, LLMError]:
        guess = counts.estimated(request, profile(request.preferences.model or line.default_model))
        return ask(request) if guess is None else FutureResult.from_value(guess)

    return evolve(
        client,
        able=frozenset({"embed", "count_tokens"}),
        usual={"embed": model},
        texts_per_call=most,
        embed=embedding(line, profile, bound, default=model, most=most, write=vectors.embedding, read=vectors.embedded),
        count_tokens=count_tokens,
    )
