"""The wire form of scripted models: canonical JSON, so that unequal questions never share a cache key.

It holds what a real codec would send and nothing else: no metadata, deadline, priority or cache policy.
"""

import msgspec
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.wire_requests import WireRequest

_encode = msgspec.json.Encoder(order="deterministic").encode


def encode_plainly(request: LLMRequest, profile: ModelProfile) -> Result[WireRequest, LLMError]:
    """Encode what is asked of which model; total, and equal questions give equal bytes."""
    wanted = request.preferences
    sent = (
        profile.name,
        request.conversation(),
        (wanted.max_tokens, wanted.temperature, wanted.top_p, wanted.stop, wanted.seed),
        request.tools,
        request.tool_choice,
        request.output.tag,
        request.output,
    )
    try:
        return Success(WireRequest(path="/scripted", body=_encode(sent)))
    except (TypeError, ValueError, RecursionError) as fault:
        return Failure(InvalidRequest(message=f"cannot be written as JSON ({type(fault).__name__})", request=request))
