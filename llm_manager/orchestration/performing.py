"""The calls of one turn: each is read, allowed, confirmed and made, a few at once, and each comes to exactly one result."""

import asyncio
from collections.abc import Mapping
from typing import Final, Literal

from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError, ToolFailed
from llm_manager.domain.events import ToolCalled
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.classification import classify
from llm_manager.policies.tool_calls import sendable
from llm_manager.services.invoking import invoked
from llm_manager.services.journal import Journal
from llm_manager.services.tools import Confirm, ReadyCall, Tool, ToolStep
from llm_manager.services.world import World

_LONGEST: Final = 500
_LONGEST_NAME: Final = 64
_WHY: Final = {
    "failed": "it raised, or said that it failed",
    "timeout": "it took too long",
    "arguments": "its arguments did not fit",
    "unknown": "there is no such tool",
    "refused": "the call was refused",
    "steps": "the run had no turns left",
}
"""What the journal is told; the tool's own words may hold what it was given, and are for the model."""


@frozen(kw_only=True)
class Performing:
    """What calling tools needs: the world it happens in, whom to ask and to tell, and how many may run at once."""

    world: World
    journal: Journal
    routing: RoutingPolicy
    concurrent: int = 3
    confirm: Confirm | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Wanted:
    """One answer of the model that calls tools, the request it answered, and when the run must end."""

    number: int
    request: LLMRequest
    response: LLMResponse
    calls: tuple[ToolCall, ...]
    deadline: float | None = None

    def cut_short(self, call: ToolCall) -> bool:
        """Say whether the answer may have ended before this call did."""
        return self.response.finish == "length" and call is self.calls[-1]

    def leaks(self, routing: RoutingPolicy) -> str | None:
        """Why nothing of this turn may go to others; None when it may."""
        if routing.airgap:
            return "under airgap"
        said = evolve(self.request, messages=(*self.request.messages, self.response.message))
        private = (
            classify(said, default_sensitivity=routing.default_sensitivity, private_rule=routing.private_rule).sensitivity == "private"
        )
        return "for a private request" if private else None


async def perform(performing: Performing, tools: Mapping[str, Tool], wanted: Wanted) -> tuple[ToolStep, ...]:
    """Make the calls of a turn side by side; results are in the order of the calls."""
    free = asyncio.Semaphore(performing.concurrent)
    desk = _Desk(performing=performing, tools=tools, wanted=wanted)

    async def one(call: ToolCall) -> ToolStep:
        async with free:
            return await desk.perform(call)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(call)) for call in wanted.calls]
    return tuple(task.result() for task in tasks)


def unperformed(performing: Performing, wanted: Wanted, error: ToolFailed) -> tuple[ToolStep, ...]:
    """The results of calls that are made no more."""
    return tuple(_stepped(performing, wanted, call, Failure(evolve(error, tool=_named(call))), seconds=0.0) for call in wanted.calls)


def _stepped(performing: Performing, wanted: Wanted, call: ToolCall, outcome: Settled[str, LLMError], *, seconds: float) -> ToolStep:
    """What came of a call, told to the journal and in words for the model."""
    error = outcome.failure() if isinstance(outcome, Failure) else None
    told = outcome.unwrap() if error is None else error.message if isinstance(error, ToolFailed) else describe(error)
    performing.journal.emit(
        ToolCalled(
            at=performing.world.now(),
            call_id=wanted.response.call_id,
            step=wanted.number,
            tool=_named(call),
            seconds=seconds,
            error=evolve(error, message=_WHY[error.reason]) if isinstance(error, ToolFailed) else error,
        )
    )
    return ToolStep(step=wanted.number, call=call, result=sendable(told), seconds=seconds, error=error)


@frozen(kw_only=True)
class _Desk:
    """The calls of one turn, and the lock that lets one question at a time be asked."""

    performing: Performing
    tools: Mapping[str, Tool]
    wanted: Wanted
    asking: asyncio.Lock = field(factory=asyncio.Lock)

    async def perform(self, call: ToolCall) -> ToolStep:
        now = self.performing.world.now
        admitted = await self.admitted(call)
        began = now()
        outcome = admitted if isinstance(admitted, Failure) else await self.made(*admitted.unwrap())
        return _stepped(self.performing, self.wanted, call, outcome, seconds=now() - began)

    async def admitted(self, call: ToolCall) -> Settled[tuple[Tool, ReadyCall], LLMError]:
        """The call made ready, when its tool is there, its arguments fit, and nobody forbids it; in this order."""
        tool = self.tools.get(call.name)
        if tool is None:
            there = f"there are {', '.join(self.tools)}" if self.tools else "there is none at all"
            return _failed(call, f"there is no tool of this name; {there}", "unknown")
        if self.wanted.cut_short(call):
            return _failed(call, "the answer was cut before these arguments ended", "arguments")
        try:
            prepared = tool.prepare(call.arguments)
        except Exception as error:  # noqa: BLE001 - a tool is code of others: what it raises is its failure
            return _failed(call, _raised(error), "arguments")
        if isinstance(prepared, Failure):
            return prepared
        if tool.locality != "local" and (why := self.wanted.leaks(self.performing.routing)):
            return _failed(call, f"it may reach beyond this machine, and is not called {why}", "refused")
        refusal = await self.refusal(call, tool) if tool.side_effects else None
        return Success((tool, prepared.unwrap())) if refusal is None else _failed(call, refusal, "refused")

    async def refusal(self, call: ToolCall, tool: Tool) -> str | None:
        """Why a tool with side effects may not be called; None when it was confirmed."""
        confirm = self.performing.confirm
        if confirm is None:
            return "it has side effects, and nobody is there to confirm the call"
        scope = asyncio.timeout(self.left())
        try:
            async with scope, self.asking:
                return None if await invoked(self.performing.world.run_apart, confirm, call, tool.spec) else "the call was not confirmed"
        except TimeoutError as late:
            return "nobody confirmed the call in time" if scope.expired() else f"confirming failed: {_raised(late)}"
        except asyncio.CancelledError as left:
            if _is_cancelled():
                raise
            return f"confirming failed: {_raised(left)}"
        except Exception as error:  # noqa: BLE001 - who cannot be asked has not said yes
            return f"confirming failed: {_raised(error)}"

    async def made(self, tool: Tool, ready: ReadyCall) -> Settled[str, LLMError]:
        """The call itself, within its own time and that of the run; whatever it raises is its failure."""
        left = self.left()
        seconds = tool.timeout_seconds if left is None else min(tool.timeout_seconds, left)
        if seconds <= 0.0:
            return Failure(ToolFailed(tool=tool.spec.name, message="the time of the run was over", reason="timeout"))
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                return await ready(self.performing.world.run_apart)
        except TimeoutError as late:
            if not scope.expired():
                return Failure(ToolFailed(tool=tool.spec.name, message=_raised(late)))
            return Failure(ToolFailed(tool=tool.spec.name, message=f"it took longer than {seconds:g} s", reason="timeout"))
        except asyncio.CancelledError as gone:
            if _is_cancelled():
                raise
            return Failure(ToolFailed(tool=tool.spec.name, message=_raised(gone)))
        except Exception as error:  # noqa: BLE001 - a tool is code of others: what it raises is its failure
            return Failure(ToolFailed(tool=tool.spec.name, message=_raised(error)))

    def left(self) -> float | None:
        """The seconds that the run still has."""
        return None if self.wanted.deadline is None else self.wanted.deadline - self.performing.world.now()


def _failed(call: ToolCall, message: str, reason: Literal["unknown", "arguments", "refused"]) -> Failure[LLMError]:
    return Failure(ToolFailed(tool=_named(call), message=message, reason=reason))


def _named(call: ToolCall) -> str:
    """The name that the model wrote, which may be any text."""
    return call.name[:_LONGEST_NAME]


def _is_cancelled() -> bool:
    """Say whether this task is cancelled; what it awaits may be, and then that has failed."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _raised(error: BaseException) -> str:
    """What was raised, in a line: its kind and its words, never where."""
    try:
        words = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception need not be able to say what it is
        words = ""
    return f"{type(error).__name__}: {words}"[:_LONGEST] if words else type(error).__name__
