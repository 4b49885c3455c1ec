"""A client of a provider that has several keys, or fetches them: whatever it is asked goes out with the key chosen for it.

Attempts of a manager come with their key. For the rest one is chosen here, unless it is at hand already.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeAlias, TypeVar

from attrs import evolve, frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.secrets import Secret
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.guards import Keys
from llm_manager.services.key_at_hand import key_at_hand, sending
from llm_manager.services.model_client import ModelClient
from llm_manager.services.steps import Reply, Step

_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")

_Ask: TypeAlias = Callable[[_Asked], FutureResult[_Told, LLMError]]
_Tell: TypeAlias = Callable[[_Asked], AsyncGenerator[Result[_Told, LLMError], None]]


def choosing_keys(client: ModelClient, keys: Keys) -> ModelClient:
    """The same client, sending the keys of its provider as they are chosen."""
    way = _Way(client, keys)
    local = client.local_models
    return evolve(
        client,
        answer=way.step(client.answer),
        open=way.step(client.open),
        generate=way.ask(client.generate),
        stream=way.tell(client.stream),
        embed=way.ask(client.embed),
        moderate=way.ask(client.moderate),
        create_image=way.ask(client.create_image),
        count_tokens=way.ask(client.count_tokens),
        list_models=way.look(client.list_models),
        health=way.look(client.health),
        credits=None if client.credits is None else way.look(client.credits),
        local_models=None
        if local is None
        else evolve(
            local,
            stored=way.look(local.stored),
            show=way.ask(local.show),
            running=way.look(local.running),
            pull=way.tell(local.pull),
            delete=way.ask(local.delete),
            updates=way.look(local.updates),
            load=way.ask(local.load),
            unload=way.ask(local.unload),
        ),
    )


@frozen
class _Way:
    """Each kind of function that a client has, asked with the key of the moment."""

    client: ModelClient
    keys: Keys

    async def _key(self) -> Settled[Secret | None, LLMError]:
        endpoint = self.client.endpoint
        at_hand = key_at_hand(endpoint)
        if at_hand is not None:
            return Success(at_hand)
        if self.keys.ready is not None:
            error = await self.keys.ready(endpoint.provider, lambda _: None)
            if error is not None:
                return Failure(error)
        return Success(self.keys.choose(endpoint.provider, self.client.key))

    def ask(self, asked: _Ask[_Asked, _Told]) -> _Ask[_Asked, _Told]:
        """For what is asked with one argument."""

        @publish
        async def ask(request: _Asked) -> Settled[_Told, LLMError]:
            key = await self._key()
            if isinstance(key, Failure):
                return key
            with sending(self.client.endpoint, key.unwrap()):
                return await settle(asked(request))

        return ask

    def look(self, asked: Callable[[], FutureResult[_Told, LLMError]]) -> Callable[[], FutureResult[_Told, LLMError]]:
        """For what is asked with none."""
        ask = self.ask(lambda _: asked())
        return lambda: ask(None)

    def tell(self, told: _Tell[_Asked, _Told]) -> _Tell[_Asked, _Told]:
        """For what answers piece by piece: the key is that of its beginning, when all of it is sent."""

        async def tell(request: _Asked) -> AsyncGenerator[Result[_Told, LLMError], None]:
            key = await self._key()
            if isinstance(key, Failure):
                yield key
                return
            async with aclosing(told(request)) as events:
                with sending(self.client.endpoint, key.unwrap()):
                    first = await anext(events, None)
                if first is None:
                    return
                yield first
                async for event in events:
                    yield event

        return tell

    def step(self, step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        """For an attempt, which has its key: what a client asks on the way is asked with it too."""

        async def keyed(attempt: Attempt) -> Settled[Reply, LLMError]:
            with sending(self.client.endpoint, attempt.key):
                return await step(attempt)

        return keyed
