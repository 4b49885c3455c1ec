"""What a client does besides chat: embeddings, moderation, images, counting and credits, each of them one request."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.clients.besides import Bound, Describe, post
from llm_manager.clients.besides import counting as counting_with
from llm_manager.clients.besides import embedding as embedding_with
from llm_manager.clients.data.shapes import Counting, ProviderFacts
from llm_manager.clients.fitting import Defaults, written
from llm_manager.clients.openai_chat import counting, embeddings, images, moderations
from llm_manager.clients.openai_chat.credits import read_credits
from llm_manager.clients.openai_chat.encoding import body_of as chat_body
from llm_manager.clients.openai_responses.encoding import body_of as responses_body
from llm_manager.clients.talking import QUICKLY, Line
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Credits
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.abilities import Ability
from llm_manager.policies.pricing import price
from llm_manager.policies.routing import retirement
from llm_manager.services.model_client import CountTokens, Embed, ModelClient
from llm_manager.services.steps import Step


@frozen(kw_only=True)
class Besides:
    """What these functions need to know of a client."""

    facts: ProviderFacts
    line: Line
    profile: Describe
    defaults: Defaults
    bound: Bound


def with_besides(client: ModelClient, besides: Besides) -> ModelClient:
    """The client with all that its provider does besides chat."""
    facts = besides.facts
    if facts.embedding_model is not None:
        embed = _embedding(besides, facts.embedding_model)
        client = evolve(_able(client, "embed", facts.embedding_model), embed=embed, texts_per_call=facts.texts_per_call)
    if facts.moderation_model is not None:
        moderate = publish(_moderating(besides, facts.moderation_model))
        client = evolve(_able(client, "moderate", facts.moderation_model), moderate=moderate)
    if facts.image_model is not None:
        create_image = publish(_drawing(besides, facts.image_model))
        client = evolve(_able(client, "create_image", facts.image_model), create_image=create_image)
    if facts.counting is not None:
        client = evolve(client, able=client.able | {"count_tokens"}, count_tokens=_counting(besides, facts.counting))
    if facts.credits_path is not None:
        client = evolve(client, credits=publish(_looking(besides, facts.credits_path)))
    return client


def _able(client: ModelClient, ability: Ability, model: str) -> ModelClient:
    return evolve(client, able=client.able | {ability}, usual={**client.usual, ability: model})


def _embedding(besides: Besides, default: str) -> Embed:
    facts = besides.facts

    def write(asked: EmbedRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
        return written(None, embeddings.PATH, lambda notices: embeddings.body_of(asked, model, facts, notices))

    return embedding_with(
        besides.line,
        besides.profile,
        besides.bound,
        default=default,
        most=facts.texts_per_call,
        write=write,
        read=lambda reply, who, count, wall: embeddings.decode(reply, who, wall, count=count),
    )


def _moderating(besides: Besides, default: str) -> Step[ModerationRequest, Moderation]:
    line, world = besides.line, besides.line.world

    async def moderate(request: ModerationRequest) -> Settled[Moderation, LLMError]:
        began = world.now()
        model = besides.profile(request.model or default)
        if not request.texts:
            return Failure(InvalidRequest(message="there is nothing to judge: give at least one text"))
        who, limits = line.who(model.name).saying(request.texts), besides.bound(request, model, "moderate")
        said = written(None, moderations.PATH, lambda _: moderations.body_of(request, model.name))
        outcome = await post(line, said, who, limits)
        if isinstance(outcome, Failure):
            return outcome
        told = moderations.decode(outcome.unwrap(), who, world.wall(), count=len(request.texts))
        return told if isinstance(told, Failure) else Success(evolve(told.unwrap(), latency_seconds=world.now() - began))

    return moderate


def _drawing(besides: Besides, default: str) -> Step[ImageRequest, MadeImages]:
    line, world = besides.line, besides.line.world

    async def create_image(request: ImageRequest) -> Settled[MadeImages, LLMError]:
        began = world.now()
        model = besides.profile(request.model or default)
        who, limits = line.who(model.name).saying((request.prompt,)), besides.bound(request, model, "create_image")
        said = written(None, images.PATH, lambda _: images.body_of(request, model.name, besides.facts))
        outcome = await post(line, said, who, limits)
        if isinstance(outcome, Failure):
            return outcome
        reply, wall = outcome.unwrap(), world.wall()
        told = await world.run_blocking(lambda: images.decode(reply, who, wall))
        if isinstance(told, Failure):
            return told
        made = told.unwrap()
        return Success(evolve(made, cost=price(made.usage, model.price), latency_seconds=world.now() - began, notices=retirement(model)))

    return create_image


def _counting(besides: Besides, how: Counting) -> CountTokens:
    facts, defaults = besides.facts, besides.defaults
    path, above_base = counting.path_of(how)
    body_of = responses_body if how == "responses" else chat_body

    def write(request: LLMRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
        return written(request, path, lambda notices: counting.counted(body_of(request, model, facts, defaults, notices), how))

    return counting_with(besides.line, besides.profile, besides.bound, write=write, read=counting.decode, above_base=above_base)


def _looking(besides: Besides, path: str) -> Callable[[], Coroutine[Any, Any, Settled[Credits, LLMError]]]:
    async def look() -> Settled[Credits, LLMError]:
        outcome = await besides.line.ask(path, limits=QUICKLY)
        return outcome if isinstance(outcome, Failure) else read_credits(outcome.unwrap(), besides.line.who(), besides.line.world.wall())

    return look
