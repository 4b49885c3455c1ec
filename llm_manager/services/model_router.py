"""Choosing models."""

from collections.abc import Callable

from attrs import frozen
from returns.result import Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Plan, Snapshot
from llm_manager.domain.requests import LLMRequest


@frozen(kw_only=True)
class ModelRouter:
    """Turns a request and what is known into a plan; the same two always give the same plan."""

    route: Callable[[LLMRequest, Snapshot], Result[Plan, LLMError]]
