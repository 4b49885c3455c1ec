"""UI generation: a React component, shown as it is written. A stream that is cut never passes for a whole answer.

No model that needs no key writes React well, so the two models are scripted: the first breaks off half-way.
"""

import asyncio
from contextlib import aclosing

from llm_manager import Failure, LLMRequest, StreamFinished, StreamInterrupted, TextDelta
from llm_manager.testing import faults, scripted, scripted_manager

COMPONENT = "export const Total = ({ amount }) =>\n  <strong>{amount} EUR</strong>;"


async def main() -> None:
    """Twice the same wish: cut the first time, whole the second."""
    model = scripted(faults.cut_after(3, of=COMPONENT.split(" ")), COMPONENT, provider="openai", profile={"family": "gpt"})
    request = LLMRequest("A React component that shows a total in bold.", task_type="ui_generation")
    async with scripted_manager(model) as manager:
        for _ in range(2):
            written: list[str] = []
            async with aclosing(manager.stream(request)) as events:
                async for event in events:
                    if isinstance(event, Failure):
                        error = event.failure()
                        if isinstance(error, StreamInterrupted):
                            print(f"cut after {error.partial!r}: not shown as a component")
                        break
                    match event.unwrap():
                        case TextDelta(text=text):
                            written.append(text)
                        case StreamFinished(response=response):
                            print("".join(written))
                            print(response.finish, "".join(written) == response.content)
    # -> cut after 'exportconstTotal': not shown as a component
    # -> export const Total = ({ amount }) =>
    # ->   <strong>{amount} EUR</strong>;
    # -> stop True


asyncio.run(main())
