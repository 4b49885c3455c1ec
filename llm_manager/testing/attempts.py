"""Attempts made by hand, for tests of layers and clients."""

from returns.result import Result

from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import FREE, Endpoint, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.testing.plain_encoding import encode_plainly

_LIMITS = Limits()
_PROFILE = ModelProfile(name="scripted-1", provider="scripted", locality="local", price=FREE, context_window=128_000, vision=True)
_ENDPOINT = Endpoint(provider="scripted", base_url="http://127.0.0.1:9/v1", locality="local")


def attempt_for(
    request: LLMRequest,
    *,
    model: ModelProfile = _PROFILE,
    endpoint: Endpoint = _ENDPOINT,
    key: Secret | None = None,
    call_id: str = "call-1",
    number: int = 1,
    now: float = 0.0,
    seconds: float = 300.0,
) -> Result[Attempt, LLMError]:
    """The attempt that a request to a scripted model is, made at ``now`` with ``seconds`` to go."""
    return encode_plainly(request, model).map(
        lambda wire: Attempt(
            call_id=call_id,
            number=number,
            request=request,
            model=model,
            endpoint=endpoint,
            wire=wire,
            key=key,
            limits=_LIMITS,
            deadline=now + seconds,
            call_deadline=now + seconds,
            total_seconds=seconds,
        )
    )
