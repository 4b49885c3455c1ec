"""A stream closed before anyone read its rest is closed all the way down, and told so."""

from returns.result import Failure, Success

from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.services.rests import Rest
from llm_manager.services.steps import Ending, Events, OpenStream, at_end
from llm_manager.testing import run_virtual

ANSWER = LLMResponse(content="ab", model="m", provider="p")


def test_leaving_after_the_first_event_is_told_once() -> None:
    """`left` is called, and the source closed, even though the wrapped generator never began."""
    told: list[str] = []

    async def source() -> Events:
        try:
            yield Success(TextDelta(text="a"))
            yield Success(TextDelta(text="b"))
        finally:
            told.append("closed")

    def ended(ending: Ending) -> Ending:
        told.append("ended")
        return ending

    async def law() -> None:
        events = source()
        first = (await anext(events)).unwrap()
        reply = at_end(Success(OpenStream(first=first, rest=events)), ended, lambda: told.append("left"))
        assert not isinstance(reply, Failure)
        await reply.unwrap().rest.aclose()
        await reply.unwrap().rest.aclose()

    run_virtual(law())
    assert told == ["closed", "left"]


def test_a_rest_that_was_read_closes_as_its_generator_does() -> None:
    """``unread`` is for those that never began."""
    told: list[str] = []

    async def source() -> Events:
        yield Success(TextDelta(text="a"))
        yield Success(StreamFinished(response=ANSWER))

    async def unread() -> None:
        told.append("unread")

    async def law() -> None:
        for read in (anext, lambda rest: rest.asend(None)):
            rest = Rest(source(), unread)
            assert await read(rest) == Success(TextDelta(text="a"))
            await rest.aclose()
        rest = Rest(source(), unread)
        try:
            await rest.athrow(KeyError())
        except KeyError:
            told.append("raised")

    run_virtual(law())
    assert told == ["raised"]
