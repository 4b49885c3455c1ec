"""How much of a model's window is asked for, and whether the server dropped a part of the prompt without a word.

A server that is told no ``num_ctx`` uses 4096 tokens of it, or what its machine suggests, and drops the beginning of a longer
prompt in silence. So it is always told:

    context_length in settings    exactly that
    else                          8192, doubled until the prompt, a quarter more and the answer fit, at most the window

It goes in doublings because a server loads a model anew for each other size. Requests also say ``truncate: false`` and
``shift: false``: servers since late 2025 then refuse what does not fit, and end an answer for which no room is left. Older
ones ignore both, so the count they tell is looked at:

    the prompt took all of num_ctx                          it was cut: ContextTooLarge
    it was guessed not to fit, and fewer tokens were read   maybe cut, maybe guessed too high: a notice
    it was guessed to fit                                   nothing, however few were read: a warm cache is not counted by all

A prompt whose guess passes what can be asked for by half is not sent at all, as the routing of requests has it.
"""

from typing import Final, NamedTuple

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.fitting import Defaults
from llm_manager.clients.who import Who
from llm_manager.domain.errors import ContextTooLarge, LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.tokens import estimate_request_tokens

LEAST: Final = 8192
"""What is asked for at least: it holds the history that is sent again by default, and an answer to it."""
MOST: Final = 131_072
"""What is asked for at most of a model whose window is not known."""
ANSWER: Final = 1024
"""The room kept for an answer whose length nobody bounds."""
_SURELY: Final = 1.5
_MORE: Final = 4


class Context(NamedTuple):
    """What is asked for, and what the prompt was guessed to take of it."""

    num_ctx: int
    estimate: int


def context_for(request: LLMRequest, profile: ModelProfile, defaults: Defaults) -> Context:
    """How many tokens to ask for; the same request always asks for the same.

    >>> context_for(LLMRequest("Hi"), ModelProfile(name="m", provider="ollama", context_window=4096), Defaults())
    Context(num_ctx=4096, estimate=4)
    """
    estimate = estimate_request_tokens(request)
    if defaults.context_length is not None:
        return Context(defaults.context_length, estimate)
    most = profile.context_window or MOST
    wanted = request.preferences.max_tokens
    needed = estimate + estimate // _MORE + (wanted if wanted is not None else defaults.max_tokens or ANSWER)
    num_ctx = LEAST
    while num_ctx < needed and num_ctx < most:
        num_ctx *= 2
    return Context(min(num_ctx, most), estimate)


def refused(context: Context, model: str) -> ContextTooLarge | None:
    """Why a prompt is not sent: it surely does not fit what can be asked for."""
    if context.estimate <= context.num_ctx * _SURELY:
        return None
    return ContextTooLarge(
        model=model,
        token_count=context.estimate,
        limit=context.num_ctx,
        message=f"the prompt takes about {context.estimate} tokens and {model} is asked with {context.num_ctx};"
        " context_length in settings may allow more",
    )


def checked(response: LLMResponse, context: Context, who: Who) -> Settled[LLMResponse, LLMError]:
    """Look whether the whole prompt was read, by the rules above."""
    read = 0 if response.usage is None else response.usage.prompt_tokens
    if read == context.num_ctx:
        return Failure(
            ContextTooLarge(
                model=who.model,
                token_count=max(context.estimate, read),
                limit=context.num_ctx,
                message=f"the prompt filled all {context.num_ctx} tokens that were asked for: its beginning was dropped,"
                " or no room was left for an answer",
                origin=who.origin(request_id=response.request_id, charge="certain"),
            )
        )
    if read < context.num_ctx < context.estimate:
        notice = (
            f"{who.model} may not have read the whole prompt: it was guessed at {context.estimate} tokens,"
            f" {read or 'an unknown number'} of {context.num_ctx} were read"
        )
        return Success(evolve(response, notices=(*response.notices, notice)))
    return Success(response)
