"""What a client does besides chat: embeddings, moderation, images, counting and credits, each of them one request."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.clients.data.shapes import Counting, ProviderFacts
from llm_manager.clients.fitting import ENCODER, Defaults, UnfitError
from llm_manager.clients.openai_chat import counting, embeddings, images, moderations
from llm_manager.clients.openai_chat.credits import read_credits
from llm_manager.clients.openai_chat.encoding import body_of as chat_body
from llm_manager.clients.openai_responses.encoding import body_of as responses_body
from llm_manager.clients.talking import QUICKLY, Line
from llm_manager.clients.who import Who
from llm_manager.domain.attempts import Limits
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Credits, TokenCount
from llm_manager.domain.wire_requests import WireReply
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.abilities import Ability
from llm_manager.policies.deadlines import CONNECT_SECONDS
from llm_manager.policies.pricing import price
from llm_manager.policies.routing import retirement
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import Step

_DRAWING_SECONDS: Final = 180.0
"""How long pictures may take that nobody set a time for."""


@frozen(kw_only=True)
class Besides:
    """What these functions need to know of a client; ``timeout_ms`` is of its settings, ``silence_ms`` of all."""

    facts: ProviderFacts
    line: Line
    profile: Callable[[str], ModelProfile]
    defaults: Defaults
    timeout_ms: int | None
    silence_ms: int

    def limits(self, timeout_ms: int | None, least: float = 0.0) -> Limits:
        """The time for one question: what the request says, then the provider's settings, then the usual."""
        own = self.timeout_ms if timeout_ms is None else timeout_ms
        seconds = max(self.silence_ms / 1000.0, least) if own is None else own / 1000.0
        return Limits(connect_seconds=min(CONNECT_SECONDS, seconds), silence_seconds=seconds, attempt_seconds=seconds)

    async def post(
        self, path: str, body: Mapping[str, Any], who: Who, limits: Limits, *, above_base: bool = False
    ) -> Settled[WireReply, LLMError]:
        """Send one body and wait for the answer."""
        try:
            encoded = ENCODER.encode(body)
        except (TypeError, ValueError, RecursionError):
            return Failure(InvalidRequest(message="the request holds something that JSON cannot say"))
        return await self.line.ask(path, method="POST", body=encoded, model=who.model, limits=limits, above_base=above_base)

    def who(self, model: str, texts: tuple[str, ...]) -> Who:
        """Whom a question asks; its texts are only compared with what is echoed."""
        return self.line.who(model).saying(texts)


def with_besides(client: ModelClient, besides: Besides) -> ModelClient:
    """The client with all that its provider does besides chat."""
    facts = besides.facts
    if facts.embedding_model is not None:
        embed = publish(_embedding(besides, facts.embedding_model))
        client = evolve(_able(client, "embed", facts.embedding_model), embed=embed, texts_per_call=facts.texts_per_call)
    if facts.moderation_model is not None:
        moderate = publish(_moderating(besides, facts.moderation_model))
        client = evolve(_able(client, "moderate", facts.moderation_model), moderate=moderate)
    if facts.image_model is not None:
        create_image = publish(_drawing(besides, facts.image_model))
        client = evolve(_able(client, "create_image", facts.image_model), create_image=create_image)
    if facts.counting is not None:
        client = evolve(client, able=client.able | {"count_tokens"}, count_tokens=publish(_counting(besides, facts.counting)))
    if facts.credits_path is not None:
        client = evolve(client, credits=publish(_looking(besides, facts.credits_path)))
    return client


def _able(client: ModelClient, ability: Ability, model: str) -> ModelClient:
    return evolve(client, able=client.able | {ability}, usual={**client.usual, ability: model})


def _embedding(besides: Besides, default: str) -> Step[EmbedRequest, Embeddings]:
    facts, world = besides.facts, besides.line.world

    async def embed(request: EmbedRequest) -> Settled[Embeddings, LLMError]:
        began, notices = world.now(), list[str]()
        model = besides.profile(request.model or default)
        count = len(request.texts)
        if not 0 < count <= facts.texts_per_call:
            return Failure(InvalidRequest(message=f"{facts.name} takes 1 to {facts.texts_per_call} texts in a call, not {count}"))
        who = besides.who(model.name, request.texts)
        body = embeddings.body_of(request, model, facts, notices)
        outcome = await besides.post(embeddings.PATH, body, who, besides.limits(request.timeout_ms))
        if isinstance(outcome, Failure):
            return outcome
        reply, wall = outcome.unwrap(), world.wall()
        told = await world.run_blocking(lambda: embeddings.decode(reply, who, wall, count=count))
        if isinstance(told, Failure):
            return told
        made = told.unwrap()
        return Success(evolve(made, cost=price(made.usage, model.price), latency_seconds=world.now() - began, notices=tuple(notices)))

    return embed


def _moderating(besides: Besides, default: str) -> Step[ModerationRequest, Moderation]:
    world = besides.line.world

    async def moderate(request: ModerationRequest) -> Settled[Moderation, LLMError]:
        began = world.now()
        model = request.model or default
        if not request.texts:
            return Failure(InvalidRequest(message="there is nothing to judge: give at least one text"))
        who = besides.who(model, request.texts)
        body = moderations.body_of(request, model)
        outcome = await besides.post(moderations.PATH, body, who, besides.limits(request.timeout_ms))
        if isinstance(outcome, Failure):
            return outcome
        told = moderations.decode(outcome.unwrap(), who, world.wall(), count=len(request.texts))
        return told if isinstance(told, Failure) else Success(evolve(told.unwrap(), latency_seconds=world.now() - began))

    return moderate


def _drawing(besides: Besides, default: str) -> Step[ImageRequest, MadeImages]:
    world = besides.line.world

    async def create_image(request: ImageRequest) -> Settled[MadeImages, LLMError]:
        began = world.now()
        model = besides.profile(request.model or default)
        who = besides.who(model.name, (request.prompt,))
        try:
            body = images.body_of(request, model.name, besides.facts)
        except UnfitError as unfit:
            return Failure(InvalidRequest(message=str(unfit)))
        outcome = await besides.post(images.PATH, body, who, besides.limits(request.timeout_ms, _DRAWING_SECONDS))
        if isinstance(outcome, Failure):
            return outcome
        reply, wall = outcome.unwrap(), world.wall()
        told = await world.run_blocking(lambda: images.decode(reply, who, wall))
        if isinstance(told, Failure):
            return told
        made = told.unwrap()
        return Success(evolve(made, cost=price(made.usage, model.price), latency_seconds=world.now() - began, notices=retirement(model)))

    return create_image


def _counting(besides: Besides, how: Counting) -> Step[LLMRequest, TokenCount]:
    path, above_base = counting.path_of(how)
    body_of = responses_body if how == "responses" else chat_body

    async def count_tokens(request: LLMRequest) -> Settled[TokenCount, LLMError]:
        model = besides.profile(request.preferences.model or besides.line.default_model)
        who = evolve(besides.line.who(model.name), request=request)
        try:
            body = counting.counted(body_of(request, model, besides.facts, besides.defaults, []), how)
        except UnfitError as unfit:
            return Failure(InvalidRequest(message=str(unfit), request=request))
        outcome = await besides.post(path, body, who, besides.limits(request.timeout_ms), above_base=above_base)
        return outcome if isinstance(outcome, Failure) else counting.decode(outcome.unwrap(), who, besides.line.world.wall())

    return count_tokens


def _looking(besides: Besides, path: str) -> Callable[[], Coroutine[Any, Any, Settled[Credits, LLMError]]]:
    async def look() -> Settled[Credits, LLMError]:
        outcome = await besides.line.ask(path, limits=QUICKLY)
        return outcome if isinstance(outcome, Failure) else read_credits(outcome.unwrap(), besides.line.who(), besides.line.world.wall())

    return look
