"""How a request is arranged so that providers can keep its beginning, and read it again for a fraction of the price.

What stays the same comes first, in the same order each time: the system's words, the tools by name, then what was said. Words of
the system that are there already are not said again. No word of a user, a model or a tool is changed, left out or put elsewhere.
"""

from collections.abc import Iterator
from decimal import Decimal

from attrs import evolve

from llm_manager.domain.messages import Message, TextPart
from llm_manager.domain.models import Price
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Priced, Usage
from llm_manager.policies.pricing import price as price_of


def arranged(request: LLMRequest) -> LLMRequest:
    """The request with a stable beginning, itself when it has one already; arranging twice changes nothing more.

    >>> again = Message(role="system", content="Be brief.")
    >>> arranged(LLMRequest("Hi", system="Be brief.", messages=(again,))).messages
    ()
    """
    tools = request.tools
    if len(tools) > 1:
        by_name = tuple(sorted(tools, key=lambda tool: tool.name))
        tools = tools if by_name == tools else by_name
    messages = request.messages
    if messages and any(message.role == "system" for message in messages):
        once = tuple(_said_once(request))
        messages = messages if len(once) == len(messages) else once
    if tools is request.tools and messages is request.messages:
        return request
    return evolve(request, tools=tools, messages=messages)


def _said_once(request: LLMRequest) -> Iterator[Message]:
    """The messages without those of the system that only repeat words of it."""
    said = set() if request.system is None else {request.system}
    for message in request.messages:
        if message.role == "system" and all(isinstance(part, TextPart) for part in message.content):
            if message.text in said:
                continue
            said.add(message.text)
        yield message


def saved_by_prefixes(usage: Usage, price: Price) -> Decimal | None:
    """What it saved, in US dollars, that the provider had kept the beginning of a prompt; less than nothing where keeping cost more.

    None when the price is not known.
    """
    afresh = evolve(usage, input_tokens=usage.prompt_tokens, cache_read_tokens=0, cache_write_tokens=0, cache_write_long_tokens=0)
    paid, without = price_of(usage, price), price_of(afresh, price)
    return without.usd - paid.usd if isinstance(paid, Priced) and isinstance(without, Priced) else None
