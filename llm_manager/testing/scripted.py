"""A model that answers as told: the double for everything that calls a model.

model = scripted(NetworkError(model="m", message="reset"), "hello")
await settle(model.client.generate(LLMRequest("hi")))         # Failure(NetworkError(...))
await settle(model.client.generate(LLMRequest("hi")))         # Success(LLMResponse(content="hello", ...))
model.requests                                                # what it was asked
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from decimal import Decimal
from inspect import isawaitable
from typing import Any, Literal, TypeAlias

from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError, ModelUnavailable
from llm_manager.domain.models import FREE, Endpoint, Health, KnownPrice, Locality, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamEvent, StreamFinished, TextDelta
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.abilities import Ability
from llm_manager.policies.request_faults import check_request
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import Events, OpenStream
from llm_manager.testing.attempts import attempt_for
from llm_manager.testing.besides_chat import Besides, BesidesScript, Met, kinds_of, with_abilities
from llm_manager.testing.misuse import check_script, refuse_unsayable, several
from llm_manager.testing.plain_encoding import encode_plainly
from llm_manager.testing.replies import Said, gathered, pieces, whole

Outcome: TypeAlias = Said | Callable[[Attempt], Said] | Callable[[Attempt], Awaitable[Said]]

Then: TypeAlias = Literal["repeat", "refuse"]

_PRICE = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(2), version="scripted")


class Scripted:
    """A `ModelClient` in ``client``, and what it saw in ``calls``: one `Attempt` each, oldest first.

    ``besides`` holds what was asked that is no chat: requests to embed, moderate, draw and count, oldest first.
    ``under_way`` counts calls and streams that have begun and not ended, ``most_at_once`` the most of them so far,
    ``left`` those that were cancelled or closed before their end.
    """

    __slots__ = ("besides", "calls", "client", "count", "left", "most_at_once", "under_way")

    client: ModelClient

    def __init__(self) -> None:
        self.calls: list[Attempt] = []
        self.besides: list[Besides] = []
        self.count = 0
        self.under_way = 0
        self.most_at_once = 0
        self.left = 0

    @property
    def requests(self) -> list[LLMRequest]:
        """What each call asked."""
        return [attempt.request for attempt in self.calls]


@frozen(kw_only=True)
class _Script:
    outcomes: tuple[Outcome, ...]
    then: Then
    seconds: float
    chunk_characters: int | None
    chunk_seconds: float
    keep_calls: bool
    seen: Scripted = field(repr=False)

    async def said(self, attempt: Attempt) -> Said:
        """Enter the call, wait as told and give its outcome."""
        seen = self.seen
        number = seen.count
        seen.count = number + 1
        if self.keep_calls:
            seen.calls.append(attempt)
        seen.under_way += 1
        seen.most_at_once = max(seen.most_at_once, seen.under_way)
        try:
            if self.seconds > 0:
                await asyncio.sleep(self.seconds)
            outcome = self._outcome(number, attempt)
            if not callable(outcome):
                return outcome
            made = outcome(attempt)
            said = await made if isawaitable(made) else made
            refuse_unsayable(f"what outcomes[{min(number, len(self.outcomes) - 1)}] gave", said, made=True)
            return said
        except BaseException:
            seen.under_way -= 1
            seen.left += 1
            raise

    def _outcome(self, number: int, attempt: Attempt) -> Outcome:
        if number < len(self.outcomes):
            return self.outcomes[number]
        if self.outcomes and self.then == "repeat":
            return self.outcomes[-1]
        told = f"the script ended after {len(self.outcomes)} answers"
        return ModelUnavailable(model=attempt.model.name, message=told, reason="permanent")

    async def answer(self, attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        """Say all at once."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        said = await self.said(attempt)
        self.seen.under_way -= 1
        return whole(said, attempt, seconds=loop.time() - started)

    async def open(self, attempt: Attempt) -> Settled[OpenStream, LLMError]:
        """Say it piece by piece."""
        started = asyncio.get_running_loop().time()
        rest = self._told(await self.said(attempt), attempt, started)
        first = await anext(rest)
        if isinstance(first, Failure):
            await rest.aclose()
            return first
        return Success(OpenStream(first=first.unwrap(), rest=rest))

    async def _told(self, said: Said, attempt: Attempt, started: float) -> Events:
        seen, told, first_after = self.seen, list[StreamEvent](), 0.0
        clock = asyncio.get_running_loop().time
        ended = False
        try:
            for piece in pieces(said, chunk_characters=self.chunk_characters):
                if told and self.chunk_seconds > 0:
                    await asyncio.sleep(self.chunk_seconds)
                if isinstance(piece, LLMError):
                    ended = True
                    seen.under_way -= 1
                    yield Failure(piece)
                    return
                event = TextDelta(text=piece) if isinstance(piece, str) else piece
                if isinstance(event, StreamFinished):
                    break
                first_after = first_after if told else clock() - started
                told.append(event)
                yield Success(event)
            else:
                seconds = clock() - started
                event = StreamFinished(response=gathered(told, attempt, seconds=seconds, first_after=first_after if told else seconds))
            ended = True
            seen.under_way -= 1
            yield Success(event)
        finally:
            if not ended:
                seen.under_way -= 1
                seen.left += 1


def scripted(
    *outcomes: Outcome,
    provider: str = "scripted",
    model: str = "scripted-1",
    models: Iterable[str] = (),
    locality: Locality = "local",
    base_url: str | None = None,
    profile: Mapping[str, Any] | None = None,
    seconds: float = 0.0,
    chunk_characters: int | None = None,
    chunk_seconds: float = 0.0,
    then: Then = "repeat",
    key: Secret | None = None,
    health: Health | None = None,
    keep_calls: bool = True,
    able: Iterable[Ability] = (),
    meets: Iterable[Met] = (),
    texts_per_call: int = 16,
) -> Scripted:
    """Make a model that gives ``outcomes`` in turn, without a network and the same in every run.

    An outcome is a text, an `LLMResponse`, an `LLMError`, a sequence of stream pieces, or a function (plain or async)
    of the `Attempt` that gives one of these. After the last one it is repeated; with ``then="refuse"``, or when there
    are none at all, the answer is `ModelUnavailable` (permanent).

    ``seconds`` pass before each answer and ``chunk_seconds`` before each further chunk of a stream (with `asyncio.sleep`,
    so at once under `VirtualLoop`); texts are streamed by words, or by ``chunk_characters``. ``profile`` holds fields of
    the `ModelProfile`; ``models`` names further models. ``keep_calls=False`` only counts, for runs of any length.

    ``able`` is what it can do besides chat, with a model of each kind (``scripted-1-embedding``). Its vectors are
    `vector_of` the texts, it flags texts with "flag" in them, and a token is four characters; ``meets`` are the errors or
    `faults` that such calls meet in turn, None for an answer, and answers after the last.

    What cannot be scripted is a ValueError that names the argument.
    """
    abilities, met = several("able", able), several("meets", meets)
    check_script(outcomes=outcomes, meets=met, able=abilities, then=then, locality=locality)
    seen = Scripted()
    script = _Script(
        outcomes=outcomes,
        then=then,
        seconds=seconds,
        chunk_characters=chunk_characters,
        chunk_seconds=chunk_seconds,
        keep_calls=keep_calls,
        seen=seen,
    )
    free = locality == "local"
    described: dict[str, Any] = {"name": model, "provider": provider, "locality": locality, "vision": True}
    described |= {"price": FREE if free else _PRICE, "context_window": 128_000, **(profile or {})}
    first = ModelProfile(**described)
    host = "127.0.0.1:9" if free else f"{provider}.invalid"
    client = _client(
        script,
        profiles=(first, *(evolve(first, name=name) for name in several("models", models))),
        further=kinds_of(first, abilities),
        endpoint=Endpoint(provider=provider, base_url=base_url or f"http://{host}/v1", locality=locality),
        key=key,
        health=health,
    )
    besides = BesidesScript(meets=met, seconds=seconds, seen=seen)
    seen.client = with_abilities(client, abilities, besides, texts_per_call=texts_per_call)
    return seen


def _client(
    script: _Script,
    *,
    profiles: tuple[ModelProfile, ...],
    further: tuple[ModelProfile, ...],
    endpoint: Endpoint,
    key: Secret | None,
    health: Health | None,
) -> ModelClient:
    known = {profile.name: profile for profile in (*profiles, *further)}

    def profile(name: str) -> ModelProfile:
        return known.get(name) or evolve(profiles[0], name=name)

    def attempted(request: LLMRequest) -> "Settled[Attempt, LLMError]":
        wrong = check_request(request)
        if wrong is not None:
            return Failure(wrong)
        return sealed(
            attempt_for(
                request,
                model=profile(request.preferences.model or profiles[0].name),
                endpoint=endpoint,
                key=key,
                call_id=f"call-{script.seen.count + 1}",
                now=asyncio.get_running_loop().time(),
            )
        )

    @publish
    async def generate(request: LLMRequest) -> "Settled[LLMResponse, LLMError]":
        attempt = attempted(request)
        return attempt if isinstance(attempt, Failure) else await script.answer(attempt.unwrap())

    async def stream(request: LLMRequest) -> Events:
        attempt = attempted(request)
        opened = attempt if isinstance(attempt, Failure) else await script.open(attempt.unwrap())
        if isinstance(opened, Failure):
            yield opened
            return
        reply = opened.unwrap()
        async with aclosing(reply.rest) as rest:
            yield Success(reply.first)
            async for event in rest:
                yield event

    @publish
    async def list_models() -> "Settled[tuple[ModelProfile, ...], LLMError]":
        return Success((*profiles, *further))

    @publish
    async def tell_health() -> "Settled[Health, LLMError]":
        well = Health(provider=endpoint.provider, healthy=True, latency_seconds=0.0, models=tuple(known))
        return Success(health or well)

    async def close() -> None:
        """There is nothing to close."""

    return ModelClient(
        endpoint=endpoint,
        profiles=profiles,
        profile=profile,
        known=tuple(profile.name for profile in further),
        key=key,
        encode=encode_plainly,
        answer=script.answer,
        open=script.open,
        list_models=list_models,
        health=tell_health,
        generate=generate,
        stream=stream,
        close=close,
    )
