"""What is sent of a conversation with the next question: its system prompt, and as much of what was said as fits the model."""

from collections.abc import Callable, Coroutine, Sequence
from math import inf
from typing import Any, Final

from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.configuration import ContextSettings
from llm_manager.domain.conversations import Conversation, ConversationDescription, ConversationSummary, Turn
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Cost, Priced
from llm_manager.effects import settle
from llm_manager.orchestration.generating import Turns
from llm_manager.orchestration.keeping import to_its_end
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.pricing import NOTHING_PAID
from llm_manager.policies.session_prompts import session_prompt
from llm_manager.policies.summarising import still_said, summary_request, to_summarise, with_summary
from llm_manager.policies.tokens import PER_MESSAGE, estimate_request_tokens, estimate_tokens
from llm_manager.policies.trimming import trim
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.world import World

FindWindow = Callable[[LLMRequest], Coroutine[Any, Any, int | None]]
"""How many tokens the model takes that would be asked first; None when nobody knows."""

_ANSWER_TOKENS: Final = 1024
"""What is left free of a window for the answer, when the request does not say; a quarter of a small window."""


@frozen(kw_only=True)
class RecallingDeps:
    """What is needed to prepare a question."""

    turns: Turns
    context: ContextSettings
    world: World
    find_window: FindWindow
    is_private: Callable[[LLMRequest], bool]
    """Whether its words or its label keep a request on this machine."""


@frozen(kw_only=True)
class Recalled:
    """A question that is ready: what was said before it that fits, and the ledger of what it has taken to prepare it."""

    request: LLMRequest
    turns: tuple[Turn, ...]
    asked: tuple[Message, ...]
    max_tokens: int
    before: Ledger | None = None
    notices: tuple[str, ...] = ()
    cost: Cost = NOTHING_PAID
    """What it took to prepare it."""

    def with_turns(self, turns: Sequence[Turn]) -> LLMRequest:
        """The request with these turns before it."""
        said = (message for turn in turns for message in turn.messages)
        return evolve(self.request, messages=(*said, *self.request.messages))


async def recall(
    deps: RecallingDeps, storage: ConversationStorage, conversation: Conversation, request: LLMRequest, started: float
) -> Settled[Recalled, LLMError]:
    """Prepare a question within a conversation. What was ever asked as private makes it private."""
    told = _told(deps, conversation, request)
    if isinstance(told, Failure):
        return told
    request = told.unwrap()
    if conversation.private:
        request = evolve(request, sensitivity="private")
    asked = (*request.messages, *(() if request.prompt is None else (Message(role="user", content=request.prompt),)))
    room = _room(deps.context, request, await deps.find_window(request))
    ready = Recalled(request=request, turns=(), asked=asked, max_tokens=room)
    if deps.context.trimming == "summary":
        return Success(await _summarised(deps, storage, conversation, ready, started))
    return Success(_trimmed(deps.context, ready, conversation.turns))


def _told(deps: RecallingDeps, conversation: Conversation, request: LLMRequest) -> Settled[LLMRequest, LLMError]:
    """The request with what the model is told first: as it says itself, else the conversation, else the settings."""
    if request.system is not None:
        return Success(request)
    if conversation.system is not None:
        return Success(evolve(request, system=conversation.system))
    if deps.context.system_prompt is None:
        return Success(request)
    now = deps.world.wall()
    began = now if conversation.began is None else conversation.began
    filled = sealed(session_prompt(deps.context.system_prompt, began=began, now=now, environ=deps.world.environ))
    return filled if isinstance(filled, Failure) else Success(evolve(request, system=filled.unwrap()))


def _room(context: ContextSettings, request: LLMRequest, window: int | None) -> int:
    """How many tokens what was said and what is asked may take together."""
    system = 0 if request.system is None else PER_MESSAGE + estimate_tokens(request.system)
    room = context.max_tokens - system
    if window is None:
        return room
    beside = estimate_request_tokens(evolve(request, prompt=None, messages=()))
    return min(room, window - beside - (request.preferences.max_tokens or min(_ANSWER_TOKENS, window // 4)))


def _trimmed(context: ContextSettings, ready: Recalled, turns: Sequence[Turn]) -> Recalled:
    kept = trim(
        turns,
        max_tokens=ready.max_tokens,
        keep_messages=context.keep_messages,
        coming=ready.asked,
        keep_first=context.trimming == "first",
    )
    return evolve(ready, turns=kept)


async def _summarised(
    deps: RecallingDeps, storage: ConversationStorage, conversation: Conversation, ready: Recalled, started: float
) -> Recalled:
    """What no longer fits is told in short by a model, which is remembered; when that fails the latest turns alone are sent."""
    context = deps.context
    wanted = to_summarise(conversation, max_tokens=ready.max_tokens, keep_messages=context.keep_messages, coming=ready.asked)
    if wanted is not None:
        asked = summary_request(ready.request, wanted, context.summary_model)
        outcome = await deps.turns.ask(asked, started=started)
        if isinstance(outcome, Failure):
            error = outcome.failure()
            ready = evolve(
                ready,
                notices=(f"what was said earlier could not be summarised and was left out: {describe(error)}",),
                before=Ledger(started=started, deadline=inf, attempts=error.attempts).next_turn(),
            )
        else:
            answer = outcome.unwrap()
            before = Ledger(started=started, deadline=inf, attempts=answer.attempts).next_turn()
            ready = evolve(ready, before=before, cost=answer.cost)
            if not (text := answer.content.strip()):
                ready = evolve(ready, notices=(f"what was said earlier was left out: {answer.model} summarised it in no words",))
            else:
                summary = ConversationSummary(text=text, turns=wanted.until)
                conversation = evolve(conversation, summary=summary)
                ready = evolve(ready, notices=await _told_of(storage, conversation.id, summary, answer))
    taken = 0 if conversation.summary is None else estimate_tokens(conversation.summary.text)
    ready = evolve(ready, request=with_summary(ready.request, conversation.summary), max_tokens=ready.max_tokens - taken)
    return _trimmed(context, ready, still_said(conversation))


async def _told_of(
    storage: ConversationStorage, conversation_id: str, summary: ConversationSummary, answer: LLMResponse
) -> tuple[str, ...]:
    """Keep a summary, even if the caller is cancelled now; and what there is to say of it."""
    cost = f", {answer.cost.usd.normalize():f} USD" if isinstance(answer.cost, Priced) else ""
    notice = f"what was said earlier was summarised by {answer.model}{cost}"
    kept = await to_its_end(settle(storage.describe(conversation_id, ConversationDescription(summary=summary))))
    return (notice,) if not isinstance(kept, Failure) else (notice, f"the summary was not stored: {describe(kept.failure())}")
