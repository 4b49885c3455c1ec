"""Effect-style programs: written first, given their manager at the edge.

    answer = generate(LLMRequest("Say hello")).map(lambda response: response.content)
    answer(manager)        # a FutureResult[str, LLMError]

One environment serves all, the manager, so programs compose without merging anything.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from returns.future import FutureResult

from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import LLMError
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import TokenCount
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.manager import LLMManager, Structured
from llm_manager.services.tools import Confirm, Tool, ToolRun

if TYPE_CHECKING:
    from returns.context import RequiresContextFutureResult

_Shape = TypeVar("_Shape")
_Value = TypeVar("_Value")


def generate(request: LLMRequest) -> "RequiresContextFutureResult[LLMResponse, LLMError, LLMManager]":
    """Answer a request with whichever manager the program is given."""
    return _reading(lambda manager: manager.generate(request))


def generate_as(shape: type[_Shape], request: LLMRequest) -> "RequiresContextFutureResult[Structured[_Shape], LLMError, LLMManager]":
    """Answer a request with a value of a class."""
    return _reading(lambda manager: manager.generate_as(shape, request))


def converse(conversation_id: str, request: LLMRequest) -> "RequiresContextFutureResult[LLMResponse, LLMError, LLMManager]":
    """Answer a request within a conversation."""
    return _reading(lambda manager: manager.converse(conversation_id, request))


def call_tools(
    request: LLMRequest,
    tools: Iterable[Tool],
    *,
    confirm: Confirm | None = None,
    max_steps: int = 8,
    concurrent: int | None = None,
    emulate: bool = False,
) -> "RequiresContextFutureResult[ToolRun, LLMError, LLMManager]":
    """Let whichever model answers call tools until it has its answer."""
    return _reading(
        lambda manager: manager.call_tools(request, tools, confirm=confirm, max_steps=max_steps, concurrent=concurrent, emulate=emulate)
    )


def embed(request: EmbedRequest) -> "RequiresContextFutureResult[Embeddings, LLMError, LLMManager]":
    """Turn texts into vectors."""
    return _reading(lambda manager: manager.embed(request))


def moderate(request: ModerationRequest) -> "RequiresContextFutureResult[Moderation, LLMError, LLMManager]":
    """Judge texts."""
    return _reading(lambda manager: manager.moderate(request))


def create_image(request: ImageRequest) -> "RequiresContextFutureResult[MadeImages, LLMError, LLMManager]":
    """Make pictures."""
    return _reading(lambda manager: manager.create_image(request))


def count_tokens(request: LLMRequest) -> "RequiresContextFutureResult[TokenCount, LLMError, LLMManager]":
    """Count a request."""
    return _reading(lambda manager: manager.count_tokens(request))


def plan(request: LLMRequest) -> "RequiresContextFutureResult[Plan, LLMError, LLMManager]":
    """Say where a request would go; nothing is sent."""

    async def planned(manager: LLMManager) -> Settled[Plan, LLMError]:
        return sealed(manager.plan(request))

    return _reading(publish(planned))


def _reading(effect: Callable[[LLMManager], FutureResult[_Value, LLMError]]) -> "RequiresContextFutureResult[_Value, LLMError, LLMManager]":
    """Make a program of what is done once there is a manager; the container is imported by those who write programs."""
    from returns.context import RequiresContextFutureResult

    return RequiresContextFutureResult(effect)
