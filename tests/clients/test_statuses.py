"""What a status means by itself, and the delay that a server which is down asks for, in every dialect."""

from collections.abc import Callable
from email.utils import formatdate

import pytest

from llm_manager.clients.anthropic_messages import errors as anthropic
from llm_manager.clients.cohere import errors as cohere
from llm_manager.clients.gemini import errors as gemini
from llm_manager.clients.ollama import errors as ollama
from llm_manager.clients.openai_chat import errors as openai
from llm_manager.clients.who import Who
from llm_manager.domain.error_questions import retry_after
from llm_manager.domain.errors import LLMError, ModelUnavailable
from llm_manager.domain.wire_requests import WireReply

WALL = 1_700_000_000.0
DIALECTS: dict[str, Callable[..., LLMError]] = {
    "anthropic": anthropic.error_of,
    "cohere": cohere.error_of,
    "gemini": gemini.error_of,
    "ollama": ollama.error_of,
    "openai": openai.error_of,
}
FORMS = (
    ((("retry-after", "7"),), 7.0),
    ((("retry-after-ms", "250"), ("retry-after", "9")), 0.25),
    ((("retry-after", formatdate(WALL + 30, usegmt=True)),), 30.0),
    ((("retry-after", "soon"),), None),
    ((("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")), None),
    ((), None),
)


@pytest.mark.parametrize("error_of", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize(("headers", "seconds"), FORMS)
def test_a_server_that_is_down_is_believed_how_long(
    error_of: Callable[..., LLMError], status: int, headers: tuple[tuple[str, str], ...], seconds: float | None
) -> None:
    error = error_of(
        WireReply(status=status, headers=headers, body=b'{"error": {"message": "down"}}'), Who(provider="p", model="m"), wall=WALL
    )
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_seconds == retry_after(error) == seconds


@pytest.mark.parametrize("error_of", DIALECTS.values(), ids=DIALECTS)
def test_what_is_not_there_at_all_asks_for_no_delay(error_of: Callable[..., LLMError]) -> None:
    reply = WireReply(status=404, headers=(("retry-after", "7"),), body=b'{"error": {"message": "no such model"}}')
    assert retry_after(error_of(reply, Who(provider="p", model="m"), wall=WALL)) is None
