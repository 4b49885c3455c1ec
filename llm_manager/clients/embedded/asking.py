"""The two steps of the embedded client: a whole answer, and a stream whose first event has come."""

import asyncio
from contextlib import aclosing

from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.clients.embedded.codec import Expected, ended, hear
from llm_manager.clients.embedded.hearing import Hearing, SilenceError
from llm_manager.clients.embedded.lease import Lease, Leasing
from llm_manager.clients.embedded.profile import PROVIDER
from llm_manager.clients.embedded.tools import callable_tools
from llm_manager.clients.openai_chat.codec import Told, Who, begun, streamed
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import InvalidRequest, LLMError, ModelUnavailable, Origin, RequestTimeout
from llm_manager.domain.models import ModelProfile
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


def asking(profile: ModelProfile, leasing: Leasing, world: World, *, parallel: int, notices: tuple[str, ...] = ()) -> Asking:
    """Ask the engine, ``parallel`` requests at once in each event loop; others wait their turn without a thread.

    ``notices`` are told with every answer.
    """
    slots = PerLoop(lambda: asyncio.Semaphore(parallel))

    async def ready(attempt: Attempt) -> Settled[Lease, LLMError]:
        if attempt.model.name != profile.name:
            return Failure(_unknown(attempt, profile))
        return await leasing.take()

    async def events(lease: Lease, attempt: Attempt, patience_seconds: float | None) -> Events:
        expected = _expected(profile, attempt, notices)
        told = begun(wall=world.wall())
        hearing, working = await _started(lease, attempt, slots.get(), world)
        try:
            while (piece := await hearing.next(patience_seconds)) is not None:
                told, news = hear(told, piece, expected)
                for event in news:
                    yield event
            outcome = working.result()
            if told.over:
                return
            if isinstance(outcome, Failure):
                yield Failure(_whose(outcome.failure(), attempt))
            elif told.finish is None and lease.over.is_set():
                yield Failure(_closed(profile))
            else:
                for event in ended(told, expected):
                    yield event
        except SilenceError:
            yield Failure(_silent(attempt, told))
        finally:
            hearing.leave()

    async def answer(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        lease = await ready(attempt)
        if isinstance(lease, Failure):
            return lease
        async with aclosing(events(lease.unwrap(), attempt, None)) as told:
            async for event in told:
                if isinstance(event, Failure):
                    return event
                if isinstance(last := event.unwrap(), StreamFinished):
                    return Success(last.response)
        return Failure(ModelUnavailable(model=profile.name, message="the engine gave no answer", reason="server"))

    async def open_(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        lease = await ready(attempt)
        if isinstance(lease, Failure):
            return lease
        rest = events(lease.unwrap(), attempt, attempt.limits.silence_seconds)
        first = await anext(rest)
        if isinstance(first, Failure):
            await rest.aclose()
            return first
        return Success(OpenStream(first=first.unwrap(), rest=rest))

    return Asking(answer=answer, open=open_)


async def _started(
    lease: Lease, attempt: Attempt, slot: asyncio.Semaphore, world: World
) -> tuple[Hearing, "asyncio.Task[Settled[None, LLMError]]"]:
    """Let the engine begin in a thread of its own; its slot is free when it has ended, whoever listens."""
    await slot.acquire()
    hearing = Hearing(lease.over)
    body = streamed(attempt.wire.body).decode()

    def work() -> Settled[None, LLMError]:
        return Success(None) if hearing.stopped else lease.engine.ask(body, attempt.model.name, hearing.tell)

    def done(_finished: "asyncio.Task[Settled[None, LLMError]]") -> None:
        slot.release()
        hearing.end()

    working = asyncio.get_running_loop().create_task(world.run_blocking(work))
    working.add_done_callback(done)
    return hearing, working


def _expected(profile: ModelProfile, attempt: Attempt, notices: tuple[str, ...]) -> Expected:
    return Expected(
        who=Who(provider=PROVIDER, model=profile.name, endpoint=attempt.endpoint.base_url, request=attempt.request),
        calls=bool(callable_tools(attempt.request)),
        notices=notices,
    )


def _whose(error: LLMError, attempt: Attempt) -> LLMError:
    return evolve(error, request=attempt.request) if isinstance(error, InvalidRequest) else error


def _closed(profile: ModelProfile) -> ModelUnavailable:
    message = "the client was closed before the answer ended"
    return ModelUnavailable(model=profile.name, message=message, reason="not_running")


def _silent(attempt: Attempt, told: Told) -> RequestTimeout:
    return RequestTimeout(
        model=attempt.model.name,
        timeout_ms=round(attempt.limits.silence_seconds * 1000),
        phase="stall" if told.delivered else "first_byte",
        origin=Origin(provider=PROVIDER, endpoint=attempt.endpoint.base_url),
    )


def _unknown(attempt: Attempt, profile: ModelProfile) -> ModelUnavailable:
    return ModelUnavailable(
        model=attempt.model.name,
        message=f"the embedded engine has one model, {profile.name}",
        reason="permanent",
        origin=Origin(provider=PROVIDER, endpoint=attempt.endpoint.base_url),
    )
