"""A question within a conversation: load, trim, ask, append."""

from collections.abc import Callable

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.configuration import ContextSettings
from llm_manager.domain.conversations import Turn
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.policies.request_faults import check_fields
from llm_manager.policies.trimming import trim
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.steps import Step


def conversing(
    answer: Step[LLMRequest, LLMResponse], storage: ConversationStorage, context: ContextSettings
) -> Callable[[str, LLMRequest], FutureResult[LLMResponse, LLMError]]:
    """Answer with what was said before in mind, and remember the exchange as one turn.

    An answer that was paid for is never lost: when it cannot be stored, it comes with a notice that says so.
    """

    async def converse(conversation_id: str, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
        wrong = check_fields(request)
        if wrong is not None:
            return Failure(wrong)
        loaded = await settle(storage.load(conversation_id))
        if isinstance(loaded, Failure):
            return loaded
        conversation = loaded.unwrap()
        asked = (*request.messages, *_prompt(request))
        kept = trim(conversation.turns, max_tokens=context.max_tokens, keep_messages=context.keep_messages, coming=asked)
        before = tuple(message for turn in kept for message in turn.messages)
        outcome = await answer(evolve(request, messages=(*before, *request.messages)))
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


def _prompt(request: LLMRequest) -> tuple[Message, ...]:
    return () if request.prompt is None else (Message(role="user", content=request.prompt),)
