"""One whole answer for one request, or one more turn of a call that goes on."""

from collections.abc import Callable, Coroutine
from math import inf
from typing import Any, Protocol

from attrs import evolve, frozen
from returns.result import Failure

from llm_manager.domain.attempts import Call, Ledger, Outages
from llm_manager.domain.errors import Attempts, LLMError
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.request_faults import not_asked
from llm_manager.services.steps import Step
from llm_manager.services.world import World


class GoOn(Protocol):
    """Asks for an answer as a turn of a call: ``before`` is the ledger of the turns before it, ``started`` when its time began."""

    def __call__(
        self, request: LLMRequest, /, *, before: Ledger | None = None, started: float | None = None
    ) -> Coroutine[Any, Any, Settled[LLMResponse, LLMError]]: ...


@frozen(kw_only=True)
class Turns:
    """How a call of several turns goes on: whom to ask, within how many re-sends, and when it is."""

    ask: GoOn
    max_retries: int
    now: Callable[[], float]

    def left(self, started: float, attempts: Attempts) -> Ledger | None:
        """The ledger of one more turn of a call that began at ``started``; None when it has no re-send left for it."""
        ledger = Ledger(started=started, deadline=inf, attempts=attempts)
        return None if ledger.resends >= self.max_retries else ledger


def going_on_with(preferences: Preferences, answer: LLMResponse) -> Preferences:
    """Prefer the model that answered, for the next turn; its thoughts are its own, and what it has read may be remembered there.

    Nobody is preferred after an answer from memory, before which other models may have failed.
    """
    last = answer.attempts[-1] if answer.attempts else None
    if preferences.exact or last is None or last.error is not None or last.left:
        return preferences
    return evolve(preferences, provider=last.provider, model=last.model)


class AnswerRow(Protocol):
    """Asks for the answer to a row of a batch, which waits for an endpoint that is down as ``outages`` says."""

    def __call__(self, request: LLMRequest, outages: Outages, /) -> Coroutine[Any, Any, Settled[LLMResponse, LLMError]]: ...


def generating(step: Step[Call, LLMResponse], world: World) -> Step[LLMRequest, LLMResponse]:
    """Begin a call for each request; its id names it in the journal and on the answer."""

    async def generate(request: LLMRequest) -> "Settled[LLMResponse, LLMError]":
        strange = not_asked(request)
        if strange is not None:
            return Failure(strange)
        return await step(Call(id=world.new_id(), request=request, started=world.now()))

    return generate


def answering_rows(step: Step[Call, LLMResponse], world: World) -> AnswerRow:
    """Begin a patient call for each row."""

    async def answer(request: LLMRequest, outages: "Outages", /) -> "Settled[LLMResponse, LLMError]":
        strange = not_asked(request)
        if strange is not None:
            return Failure(strange)
        call = Call(id=world.new_id(), request=request, started=world.now(), patient=True, outages=outages)
        return await step(call)

    return answer


def going_on(step: Step[Call, LLMResponse], world: World) -> GoOn:
    """Calls of several turns with one ledger; each turn has an id of its own, and one event at its end."""

    async def go_on(
        request: LLMRequest, /, *, before: "Ledger | None" = None, started: "float | None" = None
    ) -> "Settled[LLMResponse, LLMError]":
        strange = not_asked(request)
        if strange is not None:
            return Failure(strange)
        began = world.now() if started is None else started
        return await step(Call(id=world.new_id(), request=request, started=began, before=before))

    return go_on
