"""A question within a conversation: load, trim, ask, append; whole or as a stream."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final, Protocol, TypeVar

from attrs import evolve, field, frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Call, Ledger
from llm_manager.domain.conversations import Conversation, Turn
from llm_manager.domain.errors import AllModelsFailed, ContextTooLarge, LLMError
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished, TextDelta
from llm_manager.effects import publish, settle
from llm_manager.orchestration.keeping import Kept, keep, to_its_end
from llm_manager.orchestration.recalling import Recalled, RecallingDeps, recall
from llm_manager.outcomes import Settled
from llm_manager.policies.pricing import NOTHING_PAID, together
from llm_manager.policies.request_faults import check_fields
from llm_manager.policies.trimming import trim
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.steps import OpenStream, Step

KEPT_MESSAGES: Final = 5
"""How much is sent of a conversation that turned out too long for every model: these last messages, by whole turns."""

Converse = Callable[[str, LLMRequest], FutureResult[LLMResponse, LLMError]]
ConverseStream = Callable[[str, LLMRequest], AsyncGenerator[Result[StreamEvent, LLMError], None]]

_Reply = TypeVar("_Reply", LLMResponse, OpenStream)
_Answer_co = TypeVar("_Answer_co", covariant=True)


class _Ask(Protocol[_Answer_co]):
    """Asks for a whole answer, or opens a stream, with the ledger of what came before."""

    def __call__(
        self, request: LLMRequest, /, *, before: Ledger | None = None, started: float | None = None
    ) -> Coroutine[Any, Any, Settled[_Answer_co, LLMError]]: ...


@frozen(kw_only=True)
class _Exchange:
    """One question within a conversation that is loaded."""

    storage: ConversationStorage
    conversation: Conversation
    recalled: Recalled
    at: float
    private: bool
    new_id: Callable[[], str] = field(repr=False)

    async def kept(self, answer: Message, *, cut: bool) -> Kept:
        """Keep it with its answer, even if the caller is cancelled now."""
        turn = Turn(messages=(*self.recalled.asked, answer), at=self.at, cut=cut, private=self.private)
        return await to_its_end(keep(self.storage, self.conversation, turn, self.new_id))

    def whole(self, response: LLMResponse, notices: tuple[str, ...]) -> LLMResponse:
        """The answer with what came before it: what there is to say of that, and what it cost."""
        cost = response.cost if self.recalled.cost == NOTHING_PAID else together((self.recalled.cost, response.cost))
        return evolve(response, cost=cost, notices=(*response.notices, *notices))


def conversing(deps: RecallingDeps, storage: ConversationStorage) -> Converse:
    """Answer with what was said before in mind, and remember the exchange as one turn.

    An answer that was paid for is never lost: when somebody else wrote to the conversation meanwhile it is kept in a branch, when it
    cannot be stored it comes all the same, and notices say so. Who is cancelled once it has come leaves when it is stored. A
    conversation that is too long for every model is sent once more, with its last messages alone, which a notice says.
    """

    async def converse(conversation_id: str, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
        started = deps.turns.now()
        begun = await _begun(deps, storage, conversation_id, request, started)
        if isinstance(begun, Failure):
            return begun
        exchange = begun.unwrap()
        outcome = await _asked(deps, deps.turns.ask, exchange.recalled, started)
        if isinstance(outcome, Failure):
            return outcome
        response, notices = outcome.unwrap()
        kept = await exchange.kept(response.message, cut=not response.complete)
        return Success(kept.told_with(exchange.whole(response, notices)))

    return publish(converse)


def conversing_streams(deps: RecallingDeps, storage: ConversationStorage, step: Step[Call, OpenStream]) -> ConverseStream:
    """The same as events; the last one comes when the exchange is stored.

    What was told before a stream failed, or was left by its reader, is kept too, as a turn that is cut.
    """

    async def opened(
        request: LLMRequest, /, *, before: Ledger | None = None, started: float | None = None
    ) -> Settled[OpenStream, LLMError]:
        began = deps.turns.now() if started is None else started
        return await step(Call(id=deps.world.new_id(), request=request, started=began, before=before))

    async def converse(conversation_id: str, request: LLMRequest) -> AsyncGenerator[Result[StreamEvent, LLMError], None]:
        started = deps.turns.now()
        begun = await _begun(deps, storage, conversation_id, request, started)
        if isinstance(begun, Failure):
            yield begun
            return
        exchange = begun.unwrap()
        outcome = await _asked(deps, opened, exchange.recalled, started)
        if isinstance(outcome, Failure):
            yield outcome
            return
        reply, notices = outcome.unwrap()
        async with aclosing(_kept_at_end(exchange, reply, notices)) as events:
            async for event in events:
                yield event

    return converse


async def _begun(
    deps: RecallingDeps, storage: ConversationStorage, conversation_id: str, request: LLMRequest, started: float
) -> Settled[_Exchange, LLMError]:
    wrong = check_fields(request)
    if wrong is not None:
        return Failure(wrong)
    mine = storage.of_tenant(request.metadata.tenant) if request.metadata.tenant else storage
    loaded = await settle(mine.load(conversation_id))
    if isinstance(loaded, Failure):
        return loaded
    conversation = loaded.unwrap()
    recalled = await recall(deps, mine, conversation, request, started)
    if isinstance(recalled, Failure):
        return recalled
    ready = recalled.unwrap()
    made_private = not conversation.private and deps.is_private(ready.with_turns(ready.turns))  # by its words, which may be cut off later
    return Success(
        _Exchange(
            storage=mine,
            conversation=conversation,
            recalled=ready,
            at=deps.world.wall(),
            private=made_private or request.sensitivity == "private",
            new_id=deps.world.new_id,
        )
    )


async def _asked(
    deps: RecallingDeps, ask: _Ask[_Reply], recalled: Recalled, started: float
) -> Settled[tuple[_Reply, tuple[str, ...]], LLMError]:
    """Ask; once more with fewer turns when all were too many for every model."""
    outcome = await ask(recalled.with_turns(recalled.turns), before=recalled.before, started=started)
    if not isinstance(outcome, Failure):
        return Success((outcome.unwrap(), recalled.notices))
    if not _is_too_long(error := outcome.failure()):
        return outcome
    fewer = trim(recalled.turns, max_tokens=recalled.max_tokens, keep_messages=KEPT_MESSAGES, coming=recalled.asked)
    ledger = deps.turns.left(started, error.attempts)
    if fewer == recalled.turns or ledger is None:
        return outcome
    shorter = await ask(recalled.with_turns(fewer), before=ledger, started=started)
    if isinstance(shorter, Failure):
        return shorter
    notice = f"the conversation was too long; only its last {sum(len(turn.messages) for turn in fewer)} messages were sent"
    return Success((shorter.unwrap(), (*recalled.notices, notice)))


async def _kept_at_end(
    exchange: _Exchange, reply: OpenStream, notices: tuple[str, ...]
) -> AsyncGenerator[Settled[StreamEvent, LLMError], None]:
    """The events of a stream, of which what was told is kept, however it ends."""
    told: list[str] = []
    ended = False

    async def after(event: Settled[StreamEvent, LLMError]) -> Settled[StreamEvent, LLMError]:
        nonlocal ended
        if isinstance(event, Failure):
            ended = True
            if told:
                await exchange.kept(Message(role="assistant", content="".join(told)), cut=True)
            return event
        happened = event.unwrap()
        if isinstance(happened, TextDelta):
            told.append(happened.text)
        elif isinstance(happened, StreamFinished):
            ended = True
            response = happened.response
            kept = await exchange.kept(response.message, cut=not response.complete)
            return Success(StreamFinished(response=kept.told_with(exchange.whole(response, notices))))
        return event

    try:
        yield await after(Success(reply.first))
        async for event in reply.rest:
            yield await after(event)
    finally:
        await reply.rest.aclose()
        if told and not ended:
            await exchange.kept(Message(role="assistant", content="".join(told)), cut=True)


def _is_too_long(error: LLMError) -> bool:
    """Say whether a shorter conversation may be answered by some model that could not answer this one."""
    return any(map(_is_too_long, error.causes)) if isinstance(error, AllModelsFailed) else isinstance(error, ContextTooLarge)
