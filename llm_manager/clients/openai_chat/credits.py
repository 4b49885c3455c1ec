"""What is left to spend at OpenRouter, without any I/O."""

from decimal import Decimal
from math import isfinite
from typing import Final

import msgspec
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.openai_chat import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.usage import Credits
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled


class _Account(Struct, gc=False):
    total_credits: float
    total_usage: float


class _Answer(Struct, gc=False):
    data: _Account


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def read_credits(reply: WireReply, who: Who, wall: float) -> Settled[Credits, LLMError]:
    """Read what was bought and what is spent, in US dollars."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        account = _ANSWER.decode(reply.body).data
    except (ValueError, RecursionError):
        account = None
    if account is None or not (isfinite(account.total_credits) and isfinite(account.total_usage)):
        malformed = endings.malformed("the answer does not tell the credits", who, raw=reply.body, reply=reply)
        return Failure(errors.error_in_body(reply, who, wall=wall) or malformed)
    bought, spent = Decimal(str(account.total_credits)), Decimal(str(account.total_usage))
    return Success(Credits(provider=who.provider, total_usd=bought, used_usd=spent, left_usd=bought - spent))
