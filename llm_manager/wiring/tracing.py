"""Whether OpenTelemetry is told."""

from typing import TYPE_CHECKING

from returns.result import Result, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.policies.classification import is_private
from llm_manager.services.world import World
from llm_manager.wiring.packages import lacking

if TYPE_CHECKING:
    from llm_manager.telemetry.opentelemetry import Tracing


def tracing_of(config: LLMConfig, world: World) -> "Result[Tracing | None, LLMError]":
    """What tells OpenTelemetry, where the settings wish it; the words of a private request are never told."""
    if not config.telemetry.opentelemetry:
        return Success(None)
    try:
        from llm_manager.telemetry.opentelemetry import tracing
    except ModuleNotFoundError:
        return lacking("telemetry.opentelemetry: it needs one more package", "otel")
    tells, routing = config.telemetry.content, config.routing
    return Success(tracing(world, content=lambda request: tells and not is_private(request, routing)))
