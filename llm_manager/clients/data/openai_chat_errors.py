"""The machine codes and fixed sentences in which OpenAI-compatible providers say what is wrong.

Sentences are matched from their first letter on, in the provider's message only: they are its own words, never a prompt's.
"""

from typing import Final

QUOTA_OF_ACCOUNT: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
    }
)
QUOTA_OF_KEY: Final = frozenset({"project_spend_limit_exceeded", "weight_exceeds_budget", "key_limit_exceeded"})
RATE_LIMIT: Final = frozenset({"rate_limit_exceeded", "rate_limit_error", "requests", "tokens", "too_many_requests", "429"})
SLOW_DOWN: Final = frozenset({"slow_down"})
CONTEXT: Final = frozenset(
    {
        "context_length_exceeded",
        "exceed_context_size_error",
        "context_exceeded",
        "context_window_exceeded",
        "token_limit_exceeded",
        "max_prompt_tokens_exceeded",
    }
)
TOO_LONG_A_FIELD: Final = frozenset({"string_above_max_length", "string_too_long", "array_above_max_length"})
FILTERED: Final = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "content_filtered",
        "responsible_ai_policy_violation",
        "moderation",
        "moderation_blocked",
        "image_content_policy_violation",
        "bio_policy",
        "misalignment_policy_violation",
    }
)
NO_SUCH_MODEL: Final = frozenset(
    {
        "model_not_found",
        "model_decommissioned",
        "model_not_active",
        "model_not_available",
        "invalid_model",
        "not_found_error",
        "notfounderror",
        "unsupported_model",
        "deprecated_model",
    }
)
WRONG_KEY: Final = frozenset(
    {"invalid_api_key", "invalid_issuer", "mismatched_organization", "authentication_error", "account_deactivated"}
)
NO_PERMISSION: Final = frozenset(
    {"unsupported_country_region_territory", "permission_denied", "permission_error", "insufficient_permissions"}
)
BY_MODEL: Final = frozenset({"tool_use_failed", "json_validate_failed", "output_parse_failed"})
OVERLOADED: Final = frozenset({"overloaded_error", "overloaded", "engine_overloaded_error", "server_overloaded"})
BUSY: Final = frozenset({"capacity_exceeded"})
LOADING: Final = frozenset({"model_loading"})
NOT_VALID: Final = frozenset(
    {
        "invalid_request_error",
        "invalid_request",
        "badrequesterror",
        "invalid_prompt",
        "invalid_image",
        "invalid_image_format",
        "invalid_image_mode",
        "invalid_image_url",
        "invalid_base64_image",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "image_file_too_large",
        "image_file_not_found",
        "empty_image_file",
        "unsupported_image_media_type",
        "failed_to_download_image",
        "data_residency_mismatch",
    }
)

CONTEXT_SENTENCES: Final = (
    r"This (?:model|endpoint)'s maximum context length is (?P<limit>\d{1,12}) tokens"
    r"(?:[.,]? However,? (?:you requested|your (?:messages|prompt) resulted in|your request has)"
    r"(?: about)? (?P<count>\d{1,12}))?",
    r"(?:the )?request (?:\((?P<count>\d{1,12}) tokens\) )?exceeds the available context size(?: \((?P<limit>\d{1,12}) tokens\))?",
    r"max_tokens must be at least 1, got -?\d{1,12}",
    r"(?:The )?number of tokens to keep from the initial prompt is greater than the context length",
    r"Trying to keep the first (?P<count>\d{1,12}) tokens when context the overflows\."
    r" However, the model is loaded with context length of only (?P<limit>\d{1,12}) tokens",
    r"prompt is too long: (?P<count>\d{1,12}) tokens > (?P<limit>\d{1,12}) maximum",
    r"input length and `?max_tokens`? exceed context limit(?:: (?P<count>\d{1,12}) \+ \d{1,12} > (?P<limit>\d{1,12}))?",
    r"Please reduce the length of (?:the messages|your prompt)",
    r"(?:'max_tokens' or 'max_completion_tokens'|max_tokens) is too large: \d{1,12}\. This model's maximum context length is"
    r" (?P<limit>\d{1,12}) tokens and your request has (?P<count>\d{1,12}) input tokens",
    r"(?:The )?(?:input|prompt) (?:\(length |token count \(|\()(?P<count>\d{1,12})\)? (?:exceeds|is longer than) the maximum"
    r" (?:number of tokens allowed|model length|context length)[^0-9]{0,20}(?P<limit>\d{1,12})?",
)
TOKENS_PER_MINUTE: Final = (
    r"Request too large for .{1,200}? on tokens per (?:min(?:ute)?|day) \(TP[MD]\):"
    r" Limit (?P<limit>\d{1,12}), Requested (?P<count>\d{1,12})"
)
BUDGET_OF_PARAMETERS: Final = r".{0,120}?token budget (?:was )?exceeded by (?:the )?request parameters"
LOADING_SENTENCE: Final = r"Loading model"
NO_SUCH_MODEL_SENTENCE: Final = r"(?:The )?[Mm]odel [`'\"].{1,200}?[`'\"] (?:does not exist|has been decommissioned|not found)"
