"""The same manager without await: for scripts, notebooks and threads.

    with blocking(manager) as m:
        answer = m.generate(LLMRequest("Say hello"))       # a Result

The calls run on an event loop in a thread of their own, so it works inside a running loop too, and from any thread.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from attrs import field, frozen
from returns.future import FutureResult
from returns.result import Failure, Result

from llm_manager.domain.caching import CacheReport
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.standing import Standing
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.streaming import StreamEvent
from llm_manager.domain.usage import Credits, TokenCount
from llm_manager.domain.usage_log import UsageQuery, UsageReport
from llm_manager.domain.usage_stats import ResetPeriod, UsageStats
from llm_manager.effects import settle
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.manager import LLMManager, Structured
from llm_manager.services.running import Prompting, Rows, RunReport
from llm_manager.services.tools import Confirm, Tool, ToolRun

if TYPE_CHECKING:
    from concurrent.futures import Future

    from anyio.from_thread import BlockingPortal

_Shape = TypeVar("_Shape")
_Value = TypeVar("_Value")
_Item = TypeVar("_Item")
_EVERYTHING: Final = UsageQuery()


@frozen(kw_only=True)
class BlockingManager:
    """Every method of a manager, each returning when it is done. Make one with `blocking`."""

    _manager: LLMManager
    _portal: "BlockingPortal" = field(repr=False)
    _open: set[AsyncGenerator[Any, None]] = field(factory=set, repr=False)

    def generate(self, request: LLMRequest) -> Result[LLMResponse, LLMError]:
        """Answer a request."""
        return self._wait(lambda: self._manager.generate(request))

    def generate_as(self, shape: type[_Shape], request: LLMRequest) -> Result[Structured[_Shape], LLMError]:
        """Answer a request with a value of a class."""
        return self._wait(lambda: self._manager.generate_as(shape, request))

    def converse(self, conversation_id: str, request: LLMRequest) -> Result[LLMResponse, LLMError]:
        """Answer a request within a conversation."""
        return self._wait(lambda: self._manager.converse(conversation_id, request))

    def converse_stream(self, conversation_id: str, request: LLMRequest) -> Iterator[Result[StreamEvent, LLMError]]:
        """The same as events; leaving the loop keeps what was told so far."""
        return self._iterate(lambda: self._manager.converse_stream(conversation_id, request), lambda _: Failure(_ENDED))

    def conversations(self, use: Callable[[ConversationStorage], FutureResult[_Value, LLMError]]) -> Result[_Value, LLMError]:
        """Do something with what is kept of conversations: ``m.conversations(lambda kept: kept.load("ada"))``."""
        return self._wait(lambda: use(self._manager.conversations))

    def call_tools(
        self,
        request: LLMRequest,
        tools: Iterable[Tool],
        *,
        confirm: Confirm | None = None,
        max_steps: int = 8,
        concurrent: int | None = None,
        emulate: bool = False,
    ) -> Result[ToolRun, LLMError]:
        """Let a model call tools until it has its answer."""
        return self._wait(
            lambda: self._manager.call_tools(request, tools, confirm=confirm, max_steps=max_steps, concurrent=concurrent, emulate=emulate)
        )

    def stream(self, request: LLMRequest) -> Iterator[Result[StreamEvent, LLMError]]:
        """Give the events of an answer as they come; leaving the loop closes the stream."""
        return self._iterate(lambda: self._manager.stream(request), lambda _: Failure(_ENDED))

    def generate_all(
        self, requests: Iterable[LLMRequest], *, concurrency: int | None = None, in_order: bool = False
    ) -> Iterator[tuple[int, Result[LLMResponse, LLMError]]]:
        """Answer many requests; leaving the loop cancels what is under way."""
        return self._iterate(
            lambda: self._manager.generate_all(requests, concurrency=concurrency, in_order=in_order),
            lambda told: (told, Failure(_ENDED)),
        )

    @overload
    def run(
        self,
        rows: Rows,
        prompt: Prompting,
        *,
        output: type[_Shape],
        to: str | Path | None = None,
        name: str | None = None,
        request: LLMRequest | None = None,
        concurrency: int | None = None,
        budget_usd: Decimal | None = None,
        retry_failed: bool = False,
        fork: bool = False,
    ) -> Result[RunReport[_Shape], LLMError]: ...

    @overload
    def run(
        self,
        rows: Rows,
        prompt: Prompting,
        *,
        output: Sequence[str] | None = None,
        to: str | Path | None = None,
        name: str | None = None,
        request: LLMRequest | None = None,
        concurrency: int | None = None,
        budget_usd: Decimal | None = None,
        retry_failed: bool = False,
        fork: bool = False,
    ) -> Result[RunReport[Mapping[str, Any]], LLMError]: ...

    def run(self, rows: Rows, prompt: Prompting, **asked: Any) -> Result[RunReport[Any], LLMError]:
        """Ask a model about every row, each content once, and keep every answer before it counts."""
        return self._wait(lambda: self._manager.run(rows, prompt, **asked))

    def embed(self, request: EmbedRequest) -> Result[Embeddings, LLMError]:
        """Turn texts into vectors."""
        return self._wait(lambda: self._manager.embed(request))

    def moderate(self, request: ModerationRequest) -> Result[Moderation, LLMError]:
        """Judge texts."""
        return self._wait(lambda: self._manager.moderate(request))

    def create_image(self, request: ImageRequest) -> Result[MadeImages, LLMError]:
        """Make pictures."""
        return self._wait(lambda: self._manager.create_image(request))

    def count_tokens(self, request: LLMRequest) -> Result[TokenCount, LLMError]:
        """Count a request, exactly where its model can."""
        return self._wait(lambda: self._manager.count_tokens(request))

    def plan(self, request: LLMRequest) -> Result[Plan, LLMError]:
        """Say where a request would go; nothing is sent."""
        return self._manager.plan(request)

    def health(self) -> Result[tuple[Health, ...], LLMError]:
        """Ask every endpoint how it is."""
        return self._wait(self._manager.health)

    def models(self) -> Result[tuple[ModelProfile, ...], LLMError]:
        """List the models of every endpoint."""
        return self._wait(self._manager.models)

    def credits(self) -> Result[tuple[Credits, ...], LLMError]:
        """What is left to spend at the providers that tell."""
        return self._wait(self._manager.credits)

    def stats(self) -> Statistics:
        """What has been seen so far."""
        return self._manager.stats()

    def standing(self) -> Standing:
        """Breakers, quotas, budgets and keys, as they are now."""
        return self._manager.standing()

    def reset_breaker(self, provider: str | None = None, /) -> Result[None, LLMError]:
        """Ask the endpoints of a provider again at once, or all of them."""
        return self._manager.reset_breaker(provider)

    def usage(self, provider: str | None = None, /) -> Result[UsageStats, LLMError]:
        """What was used of a provider, or of all, and what is left."""
        return self._manager.usage(provider)

    def usage_report(self, query: UsageQuery = _EVERYTHING, /) -> Result[UsageReport, LLMError]:
        """What was used, from the usage log in the store."""
        return self._wait(lambda: self._manager.usage_report(query))

    def recall_budgets(self) -> Result[None, LLMError]:
        """Read what other processes have spent of the budgets of a day or a month."""
        return self._wait(self._manager.recall_budgets)

    def check_limits(self, request: LLMRequest | None = None, /) -> Result[None, LLMError]:
        """Say whether a request would pass its limits now, or what it would meet."""
        return self._manager.check_limits(request)

    def remembered(self, request: LLMRequest, /) -> Result[bool, LLMError]:
        """Say whether the answer is in the cache, of whom the request would be asked first."""
        return self._wait(lambda: self._manager.remembered(request))

    def forget(
        self,
        *,
        model: str | None = None,
        tag: str | None = None,
        tenant: str | None = None,
        older_than_seconds: float | None = None,
        everything: bool = False,
    ) -> Result[int, LLMError]:
        """Forget what is remembered: that for which all that is said holds, or everything."""
        return self._wait(
            lambda: self._manager.forget(model=model, tag=tag, tenant=tenant, older_than_seconds=older_than_seconds, everything=everything)
        )

    def cache_statistics(self) -> Result[CacheReport, LLMError]:
        """What is remembered, and what that has saved."""
        return self._wait(self._manager.cache_statistics)

    def reset_usage(self, period: ResetPeriod, /) -> Result[None, LLMError]:
        """Begin the budgets of a period anew."""
        return self._manager.reset_usage(period)

    def _wait(self, begin: Callable[[], FutureResult[_Value, LLMError]]) -> Result[_Value, LLMError]:
        async def finish() -> Result[_Value, LLMError]:
            return await settle(begin())

        try:
            return self._call(finish)
        except _EndedError:
            return Failure(_ENDED)

    def _iterate(self, begin: Callable[[], AsyncGenerator[_Item, None]], ended: Callable[[int], _Item]) -> Iterator[_Item]:
        """Give the items as they come; ``ended`` makes the last one of how many came, when the loop has gone meanwhile."""
        told = 0
        try:
            items = self._call(_async(begin))
            self._open.add(items)
            try:
                while True:
                    try:
                        item = self._call(items.__anext__)
                    except StopAsyncIteration:
                        return
                    told += 1
                    yield item
            finally:
                if items in self._open:
                    self._open.discard(items)
                    self._call(items.aclose)
        except _EndedError:
            yield ended(told)

    def _call(self, work: Callable[[], Coroutine[Any, Any, _Value]]) -> _Value:
        """Run it on the loop and wait; who interrupts that cancels the work, be it in the very moment in which it begins."""
        begun: list[asyncio.Task[Any] | None] = []
        left = False

        async def run() -> _Value:
            begun.append(asyncio.current_task())
            if left:
                raise asyncio.CancelledError
            return await work()

        under_way: Future[_Value] | None = None
        try:
            try:
                under_way = self._portal.start_task_soon(run)
            except RuntimeError as gone:
                raise _EndedError from gone
            return under_way.result()
        except BaseException:
            left = True
            if under_way is not None:
                under_way.cancel()
            elif begun and (task := begun[0]) is not None:
                task.get_loop().call_soon_threadsafe(task.cancel)
            raise

    def _close(self) -> None:
        """Close what was left half read, then the manager."""
        while self._open:
            with suppress(RuntimeError):  # another thread is reading it just now, and closes it when it is told of the end
                self._call(self._open.pop().aclose)
        self._call(self._manager.close)


class _EndedError(Exception):
    """The loop runs no longer, or waits for this very call."""


_ENDED: Final = ConfigurationError(
    message="the blocking manager has ended: call it inside its block (with blocking(manager) as m: ...), and not from its own loop"
)


def _async(begin: Callable[[], _Item]) -> Callable[[], Coroutine[Any, Any, _Item]]:
    async def called() -> _Item:
        return begin()

    return called


@contextmanager
def blocking(manager: LLMManager) -> Iterator[BlockingManager]:
    """Run a manager on an event loop of its own thread, and close what it opened there at the end."""
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        here = BlockingManager(manager=manager, portal=portal)
        try:
            yield here
        finally:
            here._close()
