"""Tools that are really called, and what comes of a run of them."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import reduce
from operator import add
from typing import Any, Protocol, TypeAlias

from attrs import field, frozen
from returns.future import FutureResult

from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Message, ToolCall, ToolSpec
from llm_manager.domain.models import Locality
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Cost, Usage
from llm_manager.outcomes import Settled
from llm_manager.policies.pricing import together
from llm_manager.services.world import RunBlocking

ReadyCall: TypeAlias = Callable[[RunBlocking], Coroutine[Any, Any, Settled[str, LLMError]]]
"""A call whose arguments fit; gives what the model is told. Work that blocks goes through what it is given."""

Prepare: TypeAlias = Callable[[str], Settled[ReadyCall, LLMError]]
"""Reads the arguments, as the model wrote them: a call that is ready, or what is wrong with them in words for the model."""

Confirm: TypeAlias = Callable[[ToolCall, ToolSpec], bool | Awaitable[bool]]
"""Asked before a tool with side effects is called, one question at a time; False refuses it. It may be async or not."""


@frozen(kw_only=True)
class Tool:
    """A tool and how it is called; make one with `tool_from_function`, `tool_from_schema` or `tools_of_mcp_server`.

    One with ``side_effects`` is called only when a confirmation says so. One that is not ``local`` may send what it is
    given to others: it is not called for a private request, nor under airgap.
    """

    spec: ToolSpec
    prepare: Prepare = field(repr=False)
    side_effects: bool = False
    timeout_seconds: float = 30.0
    locality: Locality = "local"


@frozen(kw_only=True)
class ToolStep:
    """One call of a tool: in which turn of the model, what it asked, what it was told, and the error if there was one."""

    step: int
    call: ToolCall
    result: str = field(repr=False)
    seconds: float
    error: LLMError | None = None


@frozen(kw_only=True)
class ToolRun:
    """How a question with tools went: the last answer, every call of a tool, and the conversation after the request's own.

    What was paid for and what tools have done is never lost: a run that ends before the model was done is a `ToolRun` too,
    and ``stopped`` says why. Its ``messages`` can be sent again as they are: every call in them has its result.
    """

    response: LLMResponse
    steps: tuple[ToolStep, ...] = ()
    messages: tuple[Message, ...] = field(default=(), repr=False)
    responses: tuple[LLMResponse, ...] = field(default=(), repr=False)
    """Every answer of the model, the last one included."""
    stopped: LLMError | None = None

    @property
    def complete(self) -> bool:
        """Say whether the model ended by itself and said all it had to say."""
        return self.stopped is None and self.response.complete

    @property
    def usage(self) -> Usage | None:
        """The tokens of all answers that were not remembered; None when no provider told any."""
        told = [each.usage for each in self.responses if each.usage is not None and not (each.cached or each.shared)]
        return reduce(add, told) if told else None

    @property
    def cost(self) -> Cost:
        """What all answers cost together; not known when one of them is not."""
        return together(each.cost for each in self.responses)


class CallTools(Protocol):
    """Let a model call tools until it has its answer.

    ``max_steps`` bounds the turns of the model, ``concurrent`` the tools at once (None: what the settings say), the
    request's ``deadline_ms`` the whole run. A failure of a tool is told to the model, which may try another way. With
    ``emulate`` the tools are told in words and called by a JSON schema, for models that have no tools of their own.
    """

    def __call__(
        self,
        request: LLMRequest,
        tools: Iterable[Tool],
        /,
        *,
        confirm: Confirm | None = None,
        max_steps: int = 8,
        concurrent: int | None = None,
        emulate: bool = False,
    ) -> FutureResult[ToolRun, LLMError]: ...
