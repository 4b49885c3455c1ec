"""When a request goes through responses, and the dialect it is spoken in; the client itself is that of chat completions."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.fitting import Defaults
from llm_manager.clients.openai_responses.codec import decode, decode_event, encode, streamed
from llm_manager.clients.talking import Dialect
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest


def dialect(facts: ProviderFacts, defaults: Defaults) -> Dialect:
    """Responses, as this provider speaks them."""
    return Dialect(
        encode=lambda request, model: encode(request, model, facts, defaults),
        streamed=lambda wire: (wire.path, streamed(wire.body)),
        decode=decode,
        decode_event=decode_event,
    )


def needed(facts: ProviderFacts, base_url: str) -> Callable[[LLMRequest, ModelProfile], bool]:
    """Say whether chat completions would refuse a request: for its model, or for tools with a model that reasons.

    The latter is what the provider's own servers do; others that speak its dialect seldom have responses, and take tools.
    """
    only = re.compile(facts.responses_only or r"(?!)")
    tools = facts.responses_for_tools if _is_own(facts.base_url, base_url) else ()

    def needs(request: LLMRequest, model: ModelProfile) -> bool:
        return (bool(request.tools) and model.name.startswith(tools)) or only.match(model.name) is not None

    return needs


def _is_own(own: str, base_url: str) -> bool:
    """Say whether an address is the provider's, in any of its regions."""
    host, asked = urlsplit(own).hostname or "", urlsplit(base_url).hostname or ""
    return asked == host or asked.endswith(f".{host}")
