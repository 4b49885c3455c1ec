"""A question before a long request: does it fit the window with which a local server loaded the model?

LM Studio loads a model with a window of its own choice, often far below what the model has, and may answer nonsense to what
does not fit. Only requests that could be too long are asked about.
"""

from typing import Final

from returns.result import Failure

from llm_manager.clients.openai_chat.listing import rows_of
from llm_manager.clients.openai_chat.offers import loaded_window
from llm_manager.clients.talking import Line
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import ContextTooLarge, LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.tokens import estimate_request_tokens
from llm_manager.services.steps import Reply, Step

_SURELY_FITS_BYTES: Final = 8192
"""A body as short as this fits the smallest window that is loaded in practice."""
_SURELY: Final = 1.5
"""Tokens are guessed: a request is refused when the guess passes the window by half."""


def asking_for_room(step: Step[Attempt, Reply], line: Line, path: str, *, above_base: bool) -> Step[Attempt, Reply]:
    """The step, kept from sending what surely does not fit; a server that does not tell is asked as it is."""

    async def asked(attempt: Attempt) -> Settled[Reply, LLMError]:
        if len(attempt.wire.body) > _SURELY_FITS_BYTES:
            tokens = estimate_request_tokens(attempt.request)
            window = await _loaded(line, attempt.model.name, path, above_base=above_base)
            if window is not None and tokens > window * _SURELY:
                message = f"{attempt.model.name} is loaded with a window of {window} tokens"
                return Failure(ContextTooLarge(model=attempt.model.name, token_count=tokens, limit=window, message=message))
        return await step(attempt)

    return asked


async def _loaded(line: Line, model: str, path: str, *, above_base: bool) -> int | None:
    outcome = await line.ask(path, above_base=above_base)
    if isinstance(outcome, Failure):
        return None
    rows = rows_of(outcome.unwrap(), line.who(), line.world.wall())
    if isinstance(rows, Failure):
        return None
    return next((window for row in rows.unwrap() if row["id"] == model and (window := loaded_window(row)) is not None), None)
