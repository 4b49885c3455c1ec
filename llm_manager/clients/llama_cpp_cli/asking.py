"""The two steps of this client: a whole answer, and a stream whose first event has come."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from attrs import frozen
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.clients.llama_cpp_cli import errors
from llm_manager.clients.llama_cpp_cli.codec import command, spoken
from llm_manager.clients.llama_cpp_cli.hearing import Heard, ended, hear
from llm_manager.clients.llama_cpp_cli.models import located
from llm_manager.clients.llama_cpp_cli.places import Place
from llm_manager.clients.llama_cpp_cli.running import Running, finish, last_words, put_down, read, start, taken_up
from llm_manager.clients.telling import begun
from llm_manager.clients.who import Who, who_answers
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.outcomes import Settled
from llm_manager.services.steps import Events, OpenStream, Step
from llm_manager.services.world import World


@frozen(kw_only=True)
class Asking:
    """The steps that a `ModelClient` is made of."""

    answer: Step[Attempt, LLMResponse]
    open: Step[Attempt, OpenStream]


@frozen(kw_only=True)
class AskingDeps:
    """What the steps are made with: where things are, what runs, how many at a time in each event loop."""

    world: World
    place: Callable[[Who], Settled[Place, LLMError]]
    running: Running
    parallel: int
    memory_limit_gb: float | None = None


def asking(deps: AskingDeps) -> Asking:
    """Run the program once for each request; those that find no turn free wait without a process."""
    turns = PerLoop(lambda: asyncio.Semaphore(deps.parallel))

    def found(name: str, who: Who) -> Settled[tuple[Place, Path], LLMError]:
        place = deps.place(who)
        if isinstance(place, Failure):
            return place
        file = located(place.unwrap().folder, name, deps.memory_limit_gb, who)
        return file if isinstance(file, Failure) else Success((place.unwrap(), file.unwrap()))

    async def events(attempt: Attempt, patience_seconds: float | None) -> Events:
        who, said = who_answers(attempt), spoken(attempt.wire)
        async with turns.get():
            there = await deps.world.run_blocking(lambda: found(said.model, who))
            if isinstance(there, Failure):
                yield there
                return
            place, model = there.unwrap()
            heard = Heard(told=replace(begun(wall=deps.world.wall()), model=model.name), stops=said.stop)
            # written here, not in a thread that a cancelled request would leave behind with its files
            put = put_down(said, model, place.how, who)
            if isinstance(put, Failure):
                yield put
                return
            try:
                words = command(said, put.unwrap().files, place.program)
                async with aclosing(_run(words, heard, who, patience_seconds, deps)) as told:
                    async for event in told:
                        yield event
            finally:
                taken_up(put.unwrap())

    async def answer(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        async with aclosing(events(attempt, None)) as told:
            async for event in told:
                if isinstance(event, Failure):
                    return event
                if isinstance(last := event.unwrap(), StreamFinished):
                    return Success(last.response)
        return Failure(errors.closed(who_answers(attempt)))

    async def open_stream(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        rest = events(attempt, attempt.limits.silence_seconds)
        first = await anext(rest)
        if isinstance(first, Failure):
            await rest.aclose()
            return first
        return Success(OpenStream(first=first.unwrap(), rest=rest))

    return Asking(answer=answer, open=open_stream)


async def _run(words: tuple[str, ...], heard: Heard, who: Who, patience_seconds: float | None, deps: AskingDeps) -> Events:
    """What the program tells, which is killed when nobody listens any more."""
    try:
        process, complaints = await start(words, deps.world.environ, deps.running)
    except OSError as error:
        yield Failure(errors.not_started(error, words[0], who))
        return
    try:
        # the model is loaded before the first word: until then only the attempt's own deadline bounds it
        while (chunk := await read(process, patience_seconds if heard.size else None)) != b"":
            if chunk is None:
                yield Failure(errors.silent(who, patience_seconds or 0.0))
                return
            heard, news = hear(heard, chunk, who)
            for event in news:
                yield event
            if heard.told.over:
                return
        last = await last_words(process, complaints, patience_seconds)
        if last is None:
            yield Failure(errors.silent(who, patience_seconds or 0.0))
            return
        if not deps.running.remove(process):
            yield Failure(errors.closed(who))
            return
        for event in ended(heard, *last, who):
            yield event
    finally:
        await finish(process, complaints, deps.running)
