"""A question with tools: the model calls, the tools answer, until the model has its answer or may go on no longer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from typing import Any

from attrs import evolve, frozen
from msgspec.structs import replace
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import InvalidRequest, LLMError, RequestTimeout, ToolFailed
from llm_manager.domain.messages import Message, UseTool
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish
from llm_manager.orchestration.generating import GoOn, going_on_with
from llm_manager.orchestration.performing import Performing, Wanted, perform, unperformed
from llm_manager.outcomes import Settled
from llm_manager.policies.request_faults import check_fields
from llm_manager.policies.tool_calls import told_apart
from llm_manager.policies.tool_emulation import emulated, read_emulated
from llm_manager.policies.value_faults import is_number, is_whole, kind
from llm_manager.services.tools import CallTools, Confirm, Tool, ToolRun, ToolStep


def calling_tools(answer: GoOn, performing: Performing) -> CallTools:
    """Let a model call tools; what fails after the first turn stops the run.

    Its turns share one ledger: each may ask every model afresh, and all of them together have the re-sends, the money and,
    where the request says so, the time of one call.
    """

    def call_tools(
        request: LLMRequest,
        tools: Iterable[Tool],
        /,
        *,
        confirm: Confirm | None = None,
        max_steps: int = 8,
        concurrent: int | None = None,
        emulate: bool = False,
    ) -> FutureResult[ToolRun, LLMError]:
        given = _given(tools)
        wrong = check_fields(request) or _misgiven(request, given, max_steps, concurrent, confirm)
        if wrong is not None:
            return FutureResult.from_failure(wrong)
        most = performing.concurrent if concurrent is None else concurrent
        desk = evolve(performing, confirm=confirm, concurrent=max(1, most))
        return publish(_run)(_emulating(answer) if emulate else answer, request, given, desk, max_steps)

    return call_tools


def _given(tools: Any) -> tuple[Tool, ...]:
    """The tools as they were given, right or not; what is no series of them is one of them."""
    return tuple(tools) if isinstance(tools, Iterable) and not isinstance(tools, Result) else (tools,)


def _misgiven(
    request: LLMRequest, tools: tuple[object, ...], max_steps: object, concurrent: object, confirm: object
) -> InvalidRequest | None:
    """Say what is no tool, or no bound of the run."""
    wrong = next((f"tools[{at}]: {why}" for at, tool in enumerate(tools) if (why := _no_tool(tool)) is not None), None)
    for name, number in (("max_steps", max_steps), ("concurrent", 1 if concurrent is None else concurrent)):
        wrong = wrong or (None if is_whole(number) else f"{name}: it is of type {kind(number)}; give a whole number")
    if wrong is None and confirm is not None and not callable(confirm):
        wrong = f"confirm: it is of type {kind(confirm)}; give a function that says True or False"
    return None if wrong is None else InvalidRequest(message=wrong, request=request)


def _no_tool(tool: object) -> str | None:
    if isinstance(tool, Tool):
        late = tool.timeout_seconds
        return None if is_number(late) else f"its timeout_seconds is of type {kind(late)}; give a number"
    if isinstance(tool, Success):
        return "it is still wrapped in a Success; unwrap it: tool_from_function(...).unwrap()"
    if isinstance(tool, Failure):
        return "it is a Failure, so that no tool was made; look at its failure()"
    if callable(tool):
        return "it is a function; make a tool of it: tool_from_function(...).unwrap()"
    return f"it is of type {kind(tool)}; make a tool with tool_from_function(...).unwrap()"


@frozen(kw_only=True)
class _Story:
    """What has been said and done so far."""

    steps: tuple[ToolStep, ...] = ()
    messages: tuple[Message, ...] = ()
    responses: tuple[LLMResponse, ...] = ()

    def told(self, response: LLMResponse, steps: Sequence[ToolStep]) -> "_Story":
        """One more turn: what the model said, and what came of each of its calls."""
        said = evolve(response.message, tool_calls=tuple(step.call for step in steps))
        return _Story(
            steps=(*self.steps, *steps),
            messages=(*self.messages, said, *map(_result, steps)),
            responses=(*self.responses, response),
        )

    def ended(self, stopped: LLMError | None = None) -> Settled[ToolRun, LLMError]:
        """How the run went, once there is an answer."""
        last = self.responses[-1]
        notices = () if stopped is None else (f"the run ended before the model was done: {describe(stopped)}",)
        return Success(
            ToolRun(
                response=evolve(last, notices=(*last.notices, *notices)),
                steps=self.steps,
                messages=self.messages,
                responses=self.responses,
                stopped=stopped,
            )
        )


async def _run(
    ask: GoOn, request: LLMRequest, tools: tuple[Tool, ...], performing: Performing, max_steps: int
) -> Settled[ToolRun, LLMError]:
    problem = _problem(request, tools, max_steps)
    if problem is not None:
        return Failure(InvalidRequest(message=problem, request=request))
    known = {} if request.tool_choice == "none" else {tool.spec.name: tool for tool in tools}
    now = performing.world.now
    began = now()
    deadline = None if request.deadline_ms is None else began + request.deadline_ms / 1000.0
    ledger = Ledger(started=began, deadline=inf if deadline is None else deadline)
    coming, story, number = evolve(request, tools=tuple(tool.spec for tool in tools)), _Story(), 0
    taken = {call.id for message in request.messages for call in message.tool_calls}
    while True:
        number += 1
        outcome = await ask(coming, before=ledger)
        if isinstance(outcome, Failure):
            return story.ended(outcome.failure()) if story.responses else outcome
        response = outcome.unwrap()
        ledger = replace(ledger, attempts=response.attempts).next_turn()
        calls = told_apart(response.tool_calls, taken.union(step.call.id for step in story.steps))
        if not calls:
            return story.told(response, ()).ended()
        wanted = Wanted(number=number, request=coming, response=response, calls=calls, deadline=deadline)
        if number >= max_steps:
            over = ToolFailed(tool=calls[0].name, message=f"no calls any more: the run had {max_steps} turns", reason="steps")
            return story.told(response, unperformed(performing, wanted, over)).ended(over)
        story = story.told(response, await perform(performing, known, wanted))
        left = None if deadline is None else deadline - now()
        if left is not None and left <= 0.0:
            return story.ended(RequestTimeout(model=response.model, timeout_ms=request.deadline_ms or 0, phase="total"))
        coming = _coming(request, coming, story, left)


def _problem(request: LLMRequest, tools: Sequence[Tool], max_steps: int) -> str | None:
    """Why the run cannot begin, or None."""
    names = Counter(tool.spec.name for tool in tools)
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        return f"more than one tool is called {twice[0]}"
    if absent := [spec.name for spec in request.tools if spec.name not in names]:
        return f"nobody can call {absent[0]}: give it among the tools, not in the request"
    if isinstance(request.tool_choice, UseTool) and request.tool_choice.name not in names:
        return f"tool_choice asks for {request.tool_choice.name}, which is not among the tools"
    return None if max_steps >= 1 else "max_steps must be at least 1"


def _coming(request: LLMRequest, before: LLMRequest, story: _Story, left: float | None) -> LLMRequest:
    """The request of the next turn; a tool that had to be called has been, and the model that has begun goes on."""
    asked = () if request.prompt is None else (Message(role="user", content=request.prompt),)
    return evolve(
        before,
        prompt=None,
        messages=(*request.messages, *asked, *story.messages),
        tool_choice="none" if request.tool_choice == "none" else "auto",
        preferences=going_on_with(request.preferences, story.responses[-1]),
        deadline_ms=None if left is None else max(1, round(left * 1000)),
    )


def _result(step: ToolStep) -> Message:
    return Message(role="tool", content=step.result, tool_call_id=step.call.id, tool_failed=step.error is not None)


def _emulating(answer: GoOn) -> GoOn:
    async def ask(request: LLMRequest, /, *, before: Ledger | None = None, started: float | None = None) -> Settled[LLMResponse, LLMError]:
        outcome = await answer(emulated(request), before=before, started=started)
        return outcome if isinstance(outcome, Failure) else Success(read_emulated(outcome.unwrap(), request))

    return ask
