"""Making a model ready before it is asked, at most once a minute for each: that it is there, here, small enough and loaded.

    show     is it there, and is it answered here?       absent: fetched once, when settings let (``auto_pull``)
    ps       is it in memory, with the window wanted?    then nothing more
    tags     is it too large for ``memory_limit_gb``?    then it is not loaded
    load     a question without a prompt, within 600 s   so that a slow disk is not taken for a silent model

What a server does not tell stops nothing, unless the request may not leave this machine: then the model must be known to
be answered here.
"""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, Literal, TypeAlias

import msgspec
from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.clients.ollama.asking import Server
from llm_manager.clients.ollama.codec import leaves
from llm_manager.clients.ollama.embedding import PATH as EMBED
from llm_manager.clients.ollama.encoding import GENERATE
from llm_manager.clients.ollama.naming import is_offloaded, same_model
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError, ModelUnavailable, PolicyBlocked, RequestTimeout
from llm_manager.domain.local_models import LocalModelDetails
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import Settled

FRESH_SECONDS: Final = 60.0
"""How long a model that was ready is taken to be so still."""
_KEPT: Final = 1000
_GIGABYTE: Final = 1e9
_NOTHING: Final[Settled[tuple[str, ...], LLMError]] = Success(())

Place: TypeAlias = Literal["here", "elsewhere", "unknown"]
Known: TypeAlias = Mapping[tuple[str, int | None], tuple[float, Place]]
"""By model and window: when it was last seen to be ready, and where it is answered."""


class _Asked(msgspec.Struct):
    options: dict[str, Any] = {}
    keep_alive: str | float | None = None


_DECODER: Final = msgspec.json.Decoder(_Asked)


@frozen(kw_only=True)
class Readying:
    """What is known of a server's models, and what settings say of them; ``learn`` is told each model's details."""

    server: Server
    settings: ProviderSettings
    airgap: bool
    learn: Callable[[LocalModelDetails], None]
    known: Cell[Known] = field(factory=lambda: Cell({}), repr=False)

    async def ready(
        self, model: str, window: int | None, wire: WireRequest, stays: Callable[[], bool]
    ) -> Settled[tuple[str, ...], LLMError]:
        """Make a model ready for a request, with notices of what it took; ``stays`` says whether it may not leave this machine."""
        now = self.server.line.world.now()
        seen = self.known.read().get((model, window))
        if seen is not None and now - seen[0] < FRESH_SECONDS:
            return _NOTHING if seen[1] == "here" or not stays() else Failure(self._leaves(model, seen[1]))
        if is_offloaded(model):
            return Failure(leaves(model, "")) if stays() else _NOTHING
        shown = await self._shown(model)
        if isinstance(shown, Failure):
            return shown
        notices, place = shown.unwrap()
        if place != "here" and stays():
            return Failure(self._leaves(model, place))
        if place != "elsewhere":
            loaded = await self._loaded(model, window, wire)
            if isinstance(loaded, Failure):
                return loaded
        at = self.server.line.world.now()
        self.known.swap(lambda known: {**dict(list(known.items())[-_KEPT:]), (model, window): (at, place)})
        return Success(notices)

    async def _shown(self, model: str) -> Settled[tuple[tuple[str, ...], Place], LLMError]:
        """Where a model is answered; one that is absent is fetched first, when settings let."""
        outcome = await self.server.show(model)
        notices: tuple[str, ...] = ()
        if self.settings.auto_pull and _is_absent(outcome):
            fetched = await self._fetched(model)
            if isinstance(fetched, Failure):
                return fetched
            notices = (f"{model} was not there and was fetched first (auto_pull)",)
            outcome = await self.server.show(model)
        if isinstance(outcome, Failure):
            error = outcome.failure()
            return outcome if _is_absent(outcome) or _is_nobody_there(error) else Success((notices, "unknown"))
        details = outcome.unwrap()
        self.learn(details)
        return Success((notices, "here" if details.remote_host is None else "elsewhere"))

    async def _fetched(self, model: str) -> Settled[None, LLMError]:
        if self.airgap:
            message = f"{model} is not there, and under airgap nothing is fetched: bring it to the server by other means"
            return Failure(PolicyBlocked(message=message, policy="airgap"))
        async with aclosing(self.server.pull(model)) as progress:
            async for told in progress:
                if isinstance(told, Failure):
                    return told
        return Success(None)

    async def _loaded(self, model: str, window: int | None, wire: WireRequest) -> Settled[None, LLMError]:
        running = await self.server.running()
        if isinstance(running, Failure):
            return Success(None)
        name = same_model(model)
        loaded = [each for each in running.unwrap() if same_model(each.name) == name]
        if any(window is None or each.context_length in (None, window) for each in loaded):
            return Success(None)
        if not loaded and (limit := self.settings.memory_limit_gb) is not None:
            fits = await self._fits(model, limit)
            if isinstance(fits, Failure):
                return fits
        return await self.server.load(model, _without_prompt(model, wire), EMBED if wire.path == EMBED else GENERATE)

    async def _fits(self, model: str, limit: float) -> Settled[None, LLMError]:
        stored = await self.server.stored()
        if isinstance(stored, Failure):
            return stored
        name = same_model(model)
        size = max((each.size_bytes for each in stored.unwrap() if same_model(each.name) == name), default=0)
        if size <= limit * _GIGABYTE:
            return Success(None)
        message = f"{model} takes {size / _GIGABYTE:.1f} GB, more than memory_limit_gb ({limit:g}) lets be loaded"
        return Failure(ModelUnavailable(model=model, message=message, reason="permanent", origin=self.server.who(model).origin()))

    def _leaves(self, model: str, place: Place) -> PolicyBlocked:
        if place == "elsewhere":
            return leaves(model, "")
        return PolicyBlocked(message=f"the server does not tell where {model} is answered: no private or airgapped request goes there")


def _without_prompt(model: str, wire: WireRequest) -> dict[str, Any]:
    """The question that only loads: with the options of the request, since other ones would load it again."""
    told = _DECODER.decode(wire.body)
    asked: dict[str, Any] = {"model": model, "options": told.options, "stream": False}
    if told.keep_alive is not None:
        asked["keep_alive"] = told.keep_alive
    return {**asked, "input": []} if wire.path == EMBED else asked


def _is_absent(outcome: Settled[LocalModelDetails, LLMError]) -> bool:
    error = outcome.failure() if isinstance(outcome, Failure) else None
    return isinstance(error, ModelUnavailable) and error.origin is not None and error.origin.status == 404


def _is_nobody_there(error: LLMError) -> bool:
    """Say whether the server itself could not be reached: then nothing else need be tried."""
    if isinstance(error, ModelUnavailable):
        return error.reason == "not_running"
    return isinstance(error, RequestTimeout) and error.phase == "connect"
