"""The machine codes and fixed sentences in which Gemini says what is wrong.

Codes are the ``status`` of an error and the ``reason`` of its details. Sentences are matched from their first letter on, in the
provider's message only: they are its own words, never a prompt's.
"""

from typing import Final

WRONG_KEY: Final = frozenset(
    {
        "api_key_invalid",
        "api_key_expired",
        "access_token_expired",
        "access_token_type_unsupported",
        "account_state_invalid",
        "credentials_missing",
        "unauthenticated",
    }
)
NO_PERMISSION: Final = frozenset(
    {
        "access_token_scope_insufficient",
        "api_key_android_app_blocked",
        "api_key_http_referrer_blocked",
        "api_key_ios_app_blocked",
        "api_key_ip_address_blocked",
        "api_key_service_blocked",
        "consumer_invalid",
        "consumer_suspended",
        "iam_permission_denied",
        "permission_denied",
        "service_disabled",
        "user_project_denied",
    }
)
NOT_SET_UP: Final = frozenset({"billing_disabled", "failed_precondition"})
GAVE_UP: Final = frozenset({"cancelled", "deadline_exceeded"})

CONTEXT_SENTENCES: Final = (
    r"(?:The )?input token count \(?(?P<count>\d{1,12})\)? exceeds the maximum number of tokens allowed \(?(?P<limit>\d{1,12})\)?",
    r"(?:The )?input token count exceeds the maximum number of tokens allowed(?: \(?(?P<limit>\d{1,12})\)?)?",
    r"Unable to submit request because the input token count is (?P<count>\d{1,12})"
    r" but (?:the )?model only supports up to (?P<limit>\d{1,12})",
)
TOO_MANY_BYTES: Final = r"Request payload size exceeds the limit"
WRONG_KEY_SENTENCE: Final = r"API key (?:not valid|not found|expired)"
CREDITS_SPENT: Final = r"Your prepayment credits are depleted"
NOTHING_ALLOWED: Final = r"Quota exceeded for metric: [^\n]{1,200}?, limit: 0(?![0-9.])"
RETRY_IN: Final = r"[Pp]lease retry in (?P<delay>[0-9][0-9.hms]{0,40})"
A_DAY: Final = "perday"
"""In the name of a quota that lasts a day."""

GOOD_ENDINGS: Final = frozenset({"STOP", "MAX_TOKENS"})
WITHHELD: Final = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "ESCALATION",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
WRONG_CALLS: Final = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"})
WRONG_HISTORY: Final = frozenset({"MISSING_THOUGHT_SIGNATURE"})
NO_ACCOUNT: Final = frozenset({"PUP_LIMITED_DISABLED"})
NO_ANSWER: Final = frozenset({"MALFORMED_RESPONSE"})
