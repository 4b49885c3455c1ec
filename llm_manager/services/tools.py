"""Tools that are really called."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Message, ToolCall, ToolSpec
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled

CallTool: TypeAlias = Callable[[Mapping[str, Any]], Coroutine[Any, Any, Settled[str, LLMError]]]
"""Calls a tool with arguments that fit its schema; gives what the model is told."""

CheckArguments: TypeAlias = Callable[[Mapping[str, Any]], str | None]
"""Says what is wrong with the arguments, in words for the model; None when they fit."""

Confirm: TypeAlias = Callable[[ToolCall, ToolSpec], Coroutine[Any, Any, bool]]
"""Asked before a tool with side effects is called; False refuses it."""


@frozen(kw_only=True)
class Tool:
    """A tool and how it is called. One with ``side_effects`` is called only when a confirmation says so."""

    spec: ToolSpec
    check: CheckArguments = field(repr=False)
    call: CallTool = field(repr=False)
    side_effects: bool = False
    timeout_seconds: float = 30.0


@frozen(kw_only=True)
class ToolStep:
    """One call of a tool: what the model asked, what it was told, and the error if there was one."""

    step: int
    call: ToolCall
    result: str = field(repr=False)
    seconds: float
    error: LLMError | None = None


@frozen(kw_only=True)
class ToolRun:
    """How a question with tools ended: the last answer, every call of a tool, and the whole conversation after the request's own."""

    response: LLMResponse
    steps: tuple[ToolStep, ...]
    messages: tuple[Message, ...] = field(repr=False)
    responses: tuple[LLMResponse, ...] = field(repr=False)
    """Every answer of the model, the last one included: their costs together are the cost of the run."""
