"""What a scripted model does besides chat: vectors, verdicts, pictures and counts that are the same in every run."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from attrs import evolve, frozen
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.embeddings import Embeddings, EmbedRequest, Vector
from llm_manager.domain.errors import LLMError
from llm_manager.domain.images import ImageRequest, MadeImage, MadeImages
from llm_manager.domain.messages import ImageData
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.moderation import Moderation, ModerationRequest, Verdict
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import TokenCount, Usage
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.abilities import KIND_OF, Ability
from llm_manager.services.model_client import ModelClient
from llm_manager.testing.attempts import attempt_for
from llm_manager.testing.replies import Said

if TYPE_CHECKING:
    from llm_manager.testing.scripted import Scripted

Besides: TypeAlias = EmbedRequest | ModerationRequest | ImageRequest | LLMRequest
"""What can be asked besides chat; an `LLMRequest` is one to be counted."""

Met: TypeAlias = LLMError | Callable[[Attempt], Said] | Callable[[Attempt], Awaitable[Said]] | None
"""What a call besides chat meets: an error, a fault, or None for an answer."""

DIMENSIONS: Final = 8
_PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)
_CHARACTERS_A_TOKEN: Final = 4

_Asked = TypeVar("_Asked", EmbedRequest, ModerationRequest, ImageRequest, LLMRequest)
_Said = TypeVar("_Said", Embeddings, Moderation, MadeImages, TokenCount)


def vector_of(text: str, *, model: str = "", dimensions: int | None = None, purpose: str | None = None) -> Vector:
    """The vector that scripted models give a text: numbers from -1 to 1, read off a digest of all that is given.

    >>> len(vector_of("a")), vector_of("a") == vector_of("a"), vector_of("a") == vector_of("b")
    (8, True, False)
    """
    named = "\0".join((model, purpose or "", text)).encode("utf-8", "surrogatepass")
    numbers = (byte / 127.5 - 1.0 for part in count() for byte in hashlib.sha256(b"%d:" % part + named).digest())
    return tuple(islice(numbers, DIMENSIONS if dimensions is None else dimensions))


def kinds_of(first: ModelProfile, able: Sequence[Ability]) -> tuple[ModelProfile, ...]:
    """One further model for each ability that wants one of its kind: ``scripted-1-embedding`` and the like."""
    kinds = [KIND_OF[ability] for ability in able if KIND_OF[ability] != "chat"]
    return tuple(evolve(first, name=f"{first.name}-{kind}", kind=kind) for kind in kinds)


@frozen(kw_only=True)
class BesidesScript:
    """What calls besides chat meet, in turn: an error, or None for an answer; after the last, answers."""

    meets: tuple["Met", ...]
    seconds: float
    seen: "Scripted"

    async def met(self, asked: Besides, client: ModelClient) -> LLMError | None:
        """Enter the call and wait as told; a fault that answers at last is no error."""
        seen = self.seen
        number = len(seen.besides)
        seen.besides.append(asked)
        seen.under_way += 1
        seen.most_at_once = max(seen.most_at_once, seen.under_way)
        try:
            await asyncio.sleep(self.seconds)
            met = self.meets[number] if number < len(self.meets) else None
            if met is None or isinstance(met, LLMError):
                return met
            said = met(_attempted(asked, client))
            said = await said if isawaitable(said) else said
            return said if isinstance(said, LLMError) else None
        except BaseException:
            seen.left += 1
            raise
        finally:
            seen.under_way -= 1


def _attempted(asked: Besides, client: ModelClient) -> Attempt:
    """The attempt that a fault is told of: the same model and endpoint, a request that says nothing of its own."""
    named = asked.preferences.model if isinstance(asked, LLMRequest) else asked.model
    model = client.profile(named) if named else client.profiles[0]
    request = asked if isinstance(asked, LLMRequest) else LLMRequest("what is no chat", metadata=asked.metadata)
    return attempt_for(request, model=model, endpoint=client.endpoint, key=client.key).unwrap()


def with_abilities(client: ModelClient, able: Sequence[Ability], script: BesidesScript, *, texts_per_call: int) -> ModelClient:
    """A client that can do this too."""
    provider = client.endpoint.provider

    def serving(said: "Callable[[Any], _Said]") -> "Callable[[_Asked], FutureResult[_Said, LLMError]]":
        async def serve(asked: _Asked) -> "Settled[_Said, LLMError]":
            error = await script.met(asked, client)
            return Success(said(asked)) if error is None else Failure(error)

        return publish(serve)

    def embedded(asked: EmbedRequest) -> Embeddings:
        model = asked.model or client.profiles[0].name
        vectors = tuple(vector_of(text, model=model, dimensions=asked.dimensions, purpose=asked.purpose) for text in asked.texts)
        return Embeddings(vectors=vectors, model=model, provider=provider, usage=Usage(input_tokens=sum(map(_tokens, asked.texts))))

    def moderated(asked: ModerationRequest) -> Moderation:
        verdicts = tuple(
            Verdict(flagged=flagged, categories={"scripted": flagged}, scores={"scripted": float(flagged)})
            for flagged in ("flag" in text for text in asked.texts)
        )
        return Moderation(verdicts=verdicts, model=asked.model or client.profiles[0].name, provider=provider)

    def drawn(asked: ImageRequest) -> MadeImages:
        image = MadeImage(image=ImageData(data=_PIXEL, media_type="image/png"), revised_prompt=asked.prompt)
        return MadeImages(images=(image,) * asked.count, model=asked.model or client.profiles[0].name, provider=provider)

    def counted(asked: LLMRequest) -> TokenCount:
        tokens = sum(map(_tokens, asked.texts()))
        return TokenCount(tokens=tokens, model=asked.preferences.model or client.profiles[0].name, provider=provider, exact=True)

    functions: dict[Ability, Any] = {
        "embed": serving(embedded),
        "moderate": serving(moderated),
        "create_image": serving(drawn),
        "count_tokens": serving(counted),
    }
    kept = frozenset(able)
    usual = {ability: f"{client.profiles[0].name}-{KIND_OF[ability]}" for ability in able if KIND_OF[ability] != "chat"}
    return evolve(client, able=kept, usual=usual, texts_per_call=texts_per_call, **{ability: functions[ability] for ability in kept})


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARACTERS_A_TOKEN)
