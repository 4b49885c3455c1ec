"""Every name that is told to OpenTelemetry, in one place: those of the GenAI conventions are not stable yet.

Source: the semantic conventions for generative AI, version 1.41 (status: development); what they lack is under ``llm_manager``.
"""

from collections.abc import Mapping
from typing import Final

from llm_manager.domain.events import Operation

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
MAX_TOKENS: Final = "gen_ai.request.max_tokens"
TEMPERATURE: Final = "gen_ai.request.temperature"
TOP_P: Final = "gen_ai.request.top_p"
SEED: Final = "gen_ai.request.seed"
STOP: Final = "gen_ai.request.stop_sequences"
CONVERSATION: Final = "gen_ai.conversation.id"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - tokens of a model
TOOL: Final = "gen_ai.tool.name"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
ERROR: Final = "error.type"

COST: Final = "llm_manager.cost.usd"
CACHED: Final = "llm_manager.cached"
ATTEMPT: Final = "llm_manager.attempt.number"
KEY: Final = "llm_manager.key.fingerprint"
FEATURE: Final = "llm_manager.feature"
USER: Final = "llm_manager.user"
TENANT: Final = "llm_manager.tenant"
RUN: Final = "llm_manager.run"

DURATION: Final = "gen_ai.client.operation.duration"
TOKENS: Final = "gen_ai.client.token.usage"
ATTEMPTS: Final = "llm_manager.attempts"

OPERATIONS: Final[Mapping[Operation, str]] = {
    "chat": "chat",
    "embed": "embeddings",
    "moderate": "moderate",
    "create_image": "generate_content",
    "count_tokens": "count_tokens",
}
EXECUTE_TOOL: Final = "execute_tool"

PROVIDERS: Final[Mapping[str, str]] = {
    "anthropic": "anthropic",
    "openai": "openai",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "cohere": "cohere",
    "together": "together_ai",
}
"""What the conventions call a provider otherwise than we do; others keep their names."""
