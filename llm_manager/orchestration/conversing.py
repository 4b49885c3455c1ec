"""A question within a conversation: load, trim, ask, append."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.configuration import ContextSettings
from llm_manager.domain.conversations import Turn
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import AllModelsFailed, ContextTooLarge, LLMError
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish, settle
from llm_manager.orchestration.generating import Turns
from llm_manager.outcomes import Settled
from llm_manager.policies.request_faults import check_fields
from llm_manager.policies.trimming import trim
from llm_manager.services.conversation_storage import ConversationStorage

KEPT_MESSAGES: Final = 5
"""How much is sent of a conversation that turned out too long for every model: these last messages, by whole turns."""


def conversing(
    turns: Turns, storage: ConversationStorage, context: ContextSettings
) -> Callable[[str, LLMRequest], FutureResult[LLMResponse, LLMError]]:
    """Answer with what was said before in mind, and remember the exchange as one turn.

    An answer that was paid for is never lost: when it cannot be stored, it comes with a notice that says so. A conversation
    that is too long for every model is sent once more, with its last messages alone, which a notice says.
    """

    def kept(said: Sequence[Turn], asked: tuple[Message, ...], messages: int) -> tuple[Turn, ...]:
        return trim(said, max_tokens=context.max_tokens, keep_messages=messages, coming=asked)

    async def answer(request: LLMRequest, said: Sequence[Turn], asked: tuple[Message, ...]) -> Settled[LLMResponse, LLMError]:
        sent, started = kept(said, asked, context.keep_messages), turns.now()
        outcome = await turns.ask(_after(sent, request), started=started)
        if not isinstance(outcome, Failure) or not _is_too_long(error := outcome.failure()):
            return outcome
        fewer, ledger = kept(sent, asked, KEPT_MESSAGES), turns.left(started, error.attempts)
        if fewer == sent or ledger is None:
            return outcome
        shorter = await turns.ask(_after(fewer, request), before=ledger, started=started)
        if isinstance(shorter, Failure):
            return shorter
        response = shorter.unwrap()
        notice = f"the conversation was too long; only its last {sum(len(turn.messages) for turn in fewer)} messages were sent"
        return Success(evolve(response, notices=(*response.notices, notice)))

    async def converse(conversation_id: str, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
        wrong = check_fields(request)
        if wrong is not None:
            return Failure(wrong)
        loaded = await settle(storage.load(conversation_id))
        if isinstance(loaded, Failure):
            return loaded
        conversation = loaded.unwrap()
        asked = (*request.messages, *_prompt(request))
        outcome = await answer(request, conversation.turns, asked)
        if isinstance(outcome, Failure):
            return outcome
        response = outcome.unwrap()
        turn = Turn(messages=(*asked, response.message))
        stored = await settle(storage.append(conversation_id, turn, conversation.version))
        if isinstance(stored, Failure):
            notice = f"this exchange was not stored: {describe(stored.failure())}"
            return Success(evolve(response, notices=(*response.notices, notice)))
        return outcome

    return publish(converse)


def _after(turns: Sequence[Turn], request: LLMRequest) -> LLMRequest:
    before = (message for turn in turns for message in turn.messages)
    return evolve(request, messages=(*before, *request.messages))


def _is_too_long(error: LLMError) -> bool:
    """Say whether a shorter conversation may be answered by some model that could not answer this one."""
    return any(map(_is_too_long, error.causes)) if isinstance(error, AllModelsFailed) else isinstance(error, ContextTooLarge)


def _prompt(request: LLMRequest) -> tuple[Message, ...]:
    return () if request.prompt is None else (Message(role="user", content=request.prompt),)
