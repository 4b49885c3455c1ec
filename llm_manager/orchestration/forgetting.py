"""Conversations are kept no longer than the settings say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure

from llm_manager.domain.errors import LLMError
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.conversation_storage import ConversationStorage

_Asked = ParamSpec("_Asked")
_Value = TypeVar("_Value")

_DAY_SECONDS: Final = 86_400.0
_EVERY_SECONDS: Final = 600.0


def forgetting(storage: ConversationStorage, days: float | None, wall: Callable[[], float]) -> ConversationStorage:
    """Forget conversations, every tenant's, in which nothing was said for so many days: before the first use and every ten minutes of use.

    None keeps them for ever. Who reads waits until what is too old has gone, so that it is never read; a failure to forget is theirs.
    """
    if days is None:
        return storage
    last = float("-inf")

    def before(use: Callable[_Asked, FutureResult[_Value, LLMError]]) -> Callable[_Asked, FutureResult[_Value, LLMError]]:
        async def used(*args: _Asked.args, **kwargs: _Asked.kwargs) -> Settled[_Value, LLMError]:
            nonlocal last
            now = wall()
            if now - last >= _EVERY_SECONDS or now < last:
                forgot = await settle(storage.forget(now - days * _DAY_SECONDS))
                if isinstance(forgot, Failure):
                    return forgot
                last = now
            return await settle(use(*args, **kwargs))

        return publish(used)

    def around(one: ConversationStorage) -> ConversationStorage:
        return evolve(
            one,
            load=before(one.load),
            append=before(one.append),
            put=before(one.put),
            branch=before(one.branch),
            describe=before(one.describe),
            find=before(one.find),
            search=before(one.search),
            of_tenant=lambda tenant: around(one.of_tenant(tenant)),
        )

    return around(storage)
