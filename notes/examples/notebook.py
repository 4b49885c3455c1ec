"""Without await: for scripts, notebooks and threads. It works in a cell of a notebook, where an event loop runs already.

The model is scripted; a notebook of yours would say ``blocking(create_default_llm_manager().unwrap())``.
"""

import asyncio

from attrs import frozen

from llm_manager import LLMRequest, blocking
from llm_manager.testing import scripted, scripted_manager


@frozen
class City:
    """A place and its people."""

    name: str
    people: int


async def cell() -> None:
    """What a cell of a notebook does: call and look, though a loop is running around it."""
    model = scripted("Bonjour!", '{"name": "Lyon", "people": 522000}', "one two three", "un", "deux")
    with blocking(scripted_manager(model)) as manager:
        print(manager.generate(LLMRequest("Say hello in French.")).unwrap().content)  # -> Bonjour!
        print(manager.generate_as(City, LLMRequest("A city in France?")).unwrap().value)  # -> City(name='Lyon', people=522000)
        print([event.unwrap().tag for event in manager.stream(LLMRequest("Count to three."))])
        # -> ['TextDelta', 'TextDelta', 'TextDelta', 'StreamFinished']
        rows = manager.generate_all([LLMRequest("One?"), LLMRequest("Two?")], concurrency=1, in_order=True)
        print([(position, outcome.unwrap().content) for position, outcome in rows])  # -> [(0, 'un'), (1, 'deux')]
        print(manager.stats().answered)  # -> 5


asyncio.run(cell())
