"""The machine codes and fixed sentences in which Anthropic says what is wrong.

Sentences are matched from their first letter on, in the provider's message only: they are its own words, never a prompt's.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STATUS_OF: Final[Mapping[str, int]] = MappingProxyType(
    {
        "invalid_request_error": 400,
        "authentication_error": 401,
        "billing_error": 402,
        "permission_error": 403,
        "not_found_error": 404,
        "conflict_error": 409,
        "request_too_large": 413,
        "rate_limit_error": 429,
        "api_error": 500,
        "timeout_error": 504,
        "overloaded_error": 529,
    }
)
"""The status with which an error of each type comes, for those that come inside a stream, which have none."""

QUOTA_OF_ACCOUNT: Final = frozenset(
    {
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
        "linked_organization_billing_unavailable",
        "user_profile_not_billable",
        "user_profile_billing_not_authorized",
        "organization_on_hold",
    }
)
RAMP: Final = frozenset({"ramp_limit_exceeded"})
BODY_TOO_LARGE: Final = frozenset({"request_body_too_large_after_decoding"})
WINDOW: Final = frozenset({"exceed_context_size_error"})
"""How llama.cpp's server, which speaks this dialect too, says it."""

CREDIT_SENTENCE: Final = r"Your credit balance is too low"
LIMIT_SENTENCE: Final = r"You have reached your specified (?P<workspace>workspace )?API usage limits"
CONTEXT_SENTENCES: Final = (
    r"prompt is too long(?:: (?P<count>\d{1,12}) tokens > (?P<limit>\d{1,12}) maximum)?",
    r"input length and `?max_tokens`? exceed context limit(?:: (?P<count>\d{1,12}) \+ \d{1,12} > (?P<limit>\d{1,12}))?",
    r"(?:the )?request (?:\((?P<count>\d{1,12}) tokens\) )?exceeds the available context size(?: \((?P<limit>\d{1,12}) tokens\))?",
)
