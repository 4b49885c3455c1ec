"""The fixed sentences in which Cohere says what is wrong: its errors hold a status, a sentence and an id, never a code.

Matched from their first letter on: they are its own words, never a prompt's.
"""

from typing import Final

CONTEXT_SENTENCES: Final = (
    r"too many tokens: total number of tokens in the prompt cannot exceed (?P<limit>\d{1,12}) - received (?P<count>\d{1,12})",
    r"too many tokens: size limit exceeded by \d{1,12} tokens",
    r"too many tokens: minimal context could not be added to prompt",
    r"too many tokens: multi-hop prompt is too long even after truncation",
)
MONTH_SPENT: Final = r"You are using a Trial key, which is limited to [\d,]{1,12} API calls / month"
KEY_SPENT: Final = r"Maximum billing reached for this API key"
DENY_LISTED: Final = 498
"""The status of a request, or of an answer, that holds something on its list of what is not said."""

FAILED: Final = "ERROR"
TOOK_TOO_LONG: Final = "TIMEOUT"
