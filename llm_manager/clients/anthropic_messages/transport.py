"""The client of Claude, and of any server that speaks its dialect, through Anthropic's own SDK."""

from typing import Final

from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.clients.anthropic_messages.codec import decode, decode_event, encode, encode_count, streamed
from llm_manager.clients.anthropic_messages.listing import MODELS_PATH, described, next_path, read_count, read_page
from llm_manager.clients.anthropic_messages.models import describing_for
from llm_manager.clients.besides import counting
from llm_manager.clients.data.anthropic import ANTHROPIC, API_VERSION
from llm_manager.clients.envelopes import Addressed, addressed
from llm_manager.clients.fitting import defaults_of
from llm_manager.clients.profiles import by_name, describing, offered
from llm_manager.clients.talking import QUICKLY, Dialect, Line, Offered, talking_client
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.outcomes import Settled
from llm_manager.policies.abilities import ABILITIES
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Envelope, Transport, WireStream
from llm_manager.services.world import RunBlocking

_MOST_PAGES: Final = 20


def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
    """Build the client; it opens nothing, and the SDK is not loaded before something is sent."""
    version = settings.api_version or API_VERSION
    facts = evolve(ANTHROPIC, own_headers={"anthropic-version": version})
    base_url = None if settings.base_url is None else settings.base_url.rstrip("/").removesuffix("/v1")
    settings = evolve(settings, base_url=base_url)
    return addressed(facts, settings, parts.network).map(lambda way: _client(settings, parts, way, version))


def loading_sdk(carrier: Transport, run_blocking: RunBlocking) -> Transport:
    """Send through the SDK, which is loaded in a thread when the first request wants it."""
    loaded: Cell[Transport | None] = Cell(None)

    def load() -> Transport:
        from llm_manager.clients.anthropic_messages.sdk import through_sdk

        return through_sdk(carrier)

    async def through() -> Transport:
        made = await run_blocking(load)
        return loaded.swap(lambda known: known or made) or made

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        return await (loaded.read() or await through()).send(envelope)

    async def open_stream(envelope: Envelope) -> Settled[WireStream, LLMError]:
        return await (loaded.read() or await through()).open(envelope)

    return Transport(send=send, open=open_stream, close=carrier.close)


def _client(settings: ProviderSettings, parts: ClientParts, way: Addressed, version: str) -> ModelClient:
    world = parts.world
    describe = describing_for(version, describing(ANTHROPIC, way.endpoint, settings, parts))
    profiles = offered(ANTHROPIC, settings, describe)
    profile = by_name(profiles, describe)
    transport = loading_sdk(parts.make_transport(settings.ca_bundle), world.run_blocking)
    line = Line(way=way, transport=transport, world=world, default_model=profiles[0].name)
    defaults = defaults_of(settings, keeps_prompts=True)

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        found: list[ModelProfile] = []
        path = MODELS_PATH
        for _ in range(_MOST_PAGES):
            outcome = await line.ask(path)
            if isinstance(outcome, Failure):
                return outcome
            page = read_page(outcome.unwrap(), line.who(), wall=world.wall())
            if isinstance(page, Failure):
                return page
            found += [described(row, profile) for row in page.unwrap().rows]
            after = page.unwrap().after
            if after is None:
                break
            path = next_path(after)
        return Success(tuple(found))

    async def look() -> Settled[tuple[str, ...], LLMError]:
        outcome = await line.ask(MODELS_PATH)
        page = outcome if isinstance(outcome, Failure) else read_page(outcome.unwrap(), line.who(), wall=world.wall())
        return page if isinstance(page, Failure) else Success(page.unwrap().names)

    def write_count(request: LLMRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
        return encode_count(request, model, defaults)

    client = talking_client(
        Dialect(
            encode=lambda request, model: encode(request, model, defaults),
            streamed=lambda wire: (wire.path, streamed(wire.body)),
            decode=decode,
            decode_event=decode_event,
        ),
        line,
        Offered(profiles=profiles, profile=profile, known=tuple(model.name for model in ANTHROPIC.models), list=list_models, look=look),
        settings,
        parts,
    )
    count_tokens = counting(line, profile, lambda *_: QUICKLY, write=write_count, read=read_count)
    return evolve(client, able=ABILITIES["anthropic"], count_tokens=count_tokens)
